from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from structlog.testing import capture_logs

from selera.contracts.behaviors import BUY_CODE, NO_TIME, RATING_CODE, REVIEW_CODE, VISIT_CODE
from selera.contracts.columns import TRAINING_COLUMNS
from selera.contracts.errors import DataError, NothingToLearn
from selera.contracts.interactions import RatingScale
from selera.contracts.tables import BUY, RATING, REVIEW, VISIT
from selera.etl import EtlConfig, load, load_training_csv, structure

from .tiny import etl

HEADER = ",".join(TRAINING_COLUMNS)
SHOP = {
    VISIT: [(1, 20, 7, 3, "2026-01-02 03:04:05"), (2, 3, 9, None, None)],
    BUY: [(1, 3, 9, 100, "2026-01-04", 2), (2, 3, 9, 5, "2026-01-03", None)],
    RATING: [(1, 20, 9, 4.5, None), (2, 20, 8, 2, None)],
    REVIEW: [(1, 20, 7, "good", "2026-01-02", None), (2, 3, 7, "", None, 5)],
}


def line(*cells: str) -> str:
    """One record whose first cells are these, the others empty."""
    return ",".join([*cells, *[""] * (len(TRAINING_COLUMNS) - len(cells))])


def write(folder: Path, *lines: str, end: str = "\n") -> Path:
    """A CSV of these lines that has no manifest."""
    path = folder / "data-training.csv"
    path.write_bytes(("\n".join((HEADER, *lines)) + end).encode())
    return path


RATING_LINE = line("1", "2", "rating", "", "3.0")


def test_behaviors_become_rows_sorted_by_user_item_and_time(tmp_path: Path) -> None:
    etl(tmp_path, SHOP)
    data = load_training_csv(tmp_path / "data-training.csv")
    loaded = data.interactions
    assert data.n_rows == 8
    assert loaded.users.ids(range(2)) == [3, 20]
    assert loaded.items.ids(range(3)) == [9, 7, 8]  # by falling popularity
    assert loaded.user_rows.tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    assert loaded.item_rows.tolist() == [0, 0, 0, 1, 0, 1, 1, 2]
    codes = [VISIT_CODE, BUY_CODE, BUY_CODE, REVIEW_CODE]
    codes += [RATING_CODE, REVIEW_CODE, VISIT_CODE, RATING_CODE]
    assert loaded.behaviors.tolist() == codes
    np.testing.assert_array_equal(loaded.values, [1, 1, 2, 5, 4.5, np.nan, 3, 2])
    assert loaded.timestamps[[0, 1, 5]].tolist() == [NO_TIME, 1767398400, 1767312000]
    assert loaded.rating_scale == RatingScale(1, 5)


def test_equally_popular_items_stand_in_the_order_of_their_ids(tmp_path: Path) -> None:
    users = [line("u", item, "visit") for item in ("b", "é", "a", "Z")]
    items = load_training_csv(write(tmp_path, *users)).interactions.items
    assert items.ids(range(4)) == ["Z", "a", "b", "é"]


def test_the_manifest_says_what_the_csv_cannot(tmp_path: Path) -> None:
    shop = {RATING: [(1, "7", "1", 3, None)]}
    etl(tmp_path, shop, EtlConfig(rating_scale="0..20"), id_type="TEXT")
    csv = tmp_path / "data-training.csv"
    loaded = load_training_csv(csv).interactions
    assert (loaded.users.kind, loaded.rating_scale) == ("str", RatingScale(0, 20))
    (tmp_path / "data-training.manifest.json").write_text("{}")
    alone = load_training_csv(csv).interactions
    assert (alone.users.kind, alone.rating_scale) == ("int", RatingScale(1, 5))


