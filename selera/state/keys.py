"""API keys: who may ask, for what, and how often.

A secret is `sel_<key id>_<43 characters>`: 256 bits from the system's source of randomness. What is
kept is its SHA-256 alone. A slow hash protects passwords, which people choose and attackers guess;
2^256 random secrets cannot be guessed however fast the hash is, so no request waits for a slow one.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any, Literal, get_args

import msgspec
from sqlalchemy import RowMapping, text
from sqlalchemy.exc import IntegrityError

from ..contracts.errors import ConfigError, NameNotFound
from .clock import now_text
from .engine import State
from .names import check_name
from .remembered import FRESH_S, Remembered

Scope = Literal["read", "profiles", "events", "admin"]
"""`read`: recommendations; `profiles`: the users' profiles in them; `events`: telling behaviors;
`admin`: everything, and models, rules and users besides."""

SCOPES: tuple[Scope, ...] = get_args(Scope)
MOST_PER_MINUTE = 1_000_000

_N_RANDOM_BYTES = 32
_SECRET = re.compile(r"sel_([1-9][0-9]{0,17})_[A-Za-z0-9_-]{43}", re.ASCII)
_MOST_REMEMBERED = 10_000
_COLUMNS = "key_id, name, scopes, rate_per_minute, created_at, expires_at, revoked_at"

_INSERT = text(
    "INSERT INTO api_key (name, secret_sha256, scopes, rate_per_minute, created_at, expires_at)"
    " VALUES (:name, x'', :scopes, :rate_per_minute, :created_at, :expires_at)"
)
_SET_HASH = text("UPDATE api_key SET secret_sha256 = :hash WHERE key_id = :key_id")
_REVOKE = text("UPDATE api_key SET revoked_at = :now WHERE name = :name AND revoked_at IS NULL")
_ALL = text(f"SELECT {_COLUMNS} FROM api_key ORDER BY key_id")
_ONE = text(
    f"SELECT {_COLUMNS}, secret_sha256 FROM api_key WHERE key_id = :key_id AND revoked_at IS NULL"
)
_ANY = text("SELECT EXISTS (SELECT 1 FROM api_key)")


class Key(msgspec.Struct, frozen=True):
    """One key, its secret left out.

    key_id : its number; never given to a second key
    scopes : in the order of `SCOPES`
    rate_per_minute : requests a minute; None where the setting for all keys holds
    created_at, expires_at, revoked_at : ISO 8601 in UTC; None where that is not to be
    """

    key_id: int
    name: str
    scopes: tuple[Scope, ...]
    rate_per_minute: int | None
    created_at: str
    expires_at: str | None = None
    revoked_at: str | None = None

    @property
    def is_active(self) -> bool:
        """Whether the key is neither revoked nor too old."""
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > now_text())


class CreatedKey(msgspec.Struct, frozen=True):
    """A new key with its secret, which is nowhere else and is told once.

    secret : no `repr` shows it
    """

    key: Key
    secret: str

    def __repr__(self) -> str:
        return f"CreatedKey(key={self.key!r}, secret='***')"

    def __rich_repr__(self) -> Any:
        yield "key", self.key
        yield "secret", "***"


class Keys:
    """The keys of one state file; threads may share it."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._known: dict[bytes, tuple[float, Key]] = {}
        self._any_made = Remembered(self._read_any_made)

    def create(
        self,
        name: str,
        scopes: Collection[Scope],
        *,
        rate_per_minute: int | None = None,
        expires_at: datetime | None = None,
    ) -> CreatedKey:
        """Make a key; `expires_at` has an offset.

        Raises ConfigError for a name that cannot be one or that an active key bears, for no or
        unknown scopes, for a rate outside 1..`MOST_PER_MINUTE`, for a time that is past.
        """
        _check(name, scopes, rate_per_minute, expires_at)
        row = {
            "name": name,
            "scopes": " ".join(each for each in SCOPES if each in scopes),
            "rate_per_minute": rate_per_minute,
            "created_at": now_text(),
            "expires_at": _utc_text(expires_at),
        }
        with self._state.writing("make a key in") as connection:
            try:
                key_id = connection.execute(_INSERT, row).lastrowid
            except IntegrityError as error:
                raise ConfigError(
                    f"There is a key named {name!r} already. Choose another name, or revoke that "
                    "one first."
                ) from error
            secret = f"sel_{key_id}_{secrets.token_urlsafe(_N_RANDOM_BYTES)}"
            connection.execute(_SET_HASH, {"key_id": key_id, "hash": _sha256(secret)})
        self._forget()
        return CreatedKey(_key({**row, "key_id": key_id, "revoked_at": None}), secret)

    def revoke(self, name: str) -> None:
        """End a key, in every process within `FRESH_S` seconds.

        Raises NameNotFound where no active key bears the name.
        """
        with self._state.writing("revoke a key in") as connection:
            n_revoked = connection.execute(_REVOKE, {"name": name, "now": now_text()}).rowcount
        self._forget()
        if not n_revoked:
            raise NameNotFound(f"No active key is named {name!r}. `selera keys list` tells them.")

    def all(self) -> list[Key]:
        """Every key there ever was, the oldest first."""
        with self._state.reading("read the keys of") as connection:
            return [_key(row) for row in connection.execute(_ALL).mappings()]

    def any_made(self) -> bool:
        """Whether there ever was a key, as it was at most `FRESH_S` seconds ago.

        Those that were revoked or are too old count: the end of the last key opens nothing.
        """
        return self._any_made.get()

    def check(self, secret: str) -> Key | None:
        """The key of this secret; None where it is unknown, revoked or too old.

        A good answer is remembered for `FRESH_S` seconds; nothing is written.
        """
        found = _SECRET.fullmatch(secret)
        if found is None:
            return None
        hash_, now = _sha256(secret), time.monotonic()
        known = self._known.get(hash_)
        if known is None or now - known[0] >= FRESH_S:
            key = self._read(int(found[1]), hash_)
            if key is None:
                self._known.pop(hash_, None)
                return None
            if len(self._known) >= _MOST_REMEMBERED:
                self._known = {}
            known = self._known[hash_] = (now, key)
        return known[1] if known[1].is_active else None

    def _read(self, key_id: int, hash_: bytes) -> Key | None:
        with self._state.reading("read a key of") as connection:
            row = connection.execute(_ONE, {"key_id": key_id}).mappings().first()
        if row is None or not hmac.compare_digest(row["secret_sha256"], hash_):
            return None
        return _key(row)

    def _read_any_made(self) -> bool:
        with self._state.reading("read the keys of") as connection:
            return bool(connection.execute(_ANY).scalar_one())

    def _forget(self) -> None:
        self._known = {}
        self._any_made.forget()


