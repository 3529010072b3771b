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
from ..serving import MAX_LIMIT, PRODUCT_FIELDS, OnUnknown
from ..state.tokens import LONGEST_TTL_S
from .problems import FieldError, invalid, invalid_fields

MAX_OFFSET = 2**31 - 1

RULES = {
    "limit": f"a whole number from 1 to {MAX_LIMIT}",
    "offset": f"a whole number from 0 to {MAX_OFFSET}",
    "min_price": "a number, at least 0",
    "max_price": "a number, at least 0",
    "in_stock": "true or false",
    "strict": "true or false",
    "diversity": "a number from 0 to 1",
    "include_seen": "true or false",
    "explain": "true or false",
    "on_unknown": "error or popular",
    "fields": "names of fields, with commas between them",
    "ttl_s": f"a whole number from 1 to {LONGEST_TTL_S}",
}
"""What each parameter must be, as the documentation and the errors say it."""

_ANY_OF = "; given several times, of any of them."
_USER_ID = "A user's id, any characters, percent-encoded (a slash is `%2F`)."
_USER_EXAMPLE = [Example(value="3")]
_PRODUCT_ID = "A product's id, any characters, percent-encoded (a slash is `%2F`)."
_PRODUCT_EXAMPLE = [Example(value="17")]

UserIdInPath = Annotated[str, PathParameter(description=_USER_ID, examples=_USER_EXAMPLE)]
UserIdInQuery = Annotated[str, QueryParameter(description=_USER_ID, examples=_USER_EXAMPLE)]
NameInPath = Annotated[
    str, PathParameter(description="A name, percent-encoded.", examples=[Example(value="summer")])
]
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
Category = Annotated[
    list[str] | None,
    QueryParameter(description=f"Only products of this category{_ANY_OF}"),
]
Tag = Annotated[
    list[str] | None, QueryParameter(description=f"Only products with this tag{_ANY_OF}")
]
SourceCountry = Annotated[
    list[str] | None, QueryParameter(description=f"Only products from this country{_ANY_OF}")
]
Brand = Annotated[
    list[str] | None, QueryParameter(description=f"Only products of this brand{_ANY_OF}")
]
MinPrice = Annotated[
    float | None, QueryParameter(ge=0, description="Only products that cost at least this.")
]
MaxPrice = Annotated[
    float | None, QueryParameter(ge=0, description="Only products that cost at most this.")
]
InStock = Annotated[bool, QueryParameter(description="Leave out what is known to be sold out.")]
Exclude = Annotated[
    list[str] | None,
    QueryParameter(
        description="Ids of products that must not appear: given several times, or with commas"
        " between them (an id with a comma: in the body of `POST /recommend`)."
    ),
]
Strict = Annotated[
    bool,
    QueryParameter(
        description="Whether the list may be shorter than `limit` where the filters leave fewer;"
        " if not, it is filled up, and each such place has `source` `filler`."
    ),
]
Diversity = Annotated[
    float | None,
    QueryParameter(
        ge=0,
        le=1,
        description="0 orders by score alone, 1 mostly by unlikeness to what stands above.",
    ),
]
Fields = Annotated[
    str | None,
    QueryParameter(
        description="Fields of `product` that are told, with commas between them; `product_id`"
        f" always is. Of: {', '.join(PRODUCT_FIELDS)}."
    ),
]
UnknownUser = Annotated[
    OnUnknown,
    QueryParameter(description="What an unknown user gets: a 404, or what most users like."),
]
TokenLife = Annotated[
    int,
    QueryParameter(
        ge=1, le=LONGEST_TTL_S, description=f"How many seconds it is good for: {RULES['ttl_s']}."
    ),
]

REPEATABLE = frozenset({"category", "tag", "source_country", "brand", "exclude"})
"""The parameters that may be given several times."""


def read_id(field: str, text: str, kind: IdKind) -> Id:
    """The id that a text is; a 422 where it can be none of this kind of ids.

    `007` is no integer id, and no id is empty or holds a NUL character.
    """
    id = parse_id(text, kind)
    reason = wrong_id(text, kind)
    if id is None or reason is not None:
        raise invalid(field, str(reason))
    return id


def wrong_id(text: str, kind: IdKind) -> str | None:
    """Why a text can be no id of this kind; None where it can."""
    if text == "" or "\0" in text:
        return f"must not be empty or hold a NUL character, got {text!r}"
    if parse_id(text, kind) is None:
        return f"must be an integer as the database has it, got {text!r}"
    return None


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
    pairs = _query(scope["query_string"])
    given = [name for name, _ in pairs]
    names = ", ".join(sorted(known)) or "none"
    wrong = [
        FieldError(name, f"is unknown here; known parameters: {names}")
        for name in dict.fromkeys(given)
        if name not in known
    ]
    wrong += [
        FieldError(name, f"must be given once, got {given.count(name)} times")
        for name in known
        if given.count(name) > 1 and name not in REPEATABLE
    ]
    wrong += [
        FieldError(name, "is required")
        for name, required in known.items()
        if required and name not in given
    ]
    # The framework would take the word for nothing given, and the list for an answer to it.
    wrong += [
        FieldError(name, f"must be {RULES[name]}, got {value!r}")
        for name, value in pairs
        if name in known and name in RULES and value.lower() == "null"
    ]
    if wrong:
        raise invalid_fields(wrong)


def _decoded(field: str, value: str) -> str:
    try:
        return unquote(value, errors="strict")
    except UnicodeDecodeError:
        raise invalid(field, f"must be percent-encoded UTF-8, got {value}") from None


def _query(query_string: bytes) -> list[tuple[str, str]]:
    """The names and values in a query, in their order; a 422 where it is not UTF-8."""
    text = query_string.decode("latin-1")
    try:
        return parse_qsl(text, keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:
        raise invalid("query", "must be percent-encoded UTF-8") from None


@lru_cache(maxsize=256)
def _query_fields(handler: BaseRouteHandler, path_fields: frozenset[str]) -> dict[str, bool]:
    """The query parameters of a route and of what it depends on; whether each is required."""
    dependencies = handler.resolve_dependencies()
    not_queried = path_fields | set(dependencies) | _NO_PARAMETERS
    asked: dict[str, bool] = {}
    waiting = [handler.parsed_fn_signature]
    while waiting:
        for name, definition in waiting.pop().parameters.items():
            if name in dependencies:
                waiting.append(dependencies[name].parsed_fn_signature)
            elif name not in not_queried:
                asked[name] = definition.is_required
    return asked


_NO_PARAMETERS = frozenset({"request", "data", "scope"})
"""What Litestar hands to a function of its own."""