def test_a_manifest_of_another_csv_is_told_with_both_sizes(tmp_path: Path) -> None:
    etl(tmp_path, SHOP)
    path, manifest = tmp_path / "data-training.csv", tmp_path / "data-training.manifest.json"
    with capture_logs() as calm:
        load_training_csv(path)
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    with capture_logs() as cut:
        load_training_csv(path)
    manifest.write_text("{")
    with capture_logs() as damaged:
        load_training_csv(path)
    manifest.unlink()
    with capture_logs() as alone:
        load_training_csv(path)
    assert not [line for line in calm + alone if line["log_level"] == "warning"]
    (warning,) = (line for line in cut if line["log_level"] == "warning")
    assert "run etl.py again" in warning["event"]
    assert (warning["csv_rows"], warning["manifest_rows"]) == (7, 8)
    (warning,) = (line for line in damaged if line["log_level"] == "warning")
    assert (warning["csv_rows"], warning["manifest_rows"]) == (7, "unknown")


@pytest.mark.parametrize(
    ("ids", "kind"),
    [
        (["7", "-8", "0", "9223372036854775807"], "int"),
        (["7", "007"], "str"),
        (["7", "+8"], "str"),
        (["7", "-0"], "str"),
        (["9223372036854775808"], "str"),
        (["7", "٧"], "str"),
        (["1.0"], "str"),
    ],
)
def test_ids_are_integers_only_if_all_are_written_so(
    tmp_path: Path, ids: list[str], kind: str
) -> None:
    path = write(tmp_path, *(line(id, "1", "visit") for id in ids))
    assert load_training_csv(path).interactions.users.kind == kind


def test_a_csv_from_another_editor_is_read(tmp_path: Path) -> None:
    path = tmp_path / "data-training.csv"
    lines = (HEADER, line("2", "1", "visit"), line("1", '"1"', "visit", "2026-01-02T00:00:00Z"))
    path.write_bytes(("\ufeff" + "\r\n".join(lines) + "\r\n").encode())
    loaded = load_training_csv(path).interactions
    assert loaded.users.ids(range(2)) == [1, 2]
    assert loaded.timestamps.tolist() == [1767312000, NO_TIME]


def test_columns_may_be_more_and_in_another_order(tmp_path: Path) -> None:
    path = tmp_path / "data-training.csv"
    names = [*reversed(TRAINING_COLUMNS), "margin"]
    cells = {"user_id": "1", "product_id": "2", "behavior": "visit", "margin": "0.3"}
    path.write_text(",".join(names) + "\n" + ",".join(cells.get(n, "") for n in names) + "\n")
    assert load_training_csv(path).interactions.values.tolist() == [1.0]


BROKEN = [
    ("x" * 30 + "\n", r"csv:1 lacks the columns user_id, product_id, .*brand\. Run etl\.py again"),
    (HEADER.replace("rating", "stars") + "\n", r"csv:1 lacks the columns rating\."),
    (HEADER + ",rating\n" + RATING_LINE + ",\n", "csv:1 names a column twice"),
    (f"{HEADER}\n{RATING_LINE},\n", "csv:2 has 18 fields instead of 17"),
    (f"{HEADER}\n{RATING_LINE[:-1]}\n", "csv:2 has 16 fields instead of 17"),
    (f"{HEADER}\n{RATING_LINE}\n\n", "csv:3 has 1 fields instead of 17"),
    (f"{HEADER}\n{RATING_LINE}", "csv:2 has no end: the file was cut"),
    (f'{HEADER}\n{RATING_LINE}\n1,2,review,,,,,,"a\nb', "csv:3 opens a quoted field that never"),
    (f"{HEADER}\n1,2,rating,,many,,,,,,,,,,,,\n", "csv:2 rating 'many' is not a number"),
    (f"{HEADER}\n1,2,rating,,nan,,,,,,,,,,,,\n", "csv:2 rating 'nan' is not a number"),
    (f"{HEADER}\n1,2,rating,,,,,,,,,,,,,,\n", "csv:2 rating '' is not a number"),
    (f"{HEADER}\n1,2,visit,,,2.5,,,,,,,,,,,\n", "csv:2 visit_count '2.5' is not a positive whole"),
    (f"{HEADER}\n1,2,buy,,,,1,0,,,,,,,,,\n", "csv:2 quantity '0' is not a positive whole number"),
    (f"{HEADER}\n1,2,buy,,,,x,1,,,,,,,,,\n", "csv:2 transaction_value 'x' is not a number"),
    (f"{HEADER}\n1,2,visit,,,1,,,,,old,,,,,,\n", "csv:2 age 'old' is not a whole number"),
    (f"{HEADER}\n1,2,visit,2026-01-02,,,,,,,,,,,,,\n", "csv:2 at '2026-01-02' is not a UTC time"),
    (f"{HEADER}\n1,2,like,,,,,,,,,,,,,,\n", "csv:2 behavior 'like' is not one of visit, buy"),
    (f"{HEADER}\n,2,visit,,,,,,,,,,,,,,\n", "csv:2 user_id '' is not an integer"),
    (f'{HEADER}\nu,"",visit,,,,,,,,,,,,,,\n', "csv:2 product_id '' is not an id"),
    (
        f'{HEADER}\nu,p,visit,,,,,,,,,,,,,,\n"",p,visit,,,,,,,,,,,,,,\n',
        "csv:3 user_id '' is not an id",
    ),
    (
        f'{HEADER}\n1,2,review,,,,,,"a\n\nb",,,,,,,,\n1,2,rating,,five,,,,,,,,,,,,\n',
        "csv:5 rating 'five' is not a number",
    ),
]