def _sha256(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("ascii")).digest()


def _key(row: RowMapping | dict[str, Any]) -> Key:
    given = {name: row[name] for name in Key.__struct_fields__}
    return Key(**{**given, "scopes": tuple(row["scopes"].split())})


def _utc_text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat(timespec="seconds")


def _check(
    name: str,
    scopes: Collection[Scope],
    rate_per_minute: int | None,
    expires_at: datetime | None,
) -> None:
    check_name("key", name)
    unknown = [each for each in scopes if each not in SCOPES]
    if unknown or not scopes:
        wrong = f"{unknown[0]!r} is no scope" if unknown else "A key needs at least one scope"
        raise ConfigError(f"{wrong}; known are: {', '.join(SCOPES)}.")
    if rate_per_minute is not None and not 1 <= rate_per_minute <= MOST_PER_MINUTE:
        raise ConfigError(
            f"A key may be used 1 to {MOST_PER_MINUTE:,} times a minute, got {rate_per_minute:,}."
        )
    if expires_at is not None and expires_at.tzinfo is None:
        raise ConfigError(f"{expires_at.isoformat()} has no offset. Add one, such as +00:00.")
    if expires_at is not None and expires_at <= datetime.now(UTC):
        raise ConfigError(f"A key that expires at {expires_at.isoformat()} would never be good.")
