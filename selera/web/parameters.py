"""What a request may say: the parameters, their rules, and how they are read."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Any
from urllib.parse import parse_qsl, unquote

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.openapi.spec import Example
from litestar.params import PathParameter, QueryParameter

from ..contracts.ids import Id, IdKind, parse_id
from ..serving import MAX_LIMIT, OnUnknown
from .problems import FieldError, invalid, invalid_fields

MAX_OFFSET = 2**31 - 1

RULES = {
    "limit": f"a whole number from 1 to {MAX_LIMIT}",
    "offset": f"a whole number from 0 to {MAX_OFFSET}",
    "include_seen": "true or false",
    "explain": "true or false",
    "on_unknown": "error or popular",
}
"""What each parameter must be, as the documentation and the errors say it."""

_USER_ID = "A user's id, any characters, percent-encoded (a slash is `%2F`)."
_USER_EXAMPLE = [Example(value="3")]
_PRODUCT_ID = "A product's id, any characters, percent-encoded (a slash is `%2F`)."
_PRODUCT_EXAMPLE = [Example(value="17")]

UserIdInPath = Annotated[str, PathParameter(description=_USER_ID, examples=_USER_EXAMPLE)]
UserIdInQuery = Annotated[str, QueryParameter(description=_USER_ID, examples=_USER_EXAMPLE)]
ProductIdInPath = Annotated[str, PathParameter(description=_PRODUCT_ID, examples=_PRODUCT_EXAMPLE)]
ProductIdInQuery = Annotated[
    str, QueryParameter(description=_PRODUCT_ID, examples=_PRODUCT_EXAMPLE)
]
Limit = Annotated[
    int, QueryParameter(ge=1, le=MAX_LIMIT, description=f"How many: {RULES['limit']}.")
]
Offset = Annotated[
    int, QueryParameter(ge=0, le=MAX_OFFSET, description=f"How many to skip: {RULES['offset']}.")
]
IncludeSeen = Annotated[
    bool, QueryParameter(description="Whether products of the own history may appear.")
]
Explain = Annotated[bool, QueryParameter(description="Whether reasons are given.")]
UnknownUser = Annotated[
    OnUnknown,
    QueryParameter(description="What an unknown user gets: a 404, or what most users like."),
]


def read_id(field: str, text: str, kind: IdKind) -> Id:
    """The id that a text is; a 422 where it can be none of this kind of ids.

    `007` is no integer id, and no id is empty or holds a NUL character.
    """
    id = parse_id(text, kind)
    if id is None:
        raise invalid(field, f"must be an integer as the database has it, got {text!r}")
    if text == "" or "\0" in text:
        raise invalid(field, f"must not be empty or hold a NUL character, got {text!r}")
    return id


async def check_parameters(
    connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler
) -> None:
    """Decode the ids of the path, and refuse a query that the route would ignore in part.

    A guard of every route: unknown, repeated and missing parameters are told all at once. A value
    that is silently ignored would be a lie about the answer.
    """
    scope = connection.scope
    if scope.get("method") == "OPTIONS":
        return
    path_fields = frozenset(scope["path_params"])
    # A new dict: the router keeps the old one for the next request to the same path.
    scope["path_params"] = {
        field: _decoded(field, value) for field, value in scope["path_params"].items()
    }
    known = _query_fields(handler, path_fields)
    given = _query_names(scope["query_string"])
    names = ", ".join(sorted(known)) or "none"
    wrong = [
        FieldError(name, f"is unknown here; known parameters: {names}")
        for name in dict.fromkeys(given)
        if name not in known
    ]
    wrong += [
        FieldError(name, f"must be given once, got {given.count(name)} times")
        for name in known
        if given.count(name) > 1
    ]
    wrong += [
        FieldError(name, "is required")
        for name, required in known.items()
        if required and name not in given
    ]
    if wrong:
        raise invalid_fields(wrong)


def _decoded(field: str, value: str) -> str:
    try:
        return unquote(value, errors="strict")
    except UnicodeDecodeError:
        raise invalid(field, f"must be percent-encoded UTF-8, got {value}") from None


def _query_names(query_string: bytes) -> list[str]:
    """The names in a query, repeated ones repeated; a 422 where it is not UTF-8."""
    text = query_string.decode("latin-1")
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:
        raise invalid("query", "must be percent-encoded UTF-8") from None
    return [name for name, _ in pairs]


@lru_cache(maxsize=256)
def _query_fields(handler: BaseRouteHandler, path_fields: frozenset[str]) -> dict[str, bool]:
    """The query parameters of a route, and whether each is required."""
    not_queried = path_fields | set(handler.resolve_dependencies()) | {"request"}
    return {
        name: definition.is_required
        for name, definition in handler.parsed_fn_signature.parameters.items()
        if name not in not_queried
    }