@pytest.mark.parametrize(("content", "message"), BROKEN, ids=[each[1] for each in BROKEN])
@pytest.mark.parametrize("block", [16, 1 << 22])
def test_a_broken_csv_is_told_with_its_line_and_the_cure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str, message: str, block: int
) -> None:
    monkeypatch.setattr(structure, "_BLOCK", block)
    path = tmp_path / "data-training.csv"
    path.write_bytes(content.encode())
    with pytest.raises(DataError, match=message):
        load_training_csv(path)


@pytest.mark.parametrize("block", [16, 1 << 22])
def test_bytes_that_are_no_utf8_are_told_with_their_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(structure, "_BLOCK", block)
    path = write(tmp_path, RATING_LINE, "😀")
    path.write_bytes(path.read_bytes()[:-2])
    with pytest.raises(DataError, match="csv:3 has no end"):
        load_training_csv(path)
    path.write_bytes(path.read_bytes() + b"\n")
    with pytest.raises(DataError, match="csv:3 is not UTF-8"):
        load_training_csv(path)
    path.write_bytes(b"\xff" + path.read_bytes())
    with pytest.raises(DataError, match="csv:1 is not UTF-8"):
        load_training_csv(path)


def test_quoted_fields_of_any_length_are_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(structure, "_BLOCK", 16)
    text = '"' + 'so, ""good""\n' * 40 + '"'
    path = write(tmp_path, ",".join(["1", "2", "review", "", "", "", "", "", text, *[""] * 8]))
    assert load_training_csv(path).n_rows == 1


@pytest.mark.parametrize("content", ["", "\n"])
def test_an_empty_file_is_told(tmp_path: Path, content: str) -> None:
    path = tmp_path / "data-training.csv"
    path.write_text(content)
    with pytest.raises(DataError, match=r"data-training\.csv is empty\. Run etl\.py again"):
        load_training_csv(path)


def test_a_header_alone_is_nothing_to_learn(tmp_path: Path) -> None:
    with pytest.raises(NothingToLearn, match="has a header but no behaviors"):
        load_training_csv(write(tmp_path))


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"There is no .*data-training\.csv\. Run etl\.py"):
        load_training_csv(tmp_path / "data-training.csv")


def test_a_file_that_is_replaced_meanwhile_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, RATING_LINE)
    newer = tmp_path / "newer.csv"
    newer.write_text(f"{path.read_text()}{RATING_LINE}\n")
    build = load.build_interactions

    def replace_and_build(*arguments: object) -> object:
        if newer.exists():
            os.replace(newer, path)
        return build(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(load, "build_interactions", replace_and_build)
    assert load_training_csv(path).n_rows == 2


def test_nobody_rated_means_no_scale(tmp_path: Path) -> None:
    assert (
        load_training_csv(write(tmp_path, line("1", "2", "visit"))).interactions.rating_scale
        is None
    )
