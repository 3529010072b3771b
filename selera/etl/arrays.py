"""From a frame of behaviors to the arrays that models learn from."""

from __future__ import annotations

import polars as pl

from ..contracts.columns import AT, BEHAVIOR, PRODUCT_ID, USER_ID
from ..contracts.features import Features
from ..contracts.ids import IdMap
from ..contracts.interactions import Interactions, RatingScale
from ..contracts.texts import Texts
from .features import features_of

VALUE = "value"
TEXT_PLACE = "text_place"

_USER_ROW = "user_row"
_ITEM_ROW = "item_row"


def build_interactions(
    behaviors: pl.DataFrame,
    scale: RatingScale | None,
    profiles: pl.DataFrame | None = None,
    products: pl.DataFrame | None = None,
    texts: Texts | None = None,
) -> Interactions:
    """Give users rows by their ids and items rows by falling popularity, and sort by rows and time.

    `behaviors` has the columns user_id and product_id (integers or texts), behavior (UInt8 code),
    at (Int64 UTC seconds, `NO_TIME` if unknown) and value (Float32); none of them null. Items of
    equal popularity stand in the order of their ids; behaviors of equal user, item and time keep
    their order. `profiles` and `products` have one row per id: the id, and fields as texts.
    With `texts`, the column text_place (Int32) has the place of each behavior's text, -1 for none.
    """
    users = behaviors.select(USER_ID).unique().sort(USER_ID)
    items = (
        behaviors.group_by(PRODUCT_ID)
        .len()
        .sort("len", PRODUCT_ID, descending=[True, False])
        .select(PRODUCT_ID)
    )
    rows = (
        behaviors.join(_numbered(users, _USER_ROW), on=USER_ID, maintain_order="left")
        .join(_numbered(items, _ITEM_ROW), on=PRODUCT_ID, maintain_order="left")
        .drop(USER_ID, PRODUCT_ID)
        .sort(_USER_ROW, _ITEM_ROW, AT, maintain_order=True)
    )
    return Interactions(
        users=_id_map(users[USER_ID]),
        items=_id_map(items[PRODUCT_ID]),
        user_rows=rows[_USER_ROW].to_numpy(),
        item_rows=rows[_ITEM_ROW].to_numpy(),
        behaviors=rows[BEHAVIOR].to_numpy(),
        values=rows[VALUE].to_numpy(),
        timestamps=rows[AT].to_numpy(),
        rating_scale=scale,
        user_features=_features(users, profiles),
        item_features=_features(items, products),
        texts=texts,
        text_places=None if texts is None else rows[TEXT_PLACE].to_numpy(),
    )


def _features(ids: pl.DataFrame, details: pl.DataFrame | None) -> Features | None:
    """The features of the ids, in their order."""
    if details is None:
        return None
    (name,) = ids.columns
    return features_of(ids.join(details, on=name, how="left", maintain_order="left").drop(name))


def _numbered(ids: pl.DataFrame, name: str) -> pl.DataFrame:
    return ids.with_columns(pl.int_range(pl.len(), dtype=pl.Int32).alias(name))


def _id_map(ids: pl.Series) -> IdMap:
    return IdMap.from_ids(ids.to_numpy() if ids.dtype == pl.Int64() else ids.to_list())
