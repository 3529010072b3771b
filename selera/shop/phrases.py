"""Short review texts in six languages that say what their stars say."""

from __future__ import annotations

from itertools import product

_OPENINGS: dict[str, tuple[tuple[str, ...], ...]] = {
    "id": (
        ("Sangat kecewa", "Barang rusak waktu datang"),
        ("Kurang sesuai harapan", "Kualitasnya di bawah harga"),
        ("Lumayan", "Biasa saja, sesuai harga"),
        ("Bagus", "Puas dengan barangnya"),
        ("Mantap sekali 👍", "Suka banget"),
    ),
    "ms": (
        ("Sangat mengecewakan", "Barang sampai dalam keadaan rosak"),
        ("Tidak seperti yang dijangka", "Kualiti agak rendah"),
        ("Boleh tahan", "Biasa sahaja"),
        ("Bagus", "Berpuas hati"),
        ("Terbaik!", "Memang suka sangat"),
    ),
    "en": (
        ("Very disappointed", "Broke on the first day"),
        ("Not what I expected", "Too expensive for what it is"),
        ("It's okay", "Does its job, nothing more"),
        ("Good quality", "Happy with it"),
        ("Absolutely love it", "Better than I had hoped"),
    ),
    "ja": (
        ("とても残念です", "すぐに壊れました"),
        ("期待ほどではありません", "値段の割に質が低いです"),
        ("普通です", "まあまあです"),
        ("良い品です", "満足しています"),
        ("最高です！", "とても気に入りました"),
    ),
    "es": (
        ("Muy decepcionado", "Llegó roto"),
        ("No es lo que esperaba", "Caro para lo que es"),
        ("Normal", "Cumple, sin más"),
        ("Buena calidad", "Contento con la compra"),
        ("¡Me encanta!", "Mejor de lo que esperaba"),
    ),
    "ar": (
        ("مخيب للآمال جدا", "وصل مكسورا"),
        ("ليس كما توقعت", "الجودة أقل من السعر"),
        ("مقبول", "عادي"),
        ("جودة جيدة", "راض عن المنتج"),
        ("رائع جدا", "أحببته كثيرا"),
    ),
}

_ENDINGS: dict[str, tuple[tuple[str, ...], ...]] = {
    "id": (
        ("tidak akan beli lagi.", "minta uang kembali."),
        ("pengiriman cepat.", "akan beli lagi."),
    ),
    "ms": (
        ("tidak akan beli lagi.", "mohon bayaran balik."),
        ("penghantaran cepat.", "akan beli lagi."),
    ),
    "en": (("would not buy again.", "sent it back."), ("fast delivery.", "will buy again.")),
    "ja": (("もう買いません。", "返品しました。"), ("配送も早かったです。", "また買います。")),
    "es": (
        ("no lo volvería a comprar.", "lo he devuelto."),
        ("envío rápido.", "volveré a comprar."),
    ),
    "ar": (("لن أشتريه مرة أخرى.", "أعدته."), ("التوصيل سريع.", "سأشتريه مرة أخرى.")),
}

_JOINTS = {"ja": "。", "ar": "، "}
TEXTS_PER_STAR = 6


def review_texts(language: str) -> list[str]:
    """All texts of a language: `TEXTS_PER_STAR` for one star, then for two, and so on to five."""
    joint = _JOINTS.get(language, ", ")
    texts = []
    for stars, openings in enumerate(_OPENINGS[language], start=1):
        endings = _ENDINGS[language][stars > 2]
        joined = [_join(opening, joint, ending) for opening, ending in product(openings, endings)]
        texts += joined + [_join(opening, "", "") for opening in openings]
    return texts


def _join(opening: str, joint: str, ending: str) -> str:
    if opening[-1] in "!！" and joint.strip():
        joint = "" if joint == "。" else " "
    return f"{opening}{joint}{ending}"
