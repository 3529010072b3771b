"""A user's behaviors, as rows and as columns."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from selera.contracts.behaviors import (
    BEHAVIORS,
    NO_BEHAVIORS,
    NO_TIME,
    BehaviorRow,
    Behaviors,
)
from selera.contracts.ids import Id


def _rows(ids: st.SearchStrategy[Id]) -> st.SearchStrategy[list[BehaviorRow]]:
    row = st.builds(
        BehaviorRow,
        ids,
        st.sampled_from(BEHAVIORS),
        st.just(math.nan) | st.integers(0, 1000).map(float),
        st.just(NO_TIME) | st.integers(-(2**40), 2**40),
        st.sampled_from(["", "good", "ไม่ดี"]),
    )
    return st.lists(row, max_size=5)


def _told(packed: Behaviors) -> list[BehaviorRow]:
    texts = dict(packed.texts)
    columns = (packed.products(), packed.codes, packed.values, packed.timestamps)
    return [
        BehaviorRow(id, BEHAVIORS[code], float(value), int(at), texts.get(place, ""))
        for place, (id, code, value, at) in enumerate(zip(*columns, strict=True))
    ]


@given(_rows(st.integers(-(2**63), 2**63 - 1)) | _rows(st.text()))
def test_columns_tell_what_the_rows_told(rows: list[BehaviorRow]) -> None:
    packed = Behaviors.of(rows)
    assert len(packed) == len(rows)
    assert list(map(repr, _told(packed))) == list(map(repr, rows))  # NaN is equal to nothing


def test_columns_are_copies_which_may_be_written_to() -> None:
    for n in (1, 3):
        packed = Behaviors.of([BehaviorRow(5, "rating", 4.0, 7)] * n)
        packed.values[:] = np.nan
        assert packed.values.tolist() == [4.0] * n


def test_a_behavior_takes_a_few_bytes() -> None:
    packed = Behaviors.of([BehaviorRow(5, "rating", 4.0, 7)] * 1000)
    assert isinstance(packed.product_ids, np.ndarray)
    assert packed.told.nbytes + packed.product_ids.nbytes <= 32 * 1000
    assert len(NO_BEHAVIORS) == 0
