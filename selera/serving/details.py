"""From rows of the shop's tables to the structs of an answer."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import msgspec

from ..contracts import protocols
from ..contracts.ids import Id
from .answers import Product, UserProfile

PRODUCT_FIELDS = tuple(field.name for field in msgspec.structs.fields(Product))
"""All that may be told of a product; `product_id` comes first and always is."""

_ALWAYS_TOLD = frozenset(("product_name", "category", "tag", "source_country", "price", "brand"))


def profile_of(
    user_id: Id, profile: protocols.Profile | None, fields: Collection[str]
) -> UserProfile:
    """What may leave of a profile row; null in each field where there is no row."""
    known = profile or {}
    values: dict[str, Any] = {name: known.get(name) for name in fields}
    return UserProfile(user_id, **values)


def product_of(product_id: Id, row: protocols.Product) -> Product:
    """The details of one product: an optional column that the table lacks is absent."""
    values: dict[str, Any] = {
        name: row.get(name) for name in PRODUCT_FIELDS[1:] if name in row or name in _ALWAYS_TOLD
    }
    return Product(product_id, **values)


def trimmed(product: Product, fields: frozenset[str] | None) -> Product:
    """The product with only these fields told, besides its id; all of them for None."""
    if fields is None:
        return product
    return Product(
        product.product_id,
        **{name: getattr(product, name) for name in PRODUCT_FIELDS[1:] if name in fields},
    )
