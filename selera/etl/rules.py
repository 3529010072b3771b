"""What makes a row unusable, and the sentence that says so: one list of rules per table.

A row is rejected by the first rule of its list that it breaks. `name` is how the manifest counts
it; the sentence carries the value.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import polars as pl

from ..contracts.behaviors import BehaviorSource
from ..contracts.columns import (
    AT,
    BEHAVIOR,
    PRODUCT_ID,
    QUANTITY,
    RATING,
    REVIEW_TEXT,
    TRANSACTION_VALUE,
    USER_ID,
    VISIT_COUNT,
)
from ..contracts.interactions import RatingScale
from .frames import KEY_COLUMNS, raw

RULE = "rule"
REASON = "reason"

SHOWN_LENGTH = 80
"""Characters of an unreadable value that its sentence shows."""

_AN_INTEGER = "is not an integer"
_A_NUMBER = "is no usable number"
_A_TIME = "is not a date or a time"


class Rule(NamedTuple):
    """One way in which a row can be unusable.

    broken : true for the rows that break the rule
    sentence : why such a row is rejected, with its value
    """

    name: str
    broken: pl.Expr
    sentence: pl.Expr


def split(frame: pl.DataFrame, rules: Sequence[Rule]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows that keep all rules, and the others with the columns `RULE` and `REASON`."""
    number = pl.lit(None, pl.UInt8)
    for place, rule in reversed(list(enumerate(rules))):
        number = pl.when(rule.broken).then(pl.lit(place, pl.UInt8)).otherwise(number)
    judged = frame.with_columns(number.alias(RULE))
    kept = judged.filter(pl.col(RULE).is_null()).drop(RULE)
    broken = judged.filter(pl.col(RULE).is_not_null())
    name, reason = pl.lit(None, pl.String), pl.lit(None, pl.String)
    for place, rule in enumerate(rules):
        here = pl.col(RULE) == place
        name = pl.when(here).then(pl.lit(rule.name)).otherwise(name)
        reason = pl.when(here).then(rule.sentence).otherwise(reason)
    return kept, broken.with_columns(name.alias(RULE), reason.alias(REASON))


def missing(column: str) -> Rule:
    """Neither a value nor anything unreadable stands in `column`."""
    name = f"{column} is missing"
    return Rule(name, pl.col(column).is_null() & pl.col(raw(column)).is_null(), pl.lit(name))


def unreadable(column: str, complaint: str, called: str | None = None) -> Rule:
    """Something unreadable stands in `column`, which is called `called` in the shop."""
    value = pl.col(raw(column))
    quoted = pl.concat_str(pl.lit("'"), value.str.slice(0, SHOWN_LENGTH), pl.lit("'"))
    return _with_value(called or column, complaint, quoted, value.is_not_null())


def _with_value(column: str, complaint: str, value: pl.Expr, broken: pl.Expr) -> Rule:
    """A rule whose sentence is "column value complaint"."""
    sentence = pl.format("{} {} {}", pl.lit(column), value.cast(pl.String), pl.lit(complaint))
    return Rule(f"{column} {complaint}", broken, sentence)


def _below(column: str, limit: int, complaint: str) -> Rule:
    return _with_value(column, complaint, pl.col(column), pl.col(column) < limit)


def usable_id(column: str) -> tuple[Rule, ...]:
    """An id must be there, and an integer where the shop's ids are integers."""
    return missing(column), unreadable(column, _AN_INTEGER)


def _without_text(rule: Rule) -> Rule:
    """The rule for reviews that have nothing but their rating."""
    return rule._replace(broken=rule.broken & pl.col(REVIEW_TEXT).is_null())


_BY_BEHAVIOR: dict[str, tuple[Rule, ...]] = {
    "visit": (
        unreadable(VISIT_COUNT, _A_NUMBER),
        _below(VISIT_COUNT, 1, "is not positive"),
    ),
    "buy": (
        unreadable(TRANSACTION_VALUE, _A_NUMBER),
        _below(TRANSACTION_VALUE, 0, "is negative"),
        unreadable(QUANTITY, _A_NUMBER),
        _below(QUANTITY, 1, "is not positive: the order was cancelled"),
    ),
    "rating": (
        missing(RATING),
        unreadable(RATING, _A_NUMBER),
    ),
    "review": (
        _without_text(unreadable(RATING, _A_NUMBER)),
        _without_text(
            Rule(
                "review has neither text nor rating",
                pl.col(RATING).is_null(),
                pl.lit("the review has neither a text nor a rating"),
            )
        ),
    ),
}


def row_rules(source: BehaviorSource) -> tuple[Rule, ...]:
    """What a row of one behavior table must keep, as far as the row alone can tell.

    The rating of a review that has a text may be unreadable: it is left empty.
    """
    return (
        *usable_id(USER_ID),
        *usable_id(PRODUCT_ID),
        unreadable(AT, _A_TIME, called=source.time_column),
        *_BY_BEHAVIOR[source.behavior],
    )


def shop_rules(product_ids: pl.Series, scale: RatingScale | None) -> tuple[Rule, ...]:
    """What a behavior must keep when the whole shop is known.

    In a shop that keeps no products none is unknown; without ratings there is no scale.
    """
    is_unknown = ~pl.col(PRODUCT_ID).is_in(product_ids.implode())
    if product_ids.is_empty():
        is_unknown = pl.lit(False)
    unknown = _with_value(PRODUCT_ID, "is no known product", pl.col(PRODUCT_ID), is_unknown)
    if scale is None:
        return (unknown,)
    complaint = f"is outside the scale {scale.low:g}..{scale.high:g}"
    return unknown, _without_text(_with_value(RATING, complaint, pl.col(RATING), outside(scale)))


def outside(scale: RatingScale) -> pl.Expr:
    """True where a row has a rating that nobody could have given."""
    return ~pl.col(RATING).is_between(scale.low, scale.high)


def repeated(identity: Sequence[str], value: pl.Expr) -> Rule:
    """The row says again what an earlier row of the frame said: the same `identity`.

    `value` is what the rows are known by; rows where it is null are never the same.
    """
    again = ~pl.struct(identity).is_first_distinct() & value.is_not_null()
    sentence = pl.format("the row {} is repeated", value)
    return Rule("row is repeated", again, sentence)


SAME_ROW = repeated((BEHAVIOR, *KEY_COLUMNS, USER_ID, PRODUCT_ID), pl.coalesce(KEY_COLUMNS))
