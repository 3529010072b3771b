"""Lists by GET: for a user, like a product, popular, trending."""

from __future__ import annotations

from functools import partial
from typing import Any

from litestar import get
from litestar.datastructures import CacheControlHeader
from litestar.di import NamedDependency

from ...serving import (
    PopularAnswer,
    Question,
    RecommendAnswer,
    SimilarAnswer,
    TrendingAnswer,
)
from ..auth import require_user
from ..desk import AtDesk
from ..documentation import problems
from ..parameters import (
    ProductIdInPath,
    ProductIdInQuery,
    UserIdInPath,
    UserIdInQuery,
    read_id,
)

Asked = NamedDependency[Question]

SERVICE_PROBLEMS = ("model_not_ready", "invalid_model", "database_unavailable", "busy")
FOR_A_USER: dict[str, Any] = {"scope": "read", "user_token": True}
_SAME_FOR_ALL = CacheControlHeader(no_cache=True)
"""Not personal: a cache may keep it, but asks whether there is a newer one."""


@get(
    "/recommend/{user_id:str}",
    summary="Products for a user",
    tags=["recommendations"],
    opt=FOR_A_USER,
    responses=problems("user_not_found", "invalid_parameter", *SERVICE_PROBLEMS),
)
async def recommend(desk: AtDesk, user_id: UserIdInPath, question: Asked) -> RecommendAnswer:
    """The best products for a user, best first, with their details, their reasons and the profile.

    What a user did a moment ago counts. A user without a usable history gets what users of a like
    profile like, or what most users like, and `fallback` says so. While the database does not
    answer, the list is made of what was known before, and `degraded` says so.
    """
    id = read_id("user_id", user_id, desk.service.user_id_kind)
    require_user(desk.asker, id)
    service = desk.service
    met = service.at_hand(id)
    is_quick = service.is_quick(id, met, question)
    if is_quick and met is None:
        met = await desk.run(partial(service.meet, id))
    asked = partial(service.recommend, id, question, met)
    # What is quick is done sooner than it could be handed to a thread.
    return asked() if is_quick else await desk.run(asked)


@get(
    "/recommend",
    summary="Products for a user, the id in the query",
    tags=["recommendations"],
    opt=FOR_A_USER,
    responses=problems("user_not_found", "invalid_parameter", *SERVICE_PROBLEMS),
)
async def recommend_by_query(
    desk: AtDesk, user_id: UserIdInQuery, question: Asked
) -> RecommendAnswer:
    """The same call as `/recommend/{user_id}`."""
    answer: RecommendAnswer = await recommend.fn(desk, user_id, question)
    return answer


@get(
    "/similar/{product_id:str}",
    summary="Products like a product",
    tags=["recommendations"],
    opt=FOR_A_USER,
    cache_control=_SAME_FOR_ALL,
    responses=problems("product_not_found", "invalid_parameter", *SERVICE_PROBLEMS),
)
async def similar(desk: AtDesk, product_id: ProductIdInPath, list_question: Asked) -> SimilarAnswer:
    """The products most like a product, best first.

    A product that the model cannot compare yet gets what most users like, and `fallback` says so.
    """
    product = read_id("product_id", product_id, desk.service.product_id_kind)
    return await desk.run(partial(desk.service.similar, product, list_question))


@get(
    "/similar",
    summary="Products like a product, the id in the query",
    tags=["recommendations"],
    opt=FOR_A_USER,
    cache_control=_SAME_FOR_ALL,
    responses=problems("product_not_found", "invalid_parameter", *SERVICE_PROBLEMS),
)
async def similar_by_query(
    desk: AtDesk, product_id: ProductIdInQuery, list_question: Asked
) -> SimilarAnswer:
    """The same call as `/similar/{product_id}`."""
    answer: SimilarAnswer = await similar.fn(desk, product_id, list_question)
    return answer


@get(
    "/popular",
    summary="What most users like",
    tags=["recommendations"],
    opt=FOR_A_USER,
    cache_control=_SAME_FOR_ALL,
    responses=problems("invalid_parameter", *SERVICE_PROBLEMS),
)
async def popular(desk: AtDesk, list_question: Asked) -> PopularAnswer:
    """The products that most users like, best first."""
    return await desk.run(partial(desk.service.popular, list_question))


@get(
    "/trending",
    summary="What is rising",
    tags=["recommendations"],
    opt=FOR_A_USER,
    cache_control=_SAME_FOR_ALL,
    responses=problems("invalid_parameter", *SERVICE_PROBLEMS),
)
async def trending(desk: AtDesk, list_question: Asked) -> TrendingAnswer:
    """The products that gain most users of late, by what the model has learnt; steepest first.

    A score is the excess over what the product's own past lets expect, in standard deviations.
    """
    return await desk.run(partial(desk.service.trending, list_question))
