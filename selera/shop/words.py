"""The words that the sample shop is made of. All brands are invented."""

from __future__ import annotations

from typing import NamedTuple


class CategoryWords(NamedTuple):
    """One category: price is the median in IDR; cycle_days is 0 where nobody buys it again."""

    name: str
    price: float
    cycle_days: int
    nouns: tuple[str, ...]
    tags: tuple[str, ...]


CATEGORIES: tuple[CategoryWords, ...] = (
    CategoryWords(
        "Coffee & Tea",
        68_000,
        24,
        ("Arabica Beans", "Robusta Ground", "Jasmine Tea", "Oolong Leaves", "Drip Bags", "Matcha"),
        ("organic", "single origin", "gift", "bestseller"),
    ),
    CategoryWords(
        "Snacks",
        24_000,
        18,
        ("Cassava Chips", "Tempeh Crisps", "Rice Crackers", "Almond Cookies", "Seaweed Rolls"),
        ("spicy", "sweet", "vegan", "family pack"),
    ),
    CategoryWords(
        "Kitchen Staples",
        46_000,
        27,
        ("Jasmine Rice", "Coconut Oil", "Palm Sugar", "Soy Sauce", "Chili Sambal", "Sea Salt"),
        ("organic", "family pack", "halal", "everyday"),
    ),
    CategoryWords(
        "Skin Care",
        119_000,
        38,
        ("Face Serum", "Sunscreen", "Clay Mask", "Night Cream", "Rice Toner", "Lip Balm"),
        ("sensitive", "vegan", "travel size", "bestseller"),
    ),
    CategoryWords(
        "Hair Care",
        74_000,
        42,
        ("Shampoo", "Conditioner", "Hair Oil", "Scalp Tonic", "Hair Mask"),
        ("herbal", "anti frizz", "family pack", "travel size"),
    ),
    CategoryWords(
        "Baby Care",
        132_000,
        21,
        ("Diapers", "Wet Wipes", "Baby Lotion", "Feeding Bottle", "Cotton Bibs"),
        ("newborn", "sensitive", "family pack", "gift"),
    ),
    CategoryWords(
        "Pet Food",
        98_000,
        26,
        ("Cat Kibble", "Dog Kibble", "Tuna Pouches", "Dental Sticks", "Bird Seed"),
        ("grain free", "senior", "puppy", "family pack"),
    ),
    CategoryWords(
        "Vitamins",
        156_000,
        33,
        ("Vitamin C", "Fish Oil", "Turmeric Capsules", "Multivitamin", "Honey Syrup"),
        ("halal", "vegan", "immunity", "family pack"),
    ),
    CategoryWords(
        "Batik & Fashion",
        245_000,
        0,
        ("Batik Shirt", "Linen Dress", "Denim Jacket", "Cotton Hijab", "Wool Scarf", "Chino Pants"),
        ("handmade", "office", "casual", "limited"),
    ),
    CategoryWords(
        "Shoes",
        398_000,
        0,
        ("Running Shoes", "Leather Loafers", "Canvas Sneakers", "Trail Boots", "Sandals"),
        ("waterproof", "casual", "sport", "leather"),
    ),
    CategoryWords(
        "Bags",
        312_000,
        0,
        ("Backpack", "Tote Bag", "Sling Bag", "Laptop Sleeve", "Cabin Suitcase"),
        ("waterproof", "handmade", "travel", "leather"),
    ),
    CategoryWords(
        "Jewelry",
        540_000,
        0,
        ("Silver Ring", "Pearl Earrings", "Jade Bracelet", "Gold Necklace", "Brass Cuff"),
        ("handmade", "gift", "wedding", "limited"),
    ),
    CategoryWords(
        "Phones & Gadgets",
        2_350_000,
        0,
        ("Smartphone", "Earbuds", "Smart Watch", "Power Bank", "Bluetooth Speaker"),
        ("5G", "wireless", "refurbished", "bestseller"),
    ),
    CategoryWords(
        "Computers",
        4_900_000,
        0,
        ("Laptop", "Mechanical Keyboard", "Monitor", "Wireless Mouse", "Solid State Drive"),
        ("gaming", "office", "portable", "refurbished"),
    ),
    CategoryWords(
        "Home & Living",
        186_000,
        0,
        ("Rattan Lamp", "Floor Rug", "Throw Pillow", "Wall Clock", "Teak Stool", "Bed Linen"),
        ("handmade", "minimalist", "eco", "gift"),
    ),
    CategoryWords(
        "Cookware",
        274_000,
        0,
        ("Cast Iron Wok", "Chef Knife", "Clay Pot", "Rice Cooker", "Bamboo Steamer"),
        ("nonstick", "professional", "eco", "gift"),
    ),
    CategoryWords(
        "Books",
        92_000,
        0,
        ("Travel Guide", "Cook Book", "Picture Book", "Poetry Collection", "Field Notebook"),
        ("hardcover", "paperback", "children", "bilingual"),
    ),
    CategoryWords(
        "Toys & Games",
        148_000,
        0,
        ("Wooden Puzzle", "Board Game", "Building Bricks", "Kite", "Plush Orangutan"),
        ("children", "family", "educational", "handmade"),
    ),
    CategoryWords(
        "Sports",
        264_000,
        0,
        ("Badminton Racket", "Yoga Mat", "Swim Goggles", "Dumbbell Set", "Cycling Gloves"),
        ("professional", "beginner", "outdoor", "lightweight"),
    ),
    CategoryWords(
        "Music",
        820_000,
        0,
        ("Acoustic Guitar", "Ukulele", "Angklung Set", "Studio Headphones", "Digital Piano"),
        ("beginner", "professional", "handmade", "portable"),
    ),
)

