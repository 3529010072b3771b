import json

import pytest

from selera.cli.output import say_json, say_rows, say_table
from selera.serving import UserProfile


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
    say_rows({"short": 5, "a_longer_name": 1234567})

    assert capsys.readouterr().out.splitlines() == [
        "short                   5 rows",
        "a_longer_name   1,234,567 rows",
    ]
