"""From rows of the shop's tables to the structs of an answer."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import msgspec

from ..contracts import protocols
from ..contracts.ids import Id
from .answers import Product, UserProfile

_PRODUCT_FIELDS = msgspec.structs.fields(Product)


def profile_of(
    user_id: Id, profile: protocols.Profile | None, fields: Collection[str]
) -> UserProfile:
    """What may leave of a profile row; null in each field where there is no row."""
    known = profile or {}
    values: dict[str, Any] = {name: known.get(name) for name in fields}
    return UserProfile(user_id, **values)


def product_of(product_id: Id, row: protocols.Product) -> Product:
    """The details of one product: a column that the table lacks is absent."""
    values: dict[str, Any] = {
        field.name: row.get(field.name)
        for field in _PRODUCT_FIELDS
        if field.name in row or field.required
    }
    return Product(**(values | {"product_id": product_id}))
