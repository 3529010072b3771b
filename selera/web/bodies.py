"""The body of a request: what it may be, and how long it may take to arrive.

Its size is limited by the framework (`request_max_body_size`), announced or not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec
from litestar.exceptions import SerializationException
from litestar.types import HTTPReceiveMessage, Receive

from .problems import RequestTimeout, UnreadableBody, UnsupportedMediaType

_TAKE_A_BODY = frozenset({"POST", "PUT", "PATCH"})


def has_body(given: Mapping[bytes, bytes]) -> bool:
    """Whether a request with these headers brings a body."""
    return given.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in given


def check_media_type(method: str, given: Mapping[bytes, bytes]) -> None:
    """Raise UnsupportedMediaType for a body that is not plain JSON.

    A page of any origin may send a form or a text without being asked; JSON it may not. So this
    keeps other people's pages out of a server on one's own machine even where the browser does not
    say whose page it is (`Origins.check`).
    """
    if method not in _TAKE_A_BODY or not has_body(given):
        return
    media_type, _, parameters = given.get(b"content-type", b"").lower().partition(b";")
    charset = parameters.replace(b" ", b"").replace(b'"', b"")
    is_json = media_type.strip() == b"application/json" and charset in (b"", b"charset=utf-8")
    if not is_json:
        got = given.get(b"content-type", b"nothing").decode("latin-1")
        raise UnsupportedMediaType(f"A body must be application/json in UTF-8, got {got!r}.")
    if given.get(b"content-encoding", b"identity").lower() != b"identity":
        raise UnsupportedMediaType("A body must not be compressed: send it without an encoding.")


def of_the_body(error: Exception) -> UnreadableBody | None:
    """What is wrong with the body, where this error is due to it: JSON that cannot be read."""
    if isinstance(error, RecursionError) and "while deserializing" in str(error):
        return UnreadableBody("The JSON of the body nests too deep.")
    if isinstance(error, SerializationException):
        cause = error.__cause__
        if isinstance(cause, msgspec.DecodeError):
            return UnreadableBody(f"The body is no JSON that can be read: {cause}.")
    return None


def in_time(receive: Receive, limit_s: float) -> Receive:
    """A `receive` that raises RequestTimeout where the whole body is not there after `limit_s`.

    The time runs from when the body is first asked for. Raises UnreadableBody where the asker
    leaves before its end.
    """
    deadline: float | None = None
    is_complete = False

    async def receive_in_time() -> HTTPReceiveMessage:
        nonlocal deadline, is_complete
        message: Any
        if is_complete:
            message = await receive()
            return message  # type: ignore[no-any-return]
        if deadline is None:
            deadline = asyncio.get_running_loop().time() + limit_s
        try:
            async with asyncio.timeout_at(deadline):
                message = await receive()
        except TimeoutError:
            raise RequestTimeout(
                f"The body was not complete after {limit_s:g} seconds (web.body_timeout_s)."
            ) from None
        if message["type"] == "http.disconnect":
            raise UnreadableBody("The connection ended before the body did.")
        is_complete = not message.get("more_body", False)
        return message  # type: ignore[no-any-return]

    return receive_in_time
