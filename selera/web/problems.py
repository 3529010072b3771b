"""Errors as RFC 9457 problems: one table, one shape, for every route and every status."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar.exceptions import (
    ClientException,
    MethodNotAllowedException,
    NotFoundException,
    ValidationException,
)
from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from msgspec import UNSET, Meta, UnsetType

from ..contracts import errors
from .cors import CrossOrigin
from .hosts import Misdirected, SeveralHosts

PROBLEM_MEDIA_TYPE = "application/problem+json"


class RequestTimeout(errors.SeleraError):
    """A request did not arrive in time."""

    code = "request_timeout"


class HeadersTooLarge(errors.SeleraError):
    """A request has more headers than anybody needs."""

    code = "headers_too_large"


class UnreadableBody(errors.SeleraError):
    """A request is no whole HTTP, or its body ended too early, or nests without end."""

    code = "bad_request"


class UnsupportedMediaType(errors.SeleraError):
    """A body is of a type that no route takes."""

    code = "unsupported_media_type"


class FieldError(msgspec.Struct, frozen=True):
    """What is wrong with one parameter."""

    field: str
    message: str


class Problem(msgspec.Struct, frozen=True):
    """The body of every error (RFC 9457), with a stable `code` to switch on."""

    type: str
    title: str
    status: int
    detail: str
    instance: Annotated[str, Meta(description="The path that was asked for, a long one cut.")]
    code: str
    request_id: Annotated[str, Meta(description="The same as in X-Request-ID and in the log.")]
    errors: list[FieldError] | UnsetType = UNSET


class ProblemKind(msgspec.Struct, frozen=True):
    """One kind of error.

    detail : said instead of the error's own text, which is for the log only
    retry_after_s : after how many seconds another try may do better
    closes : whether the connection ends with the answer, as its rest cannot be trusted
    """

    code: str
    status: int
    title: str
    detail: str | None = None
    retry_after_s: int | None = None
    closes: bool = False

    @property
    def type(self) -> str:
        """The URI that names this kind."""
        return f"urn:selera:problem:{self.code}"


INTERNAL_ERROR = ProblemKind(
    "internal_error", 500, "Internal error", "This is our fault; the log tells it by request_id."
)

_BAD_REQUEST = ProblemKind("bad_request", 400, "Bad request")

PROBLEMS: dict[type[Exception], ProblemKind] = {
    ValidationException: ProblemKind("invalid_parameter", 422, "Invalid parameter"),
    errors.Unauthorized: ProblemKind("unauthorized", 401, "No key, or none that is known"),
    errors.Forbidden: ProblemKind("forbidden", 403, "Not with this key"),
    CrossOrigin: ProblemKind("cross_origin", 403, "Not from this page"),
    errors.RateLimited: ProblemKind("rate_limited", 429, "Too many requests"),
    RequestTimeout: ProblemKind("request_timeout", 408, "Too slow", closes=True),
    RequestEntityTooLarge: ProblemKind(
        "payload_too_large",
        413,
        "Body too large",
        "The body is larger than the setting web.max_body_bytes allows; send less at once.",
        closes=True,
    ),
    HeadersTooLarge: ProblemKind("headers_too_large", 431, "Headers too large", closes=True),
    UnsupportedMediaType: ProblemKind("unsupported_media_type", 415, "Unsupported media type"),
    Misdirected: ProblemKind("misdirected", 421, "Not for this host"),
    errors.UserNotFound: ProblemKind("user_not_found", 404, "Unknown user"),
    errors.ProductNotFound: ProblemKind("product_not_found", 404, "Unknown product"),
    errors.VersionNotFound: ProblemKind("version_not_found", 404, "Unknown model version"),
    errors.NameNotFound: ProblemKind("name_not_found", 404, "Unknown name"),
    NotFoundException: ProblemKind("not_found", 404, "No such route"),
    MethodNotAllowedException: ProblemKind("method_not_allowed", 405, "Method not allowed"),
    ClientException: _BAD_REQUEST,
    UnreadableBody: _BAD_REQUEST,
    SeveralHosts: _BAD_REQUEST,
    errors.ModelNotReady: ProblemKind("model_not_ready", 503, "No model yet", retry_after_s=5),
    errors.ArtifactError: ProblemKind(
        "invalid_model",
        503,
        "Unusable model",
        "The model file cannot be used; the log says why, and `selera doctor` what to do.",
        retry_after_s=5,
    ),
    errors.DatabaseError: ProblemKind(
        "database_unavailable",
        503,
        "Database unavailable",
        "The shop's database does not answer; the log says why, and `selera doctor` what to do.",
        retry_after_s=5,
    ),
    errors.StateError: ProblemKind(
        "state_unavailable",
        503,
        "Own database unavailable",
        "Selera's own database does not answer; the log says why, and `selera doctor` what to do.",
        retry_after_s=5,
    ),
    errors.TrainingUnderWay: ProblemKind(
        "training_under_way", 503, "A training is under way", retry_after_s=60
    ),
    errors.Busy: ProblemKind("busy", 503, "Too many requests in hand", retry_after_s=1),
    Exception: INTERNAL_ERROR,
}
"""Which problem an exception becomes: the entry of its nearest class."""


OF_EVERY_ROUTE = ("bad_request", "misdirected", "internal_error")
OF_SCOPED_ROUTES = ("unauthorized", "forbidden", "rate_limited", "state_unavailable")
OF_CHANGING_ROUTES = ("cross_origin",)
OF_ROUTES_WITH_A_BODY = ("request_timeout", "payload_too_large", "unsupported_media_type")
"""Codes that routes have in common: what the documentation need not be told route by route."""


def problem_kind(error: Exception) -> ProblemKind:
    """The entry of `PROBLEMS` for the nearest class of this error."""
    return next(PROBLEMS[each] for each in type(error).__mro__ if each in PROBLEMS)


def invalid(field: str, message: str) -> ValidationException:
    """The error of one parameter, to be raised."""
    return invalid_fields([FieldError(field, message)])


def invalid_fields(field_errors: list[FieldError]) -> ValidationException:
    """The error of several parameters, to be raised."""
    return ValidationException(extra=[msgspec.to_builtins(each) for each in field_errors])
