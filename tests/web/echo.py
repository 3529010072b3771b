"""One route more, for what only a route that takes a body can show."""

from __future__ import annotations

from typing import Any

from litestar import Litestar, Request, get, post

from selera.web import server
from selera.web.auth import identity_of, require_user


@post("/echo", opt={"scope": "events", "user_token": True})
async def echo(request: Request[Any, Any, Any]) -> dict[str, int]:
    """How many bytes came."""
    await request.json()
    return {"bytes": len(await request.body())}


@get("/own/{user_id:str}", opt={"scope": "read", "user_token": True})
async def own(request: Request[Any, Any, Any]) -> dict[str, Any]:
    """Who asks for whom."""
    identity = identity_of(request.scope)
    require_user(identity, int(request.path_params["user_id"]))
    return {"key": identity.key_id, "profiles": identity.may("profiles")}


@get("/for-keys", opt={"scope": "read"})
async def for_keys() -> dict[str, int]:
    """Not for a user's token."""
    return {}


@post("/fail", opt={"scope": "events", "user_token": True})
async def fail(request: Request[Any, Any, Any]) -> None:
    """Fails as nobody foresaw, what it was told still in hand."""
    told = await request.body()
    raise RuntimeError(f"{len(told)} bytes were too much")


def add_echo() -> None:
    """Let every app that this process serves have these routes."""
    create_app = server.create_app

    def with_echo(*given: Any, **named: Any) -> Litestar:
        app = create_app(*given, **named)
        for each in (echo, own, for_keys, fail):
            app.register(each)
        return app

    server.create_app = with_echo
