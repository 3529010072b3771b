from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from selera.etl import runs
from selera.etl.runs import Runs

SCHEMA: dict[str, pl.DataType] = {"user_id": pl.Int64(), "text": pl.String()}


def frame(user_ids: list[int]) -> pl.DataFrame:
    texts = [f"text {place}" for place in range(len(user_ids))]
    return pl.DataFrame({"user_id": user_ids, "text": texts}, schema=SCHEMA)


@settings(max_examples=30, deadline=None)
@given(
    batches=st.lists(st.lists(st.integers(-20, 20), max_size=30), max_size=4),
    range_rows=st.integers(1, 40),
)
def test_the_ranges_hold_every_row_once_and_in_order(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[int]], range_rows: int
) -> None:
    folder = tmp_path_factory.mktemp("runs") / "users"
    table = Runs(folder, SCHEMA, "user_id", range_rows)
    for batch in batches:
        table.add(frame(batch))
    read = [table.read(part)["user_id"].sort().to_list() for part in table.ranges()]
    assert sum(read, []) == sorted(sum(batches, []))


def test_a_full_run_is_written_and_a_range_is_about_as_long_as_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "RUN_ROWS", 100)
    table = Runs(tmp_path / "users", SCHEMA, "user_id", range_rows=50)
    for start in range(0, 1000, 50):
        table.add(frame([(start + place) * 7 % 1000 for place in range(50)]))
    assert len(list((tmp_path / "users").iterdir())) == 10
    lengths = [len(table.read(part)) for part in table.ranges()]
    assert sum(lengths) == 1000
    assert max(lengths) <= 60


def test_rows_of_one_user_share_a_range(tmp_path: Path) -> None:
    table = Runs(tmp_path / "users", SCHEMA, "user_id", range_rows=3)
    table.add(frame([1, 1, 1, 1, 1, 1, 1, 2]))
    assert max(len(table.read(part)) for part in table.ranges()) == 7
