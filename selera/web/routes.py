"""The routes of the API: each parses, asks the service, and lets the answer be encoded."""

from __future__ import annotations

from functools import partial

from litestar import get
from litestar.datastructures import CacheControlHeader
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler

from ..serving import (
    DEFAULT_LIMIT,
    Health,
    PopularAnswer,
    RecommendAnswer,
    RecommendationService,
    SimilarAnswer,
    UserAnswer,
    UserList,
)
from .about import Live, alive
from .documentation import problems
from .parameters import (
    Explain,
    IncludeSeen,
    Limit,
    Offset,
    ProductIdInPath,
    ProductIdInQuery,
    UnknownUser,
    UserIdInPath,
    UserIdInQuery,
    read_id,
)
from .workers import Workers

Service = NamedDependency[RecommendationService]
Threads = NamedDependency[Workers]

_SAME_FOR_ALL = CacheControlHeader(no_cache=True)
"""Not personal: a cache may keep it, but asks whether there is a newer one."""

_SERVICE_PROBLEMS = ("model_not_ready", "invalid_model", "database_unavailable", "busy")
_DATABASE_PROBLEMS = ("database_unavailable", "busy")


@get(
    "/recommend/{user_id:str}",
    summary="Products for a user",
    tags=["recommendations"],
    responses=problems("user_not_found", "invalid_parameter", *_SERVICE_PROBLEMS),
)
async def recommend(
    service: Service,
    threads: Threads,
    user_id: UserIdInPath,
    limit: Limit = DEFAULT_LIMIT,
    include_seen: IncludeSeen = False,
    on_unknown: UnknownUser = "error",
    explain: Explain = True,
) -> RecommendAnswer:
    """The best products for a user, best first, with their details, their reasons and the profile.

    Answered from what the database holds at this moment, so a purchase made a second ago counts. A
    user without a usable history gets what users of a like profile like, or what most users like,
    and `fallback` says so.
    """
    asked = partial(
        service.recommend,
        read_id("user_id", user_id, service.user_id_kind),
        limit=limit,
        include_seen=include_seen,
        on_unknown=on_unknown,
        explain=explain,
    )
    return await threads.run(asked)


@get(
    "/recommend",
    summary="Products for a user, the id in the query",
    tags=["recommendations"],
    responses=problems("user_not_found", "invalid_parameter", *_SERVICE_PROBLEMS),
)
async def recommend_by_query(
    service: Service,
    threads: Threads,
    user_id: UserIdInQuery,
    limit: Limit = DEFAULT_LIMIT,
    include_seen: IncludeSeen = False,
    on_unknown: UnknownUser = "error",
    explain: Explain = True,
) -> RecommendAnswer:
    """The same call as `/recommend/{user_id}`."""
    answer: RecommendAnswer = await recommend.fn(
        service, threads, user_id, limit, include_seen, on_unknown, explain
    )
    return answer


@get(
    "/similar/{product_id:str}",
    summary="Products like a product",
    tags=["recommendations"],
    cache_control=_SAME_FOR_ALL,
    responses=problems("product_not_found", "invalid_parameter", *_SERVICE_PROBLEMS),
)
async def similar(
    service: Service, threads: Threads, product_id: ProductIdInPath, limit: Limit = DEFAULT_LIMIT
) -> SimilarAnswer:
    """The products most like a product, best first.

    A product that the model cannot compare yet gets what most users like, and `fallback` says so.
    """
    product = read_id("product_id", product_id, service.product_id_kind)
    return await threads.run(partial(service.similar, product, limit=limit))


@get(
    "/similar",
    summary="Products like a product, the id in the query",
    tags=["recommendations"],
    cache_control=_SAME_FOR_ALL,
    responses=problems("product_not_found", "invalid_parameter", *_SERVICE_PROBLEMS),
)
async def similar_by_query(
    service: Service, threads: Threads, product_id: ProductIdInQuery, limit: Limit = DEFAULT_LIMIT
) -> SimilarAnswer:
    """The same call as `/similar/{product_id}`."""
    answer: SimilarAnswer = await similar.fn(service, threads, product_id, limit)
    return answer


@get(
    "/popular",
    summary="What most users like",
    tags=["recommendations"],
    cache_control=_SAME_FOR_ALL,
    responses=problems("invalid_parameter", *_SERVICE_PROBLEMS),
)
async def popular(
    service: Service,
    threads: Threads,
    limit: Limit = DEFAULT_LIMIT,
) -> PopularAnswer:
    """The products that most users like, best first."""
    return await threads.run(partial(service.popular, limit=limit))


@get(
    "/users",
    summary="The ids of the users",
    tags=["users"],
    responses=problems("invalid_parameter", *_DATABASE_PROBLEMS),
)
async def users(
    service: Service,
    threads: Threads,
    limit: Limit = DEFAULT_LIMIT,
    offset: Offset = 0,
) -> UserList:
    """One page of the ids in the profile table, in the order of the ids."""
    return await threads.run(partial(service.users, limit=limit, offset=offset))


@get(
    "/users/{user_id:str}",
    summary="One user",
    tags=["users"],
    responses=problems("user_not_found", "invalid_parameter", *_DATABASE_PROBLEMS),
)
async def user(service: Service, threads: Threads, user_id: UserIdInPath) -> UserAnswer:
    """A user's profile, and how many usable behaviors of each kind the database holds."""
    id = read_id("user_id", user_id, service.user_id_kind)
    return await threads.run(partial(service.user, id))


@get(
    "/health/live",
    summary="Does the process run?",
    tags=["health"],
    responses=problems("invalid_parameter"),
)
async def live() -> Live:
    """Always answered while the process runs; it says nothing of model and database."""
    return alive()


@get(
    "/health/ready",
    summary="Can it answer?",
    tags=["health"],
    responses=problems("invalid_parameter", *_SERVICE_PROBLEMS),
)
async def ready(service: Service, threads: Threads) -> Health:
    """200 where a model is loaded and the database responds; 503 with the reason where not."""
    return await threads.run(service.health)


API_ROUTES: tuple[HTTPRouteHandler, ...] = (
    recommend,
    recommend_by_query,
    similar,
    similar_by_query,
    popular,
    users,
    user,
    live,
    ready,
)
