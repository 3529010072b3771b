"""Users: who there are, what is known of one, a token for a browser, and their deletion."""

from __future__ import annotations

from functools import partial

from litestar import delete, get, post

from ...contracts.errors import ConfigError, UserNotFound
from ...pipeline.receipt import Receipt
from ...serving import DEFAULT_LIMIT, UserAnswer, UserList
from ..desk import AtDesk
from ..documentation import problems
from ..office import Token
from ..parameters import Limit, Offset, TokenLife, UserIdInPath, read_id
from ..problems import invalid

_DATABASE_PROBLEMS = ("database_unavailable", "busy")


@get(
    "/users",
    summary="The ids of the users",
    tags=["users"],
    opt={"scope": "profiles"},
    responses=problems("invalid_parameter", *_DATABASE_PROBLEMS),
)
async def users(
    desk: AtDesk,
    limit: Limit = DEFAULT_LIMIT,
    offset: Offset = 0,
) -> UserList:
    """One page of the ids in the profile table, in the order of the ids."""
    return await desk.run(partial(desk.service.users, limit=limit, offset=offset))


@get(
    "/users/{user_id:str}",
    summary="One user",
    tags=["users"],
    opt={"scope": "profiles"},
    responses=problems("user_not_found", "invalid_parameter", *_DATABASE_PROBLEMS),
)
async def user(desk: AtDesk, user_id: UserIdInPath) -> UserAnswer:
    """A user's profile, and how many usable behaviors of each kind the database holds."""
    id = read_id("user_id", user_id, desk.service.user_id_kind)
    return await desk.run(partial(desk.service.user, id))


@delete(
    "/users/{user_id:str}",
    summary="Erase a user everywhere",
    tags=["users"],
    opt={"scope": "admin"},
    status_code=200,
    responses=problems(
        "user_not_found",
        "invalid_parameter",
        "state_unavailable",
        "training_under_way",
        *_DATABASE_PROBLEMS,
    ),
)
async def erase_user(desk: AtDesk, user_id: UserIdInPath) -> Receipt:
    """Remove a user from the database, the files, every model version and the memory of the API.

    The receipt says what was found where, and what stays. It takes as long as an ETL run does.
    Where a training goes on for 20 seconds, nothing is erased: 503. 404 where nothing holds the
    user, and all could be looked through.
    """
    id = read_id("user_id", user_id, desk.service.user_id_kind)
    receipt = await desk.erasers.run(partial(desk.office.erase, id))
    desk.service.forget(id)
    if receipt.complete and not receipt.found:
        raise UserNotFound(f"no user {id!r}: nothing that Selera keeps holds this id")
    return receipt


@post(
    "/users/{user_id:str}/token",
    summary="A token for one user's browser",
    tags=["users"],
    opt={"scope": "profiles"},
    status_code=200,
    responses=problems("invalid_parameter", "state_unavailable", "busy"),
)
async def issue_token(
    desk: AtDesk,
    user_id: UserIdInPath,
    ttl_s: TokenLife = 900,
) -> Token:
    """A signed token that is good for a short time, and for this user's lists and events alone."""
    id = read_id("user_id", user_id, desk.service.user_id_kind)
    try:
        return await desk.run(partial(desk.office.token, id, ttl_s))
    except ConfigError:
        raise invalid("user_id", "is too long for a token") from None
