"""Ids and rows meet here only."""

import gc
import pickle
import weakref

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from selera.contracts.ids import UNKNOWN_ROW, IdMap, parse_id


@given(st.lists(st.text(), unique=True, min_size=1))
def test_strings_of_any_characters_go_there_and_back(ids: list[str]) -> None:
    id_map = IdMap.from_ids(ids)
    assert id_map.rows(ids).tolist() == list(range(len(ids)))
    assert id_map.ids(range(len(ids))) == ids


@given(st.lists(st.integers(-(2**63), 2**63 - 1), unique=True, min_size=1), st.integers())
def test_integers_go_there_and_back(ids: list[int], other: int) -> None:
    id_map = IdMap.from_ids(ids)
    assert id_map.rows(ids).tolist() == list(range(len(ids)))
    assert id_map.ids(range(len(ids))) == ids
    assert (other in id_map) == (other in ids)


def test_seven_and_double_oh_seven_are_different() -> None:
    names = IdMap.from_ids(["7", "007", " 7", ""])
    assert [names.row(id) for id in ("7", "007", " 7", "", 7)] == [0, 1, 2, 3, UNKNOWN_ROW]
    numbers = IdMap.from_ids([7])
    assert [numbers.row(id) for id in (7, "7", True, 2**70)] == [0, *[UNKNOWN_ROW] * 3]


@pytest.mark.parametrize("ids", [[1, 1], ["a", "b", "a"]])
def test_a_repeated_id_is_refused(ids: list) -> None:
    with pytest.raises(ValueError, match=f"id {ids[0]!r} appears twice"):
        IdMap.from_ids(ids)


def test_mixed_ids_are_refused() -> None:
    with pytest.raises(ValueError, match="all integers or all strings, got int, str"):
        IdMap.from_ids([1, "a"])


@pytest.mark.parametrize("ids", [[5, 3, 9], ["ä", "b/c"], []])
def test_its_arrays_are_all_of_it(ids: list) -> None:
    id_map = IdMap.from_ids(ids)
    for copy in (IdMap.from_arrays(id_map.to_arrays()), pickle.loads(pickle.dumps(id_map))):
        assert copy.kind == id_map.kind
        assert copy.ids(range(len(copy))) == ids


def test_a_row_outside_is_an_error() -> None:
    with pytest.raises(IndexError, match=r"row 3 is outside 0\.\.2"):
        IdMap.from_ids(np.array([1, 2, 3])).id(3)


@pytest.mark.parametrize(
    ("text", "id"),
    [("3", 3), ("-12", -12), ("0", 0), ("007", None), ("+3", None), ("3.0", None), (" 3", None),
     ("-0", None), ("", None), ("1e3", None), ("\u0663", None), ("9223372036854775808", None)],
)  # fmt: skip
def test_only_canonical_integers_are_integer_ids(text: str, id: int | None) -> None:
    assert parse_id(text, "int") == id
    assert parse_id(text, "str") == text


@given(
    known=st.lists(st.text(st.sampled_from("ab\0é日\ud800"), max_size=4), max_size=40, unique=True),
    asked=st.lists(st.text(st.sampled_from("ab\0é日\ud800"), max_size=6), max_size=40, unique=True),
)
def test_the_rows_of_another_map_are_those_of_its_ids(known: list[str], asked: list[str]) -> None:
    ids = IdMap.from_ids(known)

    assert IdMap.from_ids(asked).rows_of(ids).tolist() == [
        IdMap.from_ids(asked).row(each) for each in known
    ]


def test_the_rows_of_another_map_are_found_for_integers_and_for_long_texts() -> None:
    assert IdMap.from_ids([7, -5, 3]).rows_of(IdMap.from_ids([3, 4, -5])).tolist() == [2, -1, 1]
    long = ["p" * 65 + "a", "p" * 65 + "b"]
    assert IdMap.from_ids(long).rows_of(IdMap.from_ids([*reversed(long), "p"])).tolist() == [
        1,
        0,
        -1,
    ]
    assert IdMap.from_ids([1]).rows_of(IdMap.from_ids(["1"])).tolist() == [-1]


@pytest.mark.parametrize("ids", [[5, 3], ["b", "a"]])
def test_a_map_lets_its_arrays_go_at_once(ids: list) -> None:
    """Not when garbage is collected: they may be those of a mapped model file."""
    id_map = IdMap.from_ids(ids)
    array = weakref.ref(id_map.to_arrays()["order"])
    assert id_map.rows(ids).tolist() == [0, 1]
    gc.disable()
    try:
        del id_map
        assert array() is None
    finally:
        gc.enable()
