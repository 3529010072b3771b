"""Tokens for browsers: the shop's server signs one for a user, and that user's page asks with it.

A token is the user's id, how long it lives and when it was made, signed by HMAC-SHA-256
(`itsdangerous`). It is not encrypted: whoever holds it can read the id. Nothing is stored of it, so
that one token cannot be revoked; it dies within the hour, or with all others by `rotate`.
"""

from __future__ import annotations

import hashlib
import secrets
import time

from itsdangerous import BadData, URLSafeTimedSerializer
from sqlalchemy import text

from ..contracts.errors import ConfigError
from ..contracts.ids import Id
from .engine import State
from .remembered import Remembered

LONGEST_TTL_S = 3600
MOST_CHARACTERS = 4096
"""Of a token; a longer one is none of ours and is not looked at."""

_N_SECRET_BYTES = 32
_PURPOSE = "selera user token"

_READ = text("SELECT secret FROM signing_secret")
_MAKE = text("INSERT OR IGNORE INTO signing_secret (only_row, secret) VALUES (1, :secret)")
_REPLACE = text("INSERT OR REPLACE INTO signing_secret (only_row, secret) VALUES (1, :secret)")


class Tokens:
    """Makes and checks tokens; threads may share it, and all processes sign with one secret."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._serializer = Remembered(self._read_serializer)

    def issue(self, user_id: Id, ttl_s: int) -> str:
        """A token for one user that lives for `ttl_s` seconds, 1..`LONGEST_TTL_S`.

        Raises ConfigError for a life outside that, or for an id that makes the token longer than
        `MOST_CHARACTERS`.
        """
        if not 1 <= ttl_s <= LONGEST_TTL_S:
            raise ConfigError(f"A token may live 1 to {LONGEST_TTL_S} seconds, got {ttl_s}.")
        token = str(self._serializer.get().dumps([user_id, ttl_s]))
        if len(token) > MOST_CHARACTERS:
            raise ConfigError(f"A user id of {len(str(user_id)):,} characters fits in no token.")
        return token

    def check(self, token: str) -> Id | None:
        """The user that a token is for; None where it is not ours, changed, or too old.

        The id has its type: `7` and `"7"` are two users.
        """
        if len(token) > MOST_CHARACTERS or not token.isascii():
            return None
        try:
            (user_id, ttl_s), made_at = self._serializer.get().loads(token, return_timestamp=True)
        except BadData:
            return None
        age_s = time.time() - made_at.timestamp()
        found: Id = user_id
        return found if 0 <= age_s <= ttl_s else None

    def rotate(self) -> None:
        """Replace the secret: no token made so far is good any more, anywhere, within a second."""
        with self._state.writing("change the signing secret in") as connection:
            connection.execute(_REPLACE, {"secret": secrets.token_bytes(_N_SECRET_BYTES)})
        self._serializer.forget()

    def _read_serializer(self) -> URLSafeTimedSerializer:
        with self._state.reading("read the signing secret of") as connection:
            secret = connection.execute(_READ).scalar_one_or_none()
        if secret is None:
            with self._state.writing("make the signing secret in") as connection:
                connection.execute(_MAKE, {"secret": secrets.token_bytes(_N_SECRET_BYTES)})
                secret = connection.execute(_READ).scalar_one()
        return URLSafeTimedSerializer(
            secret,
            salt=_PURPOSE,
            serializer_kwargs={"ensure_ascii": True},
            signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
        )
