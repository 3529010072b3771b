"""From any exception to the answer that tells it."""

from __future__ import annotations

import logging
from math import ceil
from typing import Any

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException

from ..contracts.errors import RateLimited, SeleraError
from .bodies import of_the_body
from .levels import log_level
from .parameters import RULES
from .problems import (
    INTERNAL_ERROR,
    PROBLEM_MEDIA_TYPE,
    FieldError,
    Problem,
    ProblemKind,
    problem_kind,
)
from .reading import MOST_FAULTS

_LONGEST_MESSAGE = 300
_LONGEST_DETAIL = 500
_LONGEST_PATH = 200
_LONGEST_NAME = 80
"""Characters of what was asked, which may be of any length, are told back up to here."""

log = structlog.get_logger(__name__)


def to_response(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Tell an error as a problem; what is not the asker's fault is logged with its own words."""
    error = of_the_body(error) or error
    kind = problem_kind(error)
    request_id = request.scope["state"]["request_id"]
    if kind.status >= 500:
        route = request.scope.get("path_template")
        trace = error if kind is INTERNAL_ERROR else None
        log.log(
            log_level(request.scope, logging.ERROR),
            kind.code,
            route=route,
            request_id=request_id,
            reason=str(error),
            exc_info=trace,
        )
    field_errors = _field_errors(request, error)
    problem = Problem(
        type=kind.type,
        title=kind.title,
        status=kind.status,
        detail=kind.detail or _detail(request, error, field_errors),
        instance=_short(request.scope["path"], _LONGEST_PATH),
        code=kind.code,
        request_id=request_id,
        errors=field_errors or msgspec.UNSET,
    )
    return Response(
        msgspec.json.encode(problem),
        status_code=kind.status,
        media_type=PROBLEM_MEDIA_TYPE,
        headers=_headers(kind, error),
    )


def _headers(kind: ProblemKind, error: Exception) -> dict[str, str]:
    """What the answer says beside its body: when to come again, what to bring."""
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    if kind.status == 401:
        headers["www-authenticate"] = "Bearer"
    if kind.closes:
        headers["connection"] = "close"
    if kind.retry_after_s is not None:
        headers["retry-after"] = str(kind.retry_after_s)
    if isinstance(error, RateLimited):
        seconds = str(max(1, ceil(error.retry_after_s)))
        headers |= {
            "retry-after": seconds,
            "ratelimit-remaining": "0",
            "ratelimit-reset": seconds,
        }
    return headers


def _field_errors(request: Request[Any, Any, Any], error: Exception) -> list[FieldError]:
    """What is wrong with which parameter; Litestar's own findings in the words of our rules."""
    found = error.extra if isinstance(error, HTTPException) else None
    if not isinstance(found, list):
        return []
    told = [_field_error(request, each) for each in found[:MOST_FAULTS]]
    return [
        FieldError(_short(each.field, _LONGEST_NAME), _short(each.message, _LONGEST_MESSAGE))
        for each in told
    ]


def _field_error(request: Request[Any, Any, Any], found: dict[str, str]) -> FieldError:
    if "field" in found:
        return FieldError(found["field"], found["message"])
    key = found.get("key", "data")
    if key in RULES and key in request.query_params:
        return FieldError(key, f"must be {RULES[key]}, got {request.query_params[key]!r}")
    return FieldError("body" if key == "data" else key, found["message"])


def _detail(
    request: Request[Any, Any, Any], error: Exception, field_errors: list[FieldError]
) -> str:
    if field_errors:
        return "; ".join(f"{each.field} {each.message}" for each in field_errors)
    if isinstance(error, SeleraError):
        return _short(str(error), _LONGEST_DETAIL)
    method, path = request.scope["method"], _short(request.scope["path"], _LONGEST_PATH)
    return {
        404: f"There is nothing at {path}. The routes are at /docs; write a slash in an id as %2F.",
        405: f"{method} is not possible here; see the Allow header.",
    }.get(problem_kind(error).status, "This is no request that can be understood.")


def _short(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[:longest] + "..."
