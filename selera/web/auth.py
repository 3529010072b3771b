"""Who asks, and what they may: the keys, the tokens of single users, and the door that asks both.

A route says which scope it needs, by `opt={"scope": "read"}`; one that says none is open. A route
that a user's own token may ask says so too, by `opt={"scope": "read", "user_token": True}`, and
then asks `require_user` whom it may answer about.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from litestar import Request
from litestar.types import Scope as AsgiScope

from ..contracts.errors import Forbidden, Unauthorized
from ..contracts.ids import Id
from ..state import Keys, Scope, Tokens
from .limits import Limits

KEY_CURE = "make one with: selera keys create"

_NO_KEY = (
    "This needs a key: send it as `Authorization: Bearer KEY` or as `X-API-Key: KEY`. "
    f"Who runs the server can {KEY_CURE}"
)
_BAD_KEY = "This key or token is not known, was revoked, or is too old."


class Identity(msgspec.Struct, frozen=True):
    """Who asks.

    key_id : the number of the key; None where no key was needed, or a user's token was given
    scopes : what the key is good for
    user_id : the only user that may be asked about; None where it may be any
    rate_per_minute : of this key; None where the setting for all keys holds
    """

    key_id: int | None
    scopes: frozenset[Scope]
    user_id: Id | None = None
    rate_per_minute: int | None = None

    def may(self, scope: Scope) -> bool:
        """Whether this identity is good for `scope`; `admin` is good for all of them."""
        return scope in self.scopes or "admin" in self.scopes


ANYONE = Identity(None, frozenset({"admin"}))
"""Who asks where no key is needed."""

_USER_SCOPES: frozenset[Scope] = frozenset({"read", "events"})


class Door:
    """Lets a request in, or says why not, before its body is read.

    keyless : whether no key is needed before the first one was made
    """

    def __init__(self, keys: Keys, tokens: Tokens, limits: Limits, *, keyless: bool) -> None:
        self._keys = keys
        self._tokens = tokens
        self._limits = limits
        self._keyless = keyless

    def admit(self, state: dict[str, Any], opt: Mapping[str, Any]) -> None:
        """Let in who sent `state["headers"]`, and keep in `state["identity"]` who that is.

        Nobody is asked where the route of these options is open to all. Raises Unauthorized without
        a good key, Forbidden where it is good for other things, RateLimited where it has been used
        too often, and StateError where nobody can tell.
        """
        needed: Scope | None = opt.get("scope")
        if needed is None:
            return
        identity = state["identity"] = self.identify(state["headers"])
        if not identity.may(needed):
            names = ", ".join(sorted(identity.scopes))
            raise Forbidden(f"This needs the scope {needed!r}; the key has: {names}.")
        if identity.user_id is not None and not opt.get("user_token"):
            raise Forbidden("A user's own token is not good for this; it needs a key.")
        if identity is not ANYONE:
            self._limits.take(identity)

    def identify(self, given: Mapping[bytes, bytes]) -> Identity:
        """Who sent these headers; raises Unauthorized where nobody knows."""
        if self._keyless and not self._keys.any_made():
            return ANYONE
        secret = _secret(given)
        if secret is None:
            raise Unauthorized(_NO_KEY)
        key = self._keys.check(secret)
        if key is not None:
            return Identity(key.key_id, frozenset(key.scopes), rate_per_minute=key.rate_per_minute)
        user_id = self._tokens.check(secret)
        if user_id is None:
            raise Unauthorized(_BAD_KEY)
        return Identity(None, _USER_SCOPES, user_id)


def identity_of(scope: AsgiScope) -> Identity:
    """Who asks; for a route that needs a scope."""
    identity: Identity = scope["state"]["identity"]
    return identity


def admit(door: Door | None, request: Request[Any, Any, Any]) -> None:
    """Ask the door about this request; without a door all come in."""
    state = request.scope["state"]
    if door is None:
        state["identity"] = ANYONE
    else:
        door.admit(state, request.scope["route_handler"].opt)


def require_user(identity: Identity, user_id: Id) -> None:
    """Raise Forbidden where this identity may not ask about this user."""
    if identity.user_id is not None and identity.user_id != user_id:
        raise Forbidden("This token is good for its own user only.")


def _secret(given: Mapping[bytes, bytes]) -> str | None:
    """The key or token in these headers; None where there is none."""
    key = given.get(b"x-api-key")
    if key is not None:
        return key.decode("latin-1")
    kind, _, secret = given.get(b"authorization", b"").partition(b" ")
    return secret.strip().decode("latin-1") if kind.lower() == b"bearer" else None
