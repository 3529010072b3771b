"""Profile and product fields of the CSV become the features that a request would get."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from selera.contracts.columns import PRODUCT_COLUMNS, PROFILE_COLUMNS, TRAINING_COLUMNS
from selera.etl import load_training_csv

PROFILES = [
    {"gender": "female" if user % 2 else "male", "age": str(15 + 5 * user), "location": "Bandung"}
    for user in range(12)
]
PRODUCTS = [
    {
        "category": f"c{item % 2}",
        "tag": "new, organic" if item % 3 else "organic",
        "price": f"{item}.5",
    }
    for item in range(20)
]


def write(path: Path, extra: Sequence[dict[str, Any]] = ()) -> Path:
    """Every user visits every product; `extra` rows follow."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, TRAINING_COLUMNS, lineterminator="\n", restval="")
        writer.writeheader()
        for user, profile in enumerate(PROFILES):
            for item, product in enumerate(PRODUCTS):
                at = "2026-01-01T00:00:00Z"
                row = {"user_id": 7 - user, "product_id": item, "behavior": "visit", "at": at}
                writer.writerow(row | profile | product)
        writer.writerows(extra)
    return path


def test_the_csv_is_encoded_as_a_request_is(tmp_path: Path) -> None:
    data = load_training_csv(write(tmp_path / "data-training.csv")).interactions
    users, items = data.user_features, data.item_features
    assert users is not None
    assert users.space is not None
    assert items is not None
    assert items.space is not None
    for user, profile in enumerate(PROFILES):
        row = data.users.row(7 - user)
        np.testing.assert_array_equal(users.of(row), users.space.encode(profile))
    for item, product in enumerate(PRODUCTS):
        row = data.items.row(item)
        np.testing.assert_array_equal(items.of(row), items.space.encode(product))


def test_usual_values_are_columns_and_no_name_is(tmp_path: Path) -> None:
    data = load_training_csv(write(tmp_path / "data-training.csv")).interactions
    assert data.user_features is not None
    assert data.item_features is not None
    assert {"gender=female", "gender=male", "location=bandung", "age=18..25"} <= set(
        data.user_features.names
    )
    assert {"category=c0", "tag=new", "tag=organic"} <= set(data.item_features.names)
    assert set(data.user_features.fields) <= set(PROFILE_COLUMNS)
    assert set(data.item_features.fields) <= set(PRODUCT_COLUMNS)


def test_bands_of_prices_hold_about_as_many_products_each(tmp_path: Path) -> None:
    features = load_training_csv(write(tmp_path / "data-training.csv")).interactions.item_features
    assert features is not None
    prices = np.array([field == "price" for field in features.fields])
    counts = np.bincount(features.columns, minlength=len(prices))[prices]
    assert counts.sum() == len(PRODUCTS)
    assert counts.max() - counts.min() <= 1


def test_of_several_values_the_latest_that_says_something_holds(tmp_path: Path) -> None:
    row = {"user_id": 7, "product_id": 0, "behavior": "visit"}
    told = [
        {**row, "at": "2026-03-01T00:00:00Z", "gender": ""},
        {**row, "at": "2026-02-01T00:00:00Z", "gender": "female"},
        {**row, "at": "", "gender": "male"},
    ]
    data = load_training_csv(write(tmp_path / "data-training.csv", told)).interactions
    features = data.user_features
    assert features is not None
    names = [features.names[column] for column in features.of(data.users.row(7))]
    assert "gender=female" in names
    assert "gender=male" not in names


def test_a_csv_without_details_has_no_features(tmp_path: Path) -> None:
    path = tmp_path / "data-training.csv"
    header, row = ",".join(TRAINING_COLUMNS), "1,2,visit" + "," * (len(TRAINING_COLUMNS) - 3)
    path.write_text(f"{header}\n{row}\n", encoding="utf-8")
    data = load_training_csv(path).interactions
    assert data.user_features is None
    assert data.item_features is None
