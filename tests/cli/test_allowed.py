from datetime import date
from typing import Annotated, Literal

import pytest
from msgspec import Meta

from selera.cli.allowed import describe


@pytest.mark.parametrize(
    ("type_", "words"),
    [
        (bool, "true or false"),
        (int, "a whole number"),
        (Annotated[int, Meta(ge=0, le=65535)], "a whole number in 0..65535"),
        (Annotated[int, Meta(ge=1)], "a whole number >= 1"),
        (Annotated[float, Meta(gt=0, lt=1)], "a number > 0 and < 1"),
        (str, "a text"),
        (Literal["a", "b"], '"a" or "b"'),
        (str | tuple[float, float], "a text or [a number, a number]"),
        (tuple[Literal["x"], ...], 'a list of "x"'),
        (list[int], "a list of a whole number"),
        (int | None, "a whole number or nothing"),
        (Annotated[str, Meta(description="words")], "a text"),
        (date, "a date"),
    ],
)
def test_what_is_allowed_is_said_in_words(type_: object, words: str) -> None:
    assert describe(type_) == words
