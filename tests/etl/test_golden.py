from __future__ import annotations

from pathlib import Path

from selera.contracts.tables import BUY, PRODUCT, RATING, REVIEW, USER_PROFILE, VISIT

from .tiny import etl

SHOP = {
    USER_PROFILE: [
        (2, "Budi", "male", 41, 'Jakarta, "Kota"'),
        (1, "Ani", "female", 30, "Bandung"),
        (1, "Ani again", None, None, None),
        (None, "Nobody", "female", 20, "Bogor"),
        (4, "Citra", None, "old", ""),
    ],
    PRODUCT: [
        (10, "Kopi", "drinks", "new", "ID", 125000.0, "Rasa"),
        (11, "茶", "飲み物 😀", None, "JP", None, None),
    ],
    VISIT: [
        (1, 1, 10, 3, "2026-01-02 03:04:05"),
        (2, 1, 10, None, None),
        (3, 2, 10, 0, "2026-01-02"),
        (4, 3, 11, "2", "2026-01-02T03:04:05+07:00"),
        (5, None, 10, 1, None),
    ],
    BUY: [
        (1, 1, 10, 250000, "2026-01-05", 2),
        (2, 10, 11, 0.1, "2026-01-04 10:00:00.999", None),
        (3, 2, 10, -5, "2026-01-04", 1),
        (4, 2, 10, 5, "2026-01-04", -1),
        (5, 2, 99, 5, "2026-01-04", 1),
    ],
    RATING: [
        (1, 1, 11, 4.5, None),
        (1, 1, 11, 4.5, None),
        (2, 2, 11, 6, None),
        (3, 2, 11, "good", None),
        ("k", 2, 11, 5, "someday"),
        ("k2", 2, 11, 1, ""),
        (None, 4, 10, 2, None),
        (None, 4, 10, 2, None),
    ],
    REVIEW: [
        (1, 2, 10, 'First line,\nsecond "line"\r\nthird', "2026-01-03", None),
        (2, 2, 10, None, "2026-01-03", 5),
        (3, 2, 10, "", "2026-01-03", None),
        (4, 2, 11, "Bagus 👍", "2026-01-03", 77),
        (5, "seven", 11, "x", "2026-01-03", None),
    ],
}

HEADER = (
    "user_id,product_id,behavior,at,rating,visit_count,transaction_value,quantity,review_text,"
    "gender,age,location,category,tag,source_country,price,brand\n"
)
TRAINING = HEADER + (
    "1,10,visit,,,,,,,female,30,Bandung,drinks,new,ID,125000.0,Rasa\n"
    "1,10,visit,2026-01-02T03:04:05Z,,3,,,,female,30,Bandung,drinks,new,ID,125000.0,Rasa\n"
    "1,10,buy,2026-01-05T00:00:00Z,,,250000.0,2,,female,30,Bandung,drinks,new,ID,125000.0,Rasa\n"
    "1,11,rating,,4.5,,,,,female,30,Bandung,飲み物 😀,,JP,,\n"
    '2,10,review,2026-01-03T00:00:00Z,,,,,"First line,\nsecond ""line""\r\nthird",'
    'male,41,"Jakarta, ""Kota""",drinks,new,ID,125000.0,Rasa\n'
    '2,10,review,2026-01-03T00:00:00Z,5.0,,,,,male,41,"Jakarta, ""Kota""",'
    "drinks,new,ID,125000.0,Rasa\n"
    '2,11,rating,,1.0,,,,,male,41,"Jakarta, ""Kota""",飲み物 😀,,JP,,\n'
    '2,11,review,2026-01-03T00:00:00Z,,,,,Bagus 👍,male,41,"Jakarta, ""Kota""",飲み物 😀,,JP,,\n'
    "3,11,visit,2026-01-01T20:04:05Z,,2,,,,,,,飲み物 😀,,JP,,\n"
    "4,10,rating,,2.0,,,,,,,,drinks,new,ID,125000.0,Rasa\n"
    "4,10,rating,,2.0,,,,,,,,drinks,new,ID,125000.0,Rasa\n"
    "10,11,buy,2026-01-04T10:00:00Z,,,0.1,,,,,,飲み物 😀,,JP,,\n"
)
REJECTED = (
    "table,key,user_id,product_id,reason\n"
    "data_user_profile,,,,user_id is missing\n"
    "data_user_profile,1,1,,the row 1 is repeated\n"
    "data_user_history_visit_product,3,2,10,visit_count 0 is not positive\n"
    "data_user_history_visit_product,5,,10,user_id is missing\n"
    "data_product_transaction_buy,3,2,10,transaction_value -5.0 is negative\n"
    "data_product_transaction_buy,4,2,10,quantity -1 is not positive: the order was cancelled\n"
    "data_product_transaction_buy,5,2,99,product_id 99 is no known product\n"
    "data_product_rating,1,1,11,the row 1 is repeated\n"
    "data_product_rating,2,2,11,rating 6.0 is outside the scale 1..5\n"
    "data_product_rating,3,2,11,rating 'good' is no usable number\n"
    "data_product_rating,k,2,11,rating_date 'someday' is not a date or a time\n"
    "data_product_reviews,3,2,10,the review has neither a text nor a rating\n"
    "data_product_reviews,5,seven,11,user_id 'seven' is not an integer\n"
)


def test_a_tiny_shop_becomes_exactly_these_bytes(tmp_path: Path) -> None:
    report = etl(tmp_path, SHOP)
    assert (tmp_path / "data-training.csv").read_bytes().decode() == TRAINING
    assert (tmp_path / "data-rejected.csv").read_bytes().decode() == REJECTED
    assert report.n_rows == 12


def test_values_that_a_used_row_does_without_are_counted(tmp_path: Path) -> None:
    tables = etl(tmp_path, SHOP).tables
    assert tables["data_user_profile"].emptied == {"age": 1}
    assert tables["data_product_reviews"].emptied == {"rating": 1}
    assert tables["data_product_rating"].emptied == {}
