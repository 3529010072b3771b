"""Lists by POST: for several users at once, or for a basket that belongs to nobody."""

from __future__ import annotations

from functools import partial
from typing import Any

from litestar import Request, post

from ...serving import BatchAnswer, RecommendAnswer
from ..auth import require_user
from ..desk import AtDesk
from ..documentation import problems
from ..problems import invalid
from ..reading import read_body
from ..requests import Asking, read_ids
from .lists import FOR_A_USER, SERVICE_PROBLEMS


@post(
    "/recommend",
    summary="Products for several users, or for a basket",
    tags=["recommendations"],
    opt=FOR_A_USER | {"body": Asking},
    status_code=200,
    responses=problems("invalid_parameter", *SERVICE_PROBLEMS),
)
async def recommend_many(
    desk: AtDesk, request: Request[Any, Any, Any]
) -> BatchAnswer | RecommendAnswer:
    """Lists for up to 100 users in one call, or one list for a visitor without an id.

    Users whom nobody knows are told apart in `unknown_user_ids`. A basket, or what was looked at in
    a session, is answered by the same formula as a user's history; nothing of it is kept.
    """
    data = await read_body(request, Asking)
    if (data.user_ids is None) == (data.product_ids is None):
        raise invalid("body", "must have exactly one of user_ids and product_ids")
    question = data.question(desk.service, desk.asker)
    if data.user_ids is not None:
        user_ids = read_ids("user_ids", data.user_ids, desk.service.user_id_kind)
        for user_id in user_ids:
            require_user(desk.asker, user_id)
        return await desk.run(partial(desk.service.recommend_many, user_ids, question))
    product_ids = read_ids("product_ids", data.product_ids or (), desk.service.product_id_kind)
    return await desk.run(
        partial(desk.service.recommend_basket, product_ids, question, data.behavior)
    )
