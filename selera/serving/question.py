"""What is asked of the service: how long a list, of which products, and how it is to be made."""

from __future__ import annotations

import msgspec

from ..contracts.ids import Id
from .config import DEFAULT_LIMIT, OnUnknown


class Filters(msgspec.Struct, frozen=True, gc=False):
    """Which products may be listed; what is empty or None asks for nothing.

    category, tag, source_country, brand : any one of these values, as the shop spells them; a
        product with several tags, separated by commas, has each of them
    min_price, max_price : both included; a product without a price meets neither
    in_stock : leaves out what is known to be sold out
    exclude : products that must not appear
    """

    category: tuple[str, ...] = ()
    tag: tuple[str, ...] = ()
    source_country: tuple[str, ...] = ()
    brand: tuple[str, ...] = ()
    min_price: float | None = None
    max_price: float | None = None
    in_stock: bool = False
    exclude: tuple[Id, ...] = ()

    def relaxed(self) -> Filters:
        """What still holds where a list may be filled up: stock and the excluded products."""
        return Filters(in_stock=self.in_stock, exclude=self.exclude)


NO_FILTERS = Filters()


class Question(msgspec.Struct, frozen=True, gc=False):
    """How a list is to be made; equal questions of the same user have equal answers.

    limit : places of the list
    filters : which products may appear
    strict : fewer places where the filters leave fewer products; else the list is filled up with
        what they would leave out, and each such place says so
    include_seen : whether products of the user's own history may appear
    diversity : 0 orders by score alone, 1 mostly by unlikeness to what stands above
    explain : whether reasons are given
    profile : whether the user's profile fields may be told
    fields : fields of a product's details; None for all, `product_id` always is
    on_unknown : whether a user whom nobody knows is an error
    """

    limit: int = DEFAULT_LIMIT
    filters: Filters = NO_FILTERS
    strict: bool = True
    include_seen: bool = False
    diversity: float = 0.0
    explain: bool = True
    profile: bool = True
    fields: frozenset[str] | None = None
    on_unknown: OnUnknown = "error"


DEFAULT_QUESTION = Question()
