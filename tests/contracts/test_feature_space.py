"""Which columns a profile or a product has."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from selera.contracts.feature_space import Bands, Categories, FeatureSpace
from selera.contracts.features import Cells, Features, encoded

SPACE = FeatureSpace(
    (
        Categories("gender", ("f", "m")),
        Bands("age", (18.0, 25.0)),
        Categories("tag", ("new", "organic", "straße"), is_list=True),
    )
)


def names(row: dict[str, object]) -> list[str]:
    return [SPACE.names[column] for column in SPACE.encode(row)]


def test_a_row_has_the_columns_of_its_values() -> None:
    assert names({"gender": "m", "age": 18, "tag": "organic"}) == [
        "gender=m",
        "age=18..25",
        "tag=organic",
    ]


@pytest.mark.parametrize("age", [31, "31", 31.0, "31.0"])
def test_a_number_says_the_same_however_it_is_written(age: object) -> None:
    assert names({"age": age}) == ["age=25.."]


def test_a_word_says_the_same_in_any_case_and_form() -> None:
    assert names({"gender": " M "}) == names({"gender": "\uff2d"}) == ["gender=m"]
    assert names({"tag": "STRASSE"}) == names({"tag": "strasse"}) == []
    assert FeatureSpace((Categories("tag", ("strasse",)),)).encode({"tag": "Straße"}).tolist() == [
        0
    ]


def test_a_list_has_each_of_its_values_once() -> None:
    assert names({"tag": "organic, NEW,organic,, rare"}) == ["tag=new", "tag=organic"]


@pytest.mark.parametrize("nothing", [None, "", " ", "rare"])
def test_what_is_missing_or_rare_is_no_column(nothing: object) -> None:
    assert names({"gender": nothing, "tag": nothing}) == []
    assert names({"age": nothing}) == []


@pytest.mark.parametrize("age", ["inf", "nan", "old"])
def test_what_is_no_number_is_in_no_band(age: str) -> None:
    assert names({"age": age}) == []


def test_a_space_comes_back_from_builtins() -> None:
    built = SPACE.to_builtins()
    assert json.loads(json.dumps(built)) == built
    assert FeatureSpace.from_builtins(built) == SPACE


def test_gathered_rows_keep_their_columns() -> None:
    rows = [[0, 3], [], [1]]
    features = Features(
        SPACE.names, np.array([0, 2, 2, 3]), np.array([0, 3, 1], dtype=np.int32), SPACE
    )
    gathered = features.gather(np.array([2, 0, 1, 0]))
    assert [gathered.of(row).tolist() for row in range(4)] == [rows[2], rows[0], rows[1], rows[0]]


VALUES = {
    "gender": [None, "f", " M ", "x"],
    "age": [None, float("nan"), 18.0, 24.5, 70],
    "tag": [None, "", "new", "organic, NEW,organic,, rare", "straße,new"],
    "no field of the space": [1],
}


@given(st.lists(st.tuples(*(st.sampled_from(values) for values in VALUES.values()))))
def test_many_rows_are_encoded_as_each_of_them(rows: list[tuple[object, ...]]) -> None:
    columns = dict(zip(VALUES, zip(*rows, strict=True), strict=False))
    cells = {
        name: Cells(
            VALUES[name], np.array([VALUES[name].index(value) for value in column], dtype=np.int64)
        )
        for name, column in columns.items()
    }
    told = encoded(SPACE, cells, len(rows))
    assert told.names == SPACE.names
    assert [told.of(row).tolist() for row in range(len(told))] == [
        SPACE.encode(dict(zip(VALUES, row, strict=True))).tolist() for row in rows
    ]
