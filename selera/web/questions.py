"""From the parameters of a request to the question that the service is asked."""

from __future__ import annotations

import math
from collections.abc import Collection

import msgspec
from litestar.di import NamedDependency

from ..contracts.ids import IdKind
from ..serving import (
    DEFAULT_LIMIT,
    PRODUCT_FIELDS,
    Filters,
    Question,
)
from .desk import AtDesk
from .parameters import (
    Brand,
    Category,
    Diversity,
    Exclude,
    Explain,
    Fields,
    IncludeSeen,
    InStock,
    Limit,
    MaxPrice,
    MinPrice,
    SourceCountry,
    Strict,
    Tag,
    UnknownUser,
    read_id,
)
from .problems import invalid


def read_filters(
    desk: AtDesk,
    category: Category = None,
    tag: Tag = None,
    source_country: SourceCountry = None,
    brand: Brand = None,
    min_price: MinPrice = None,
    max_price: MaxPrice = None,
    in_stock: InStock = False,
    exclude: Exclude = None,
) -> Filters:
    """Which products may be listed; a 422 where a parameter cannot be used."""
    excluded = [id for text in exclude or () for id in text.split(",") if id]
    return checked_filters(
        Filters(
            category=tuple(category or ()),
            tag=tuple(tag or ()),
            source_country=tuple(source_country or ()),
            brand=tuple(brand or ()),
            min_price=min_price,
            max_price=max_price,
            in_stock=in_stock,
            exclude=tuple(excluded),
        ),
        desk.service.product_id_kind,
    )


def read_list_question(
    filters: NamedDependency[Filters],
    limit: Limit = DEFAULT_LIMIT,
    fields: Fields = None,
) -> Question:
    """How a list that is the same for everybody is to be made."""
    return Question(limit=limit, filters=filters, fields=read_fields(fields))


def read_question(
    desk: AtDesk,
    filters: NamedDependency[Filters],
    limit: Limit = DEFAULT_LIMIT,
    strict: Strict = True,
    diversity: Diversity = None,
    include_seen: IncludeSeen = False,
    explain: Explain = True,
    fields: Fields = None,
    on_unknown: UnknownUser = "error",
) -> Question:
    """How a user's list is to be made."""
    return Question(
        limit=limit,
        filters=filters,
        strict=strict,
        include_seen=include_seen,
        diversity=desk.service.diversity if diversity is None else finite("diversity", diversity),
        explain=explain,
        profile=desk.asker.may("profiles"),
        fields=read_fields(fields),
        on_unknown=on_unknown,
    )


def checked_filters(filters: Filters, product_id_kind: IdKind) -> Filters:
    """The filters with ids as the shop has them; a 422 where one cannot be used."""
    low, high = filters.min_price, filters.max_price
    for name, price in (("min_price", low), ("max_price", high)):
        if price is not None:
            finite(name, price)
    if low is not None and high is not None and low > high:
        raise invalid("min_price", f"must not be above max_price, got {low:g} and {high:g}")
    if not filters.exclude:
        return filters
    excluded = tuple(read_id("exclude", str(id), product_id_kind) for id in filters.exclude)
    return msgspec.structs.replace(filters, exclude=excluded)


def read_fields(text: str | None) -> frozenset[str] | None:
    """The fields named in a text, with commas between them; a 422 for one that there is not."""
    return None if text is None else known_fields([name for name in text.split(",") if name])


def known_fields(names: Collection[str]) -> frozenset[str]:
    """The fields of a product; a 422 for one that there is not."""
    unknown = sorted(set(names) - set(PRODUCT_FIELDS))
    if unknown:
        known = ", ".join(PRODUCT_FIELDS)
        raise invalid("fields", f"must be of {known}; got {', '.join(unknown)}")
    return frozenset(names)


def finite(field: str, number: float) -> float:
    """The number; a 422 where it is NaN or infinite, which no rule of a range finds."""
    if not math.isfinite(number):
        raise invalid(field, f"must be a number, got {number}")
    return number