SERIES = (
    "Classic Prima Lite Pro Nusa Daily Royal Fresh Urban Heritage Pure Bold Mini Grand Nova Senja "
    "Fajar Rimba Samudra Puncak Eco Signature Comfort Active Original Select Harmony Breeze Ember "
    "Lotus"
).split()

BRANDS: tuple[tuple[str, str], ...] = (
    ("Lintara", "Indonesia"),
    ("Sekarwangi", "Indonesia"),
    ("Tirtamaya", "Indonesia"),
    ("Bumiraya Karsa", "Indonesia"),
    ("Kaluna", "Indonesia"),
    ("Rumpinara", "Indonesia"),
    ("Padisari", "Indonesia"),
    ("Gandaria Works", "Indonesia"),
    ("Wanakita", "Indonesia"),
    ("Suryantara", "Indonesia"),
    ("Seri Melur", "Malaysia"),
    ("Rimbunan Jati", "Malaysia"),
    ("Kesumba", "Malaysia"),
    ("Mayura Siam", "Thailand"),
    ("Lannavo", "Thailand"),
    ("Sen Vang", "Vietnam"),
    ("Mekora", "Vietnam"),
    ("Hoshimori", "Japan"),
    ("Asanagi Kobo", "Japan"),
    ("Tsukinode", "Japan"),
    ("Haneulbit", "South Korea"),
    ("Dalmoru", "South Korea"),
    ("Yunhewei", "China"),
    ("Qingluo", "China"),
    ("Suryavanta", "India"),
    ("Nilgirika", "India"),
    ("Kestrelby", "United Kingdom"),
    ("Thornwick & Vale", "United Kingdom"),
    ("Lindenhofer", "Germany"),
    ("Bergquell", "Germany"),
    ("Maison Virelle", "France"),
    ("Clairbois", "France"),
    ("Oltremonte", "Italy"),
    ("Bellacorda", "Italy"),
    ("Prairiewell", "United States"),
    ("Juniper Forge", "United States"),
    ("Kowhai Bay", "New Zealand"),
    ("Fjellvind", "Norway"),
    ("Araucaria Sur", "Brazil"),
    ("Warrabee", "Australia"),
)


class Culture(NamedTuple):
    """Where a user may come from: share of users, language of reviews, names, places."""

    share: float
    language: str
    female: tuple[str, ...]
    male: tuple[str, ...]
    family: tuple[str, ...]
    places: tuple[str, ...]


CULTURES: tuple[Culture, ...] = (
    Culture(
        0.52,
        "id",
        ("Siti", "Dewi", "Ayu", "Rina", "Wulan", "Indah", "Fitri", "Kartika", "Nur", "Ratna"),
        ("Budi", "Agus", "Rizky", "Dimas", "Eko", "Bayu", "Andi", "Fajar", "Hendra", "Joko"),
        ("Santoso", "Wijaya", "Pratama", "Lestari", "Siregar", "Hidayat", "Nasution", "Halim"),
        ("Jakarta", "Surabaya", "Bandung", "Medan", "Makassar", "Yogyakarta", "Denpasar"),
    ),
    Culture(
        0.14,
        "ms",
        ("Aisyah", "Nurul", "Farah", "Hana", "Siew Ling", "Kavitha"),
        ("Amirul", "Hafiz", "Faizal", "Wei Jie", "Arvind", "Zulkifli"),
        ("Rahman", "Ismail", "Tan", "Lim", "Subramaniam", "Yusof"),
        ("Kuala Lumpur", "Johor Bahru", "Penang", "Kota Kinabalu"),
    ),
    Culture(
        0.14,
        "en",
        ("Olivia", "Grace", "Chloe", "Priya", "Hannah", "Zoë"),
        ("Liam", "Noah", "Arjun", "Ethan", "Oscar", "Finn"),
        ("Smith", "O'Brien", "Patel", "Nguyen", "Walker", "Okafor"),
        ("Singapore", "Sydney", "London", "Manila", "Auckland"),
    ),
    Culture(
        0.08,
        "ja",
        ("美咲", "陽菜", "さくら", "結衣"),
        ("大翔", "蓮", "悠真", "健太"),
        ("佐藤", "鈴木", "高橋", "田中"),
        ("東京", "大阪", "福岡"),
    ),
    Culture(
        0.06,
        "es",
        ("María", "Lucía", "Sofía", "Inés"),
        ("José", "Andrés", "Mateo", "Íñigo"),
        ("García", "Muñoz", "Rodríguez", "Peña"),
        ("Madrid", "Ciudad de México", "Bogotá"),
    ),
    Culture(
        0.06,
        "ar",
        ("فاطمة", "ليلى", "مريم", "نور"),
        ("أحمد", "يوسف", "عمر", "خالد"),
        ("حسن", "المصري", "العلي", "منصور"),
        ("دبي", "القاهرة", "جدة"),
    ),
)
