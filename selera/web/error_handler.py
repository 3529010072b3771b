"""From any exception to the answer that tells it."""

from __future__ import annotations

import logging
from typing import Any

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException

from ..contracts.errors import SeleraError
from .edge import log_level
from .parameters import RULES
from .problems import INTERNAL_ERROR, PROBLEM_MEDIA_TYPE, FieldError, Problem, problem_kind

log = structlog.get_logger(__name__)


def to_response(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Tell an error as a problem; what is not the asker's fault is logged with its own words."""
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
        instance=request.scope["path"],
        code=kind.code,
        request_id=request_id,
        errors=field_errors or msgspec.UNSET,
    )
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    if kind.retry_after_s is not None:
        headers["retry-after"] = str(kind.retry_after_s)
    return Response(
        msgspec.json.encode(problem),
        status_code=kind.status,
        media_type=PROBLEM_MEDIA_TYPE,
        headers=headers,
    )


def _field_errors(request: Request[Any, Any, Any], error: Exception) -> list[FieldError]:
    """What is wrong with which parameter; Litestar's own findings in the words of our rules."""
    found = error.extra if isinstance(error, HTTPException) else None
    if not isinstance(found, list):
        return []
    return [
        FieldError(each["field"], each["message"])
        if "field" in each
        else FieldError(
            each["key"],
            f"must be {RULES[each['key']]}, got {request.query_params[each['key']]!r}",
        )
        for each in found
    ]


def _detail(
    request: Request[Any, Any, Any], error: Exception, field_errors: list[FieldError]
) -> str:
    if field_errors:
        return "; ".join(f"{each.field} {each.message}" for each in field_errors)
    if isinstance(error, SeleraError):
        return str(error)
    method, path = request.scope["method"], request.scope["path"]
    return {
        404: f"There is nothing at {path}. The routes are at /docs; write a slash in an id as %2F.",
        405: f"{method} is not possible here; see the Allow header.",
    }.get(problem_kind(error).status, "This is no request that can be understood.")
