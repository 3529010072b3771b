import json
import os
import pty
import re
import subprocess
import sys

import pytest

from selera.cli.output import counted, say_json, say_rows, say_table
from selera.serving import UserProfile
from tests.processes import ROOT, clean_environment


def test_json_is_one_object_without_absent_fields(capsys: pytest.CaptureFixture[str]) -> None:
    say_json(UserProfile(user_id="ç/7", name=None))

    assert json.loads(capsys.readouterr().out) == {"user_id": "ç/7", "name": None}


def test_a_table_shows_texts_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    name = "[bold]not markup[/bold] \x1b[31m\nsecond line"

    say_table("title [x]", ("rank", "product"), [(1, name), (2, None), (3, "a" * 300)])

    printed = capsys.readouterr().out
    assert "title [x]" in printed
    assert "[bold]not markup[/bold]  [31m second line" in printed
    assert "a" * 300 in printed
    assert "\x1b" not in printed


def test_rows_are_counted_per_table(capsys: pytest.CaptureFixture[str]) -> None:
    say_rows({"short": 1, "a_longer_name": 1234567})

    assert capsys.readouterr().out.splitlines() == [
        "short                   1 row",
        "a_longer_name   1,234,567 rows",
    ]


@pytest.mark.parametrize(("count", "text"), [(0, "0 rows"), (1, "1 row"), (2000, "2,000 rows")])
def test_a_noun_follows_its_count(count: int, text: str) -> None:
    assert counted(count, "row") == text


SHOWING = """
from selera.cli.output import say_table
product, because = "A very long name of a product " * 3, "Another long name of a product " * 3
say_table(
    "For user 3",
    ("rank", "score", "stars", "id", "product", "category", "price", "because of"),
    [(each, 0.25, 4.5, 1234567 + each, product, "Toys", 1999.5, because) for each in (9, 10)],
)
"""


def _shown(columns: int) -> list[str]:
    """The lines that a terminal of this width gets."""
    ours, theirs = pty.openpty()
    environment = clean_environment(COLUMNS=str(columns), TERM="xterm")
    arguments = [sys.executable, "-c", SHOWING]
    with subprocess.Popen(arguments, cwd=ROOT, env=environment, stdout=theirs) as process:
        os.close(theirs)
        shown = b""
        try:
            while part := os.read(ours, 65536):
                shown += part
        except OSError:
            pass  # Linux says so when the other end is closed
        finally:
            os.close(ours)
    assert process.returncode == 0
    plain = re.sub(r"\x1b\[[0-9;]*m", "", shown.decode())
    return [line.rstrip() for line in plain.splitlines()]


@pytest.mark.parametrize("columns", [66, 80])
def test_a_narrow_terminal_shortens_only_texts(columns: int) -> None:
    title, head, _, *rows = _shown(columns)

    assert title.strip() == "For user 3"
    assert head.split() == ["rank", "score", "stars", "id", "product", "price", "because", "of"]
    assert len(rows) == 2
    for rank, row in enumerate(rows, start=9):
        assert row.split()[:4] == [str(rank), "0.25", "4.50", str(1234567 + rank)]
        assert " 1,999.50 " in row
        assert row.count("…") == 2
        assert len(row) <= columns


def test_a_wide_terminal_has_the_category_too() -> None:
    _, head, _, row, _ = _shown(120)

    assert "category" in head
    assert " Toys " in row
