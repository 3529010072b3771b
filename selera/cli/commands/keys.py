"""`selera keys`: who may ask the API, for what, and how often."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import rich_click as click

from ..options import current_settings, json_option, state_option
from ..output import counted, note, say, say_json, say_table

if TYPE_CHECKING:
    from ...state import Key, Keys, Scope

SCOPES = ("read", "profiles", "events", "admin")
MOST_PER_MINUTE = 1_000_000
_MOST_DAYS = 3650


@click.group()
def keys() -> None:
    """API keys: make, list and revoke them.

    A running API knows of a change within a second.
    """


@keys.command()
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice(SCOPES),
    multiple=True,
    required=True,
    help="What the key is good for; may be given more than once. `admin` is good for all.",
)
@click.option(
    "--per-minute",
    type=click.IntRange(1, MOST_PER_MINUTE),
    help="Requests a minute; without it, what is set for all keys.",
)
@click.option(
    "--days", type=click.IntRange(1, _MOST_DAYS), help="How long it is good; without it, for ever."
)
@state_option
@json_option
def create(
    name: str, scopes: tuple[Scope, ...], per_minute: int | None, days: int | None, as_json: bool
) -> None:
    """Make a key called NAME, and print its secret this one time."""
    expires_at = None if days is None else datetime.now(UTC) + timedelta(days=days)
    with _open_keys() as kept:
        made = kept.create(name, scopes, rate_per_minute=per_minute, expires_at=expires_at)
    if as_json:
        say_json(made)
        return
    note(f"The key {name!r} is good for: {', '.join(made.key.scopes)}. Its secret is not kept:")
    say(made.secret)


@keys.command("list")
@state_option
@json_option
def list_keys(as_json: bool) -> None:
    """Every key there ever was, the oldest first; no secrets."""
    with _open_keys() as kept:
        found = kept.all()
    if as_json:
        say_json({"keys": found})
    elif found:
        say_table("", ("id", "name", "scopes", "a minute", "made", "state"), map(_row, found))
        say(f"{counted(sum(each.is_active for each in found), 'active key')}.")
    else:
        say("There is no key. Make one: selera keys create NAME --scope read")


@keys.command()
@click.argument("name")
@state_option
@json_option
def revoke(name: str, as_json: bool) -> None:
    """End the key called NAME, for good."""
    with _open_keys() as kept:
        kept.revoke(name)
        is_last = not any(each.is_active for each in kept.all())
    if as_json:
        say_json({"revoked": name})
    else:
        say(f"Revoked the key {name!r}.")
    if is_last:
        note(
            "There is no active key now, and the API stays closed: whatever needs a key is answered"
            " 401. Make a new one: selera keys create NAME --scope read"
        )


@contextmanager
def _open_keys() -> Iterator[Keys]:
    from ...state import Keys, State

    with State.open(current_settings().files.state_path) as state:
        yield Keys(state)


def _row(key: Key) -> tuple[object, ...]:
    if key.revoked_at is not None:
        state = f"revoked {key.revoked_at}"
    elif not key.is_active:
        state = f"expired {key.expires_at}"
    else:
        state = f"good until {key.expires_at}" if key.expires_at else "good"
    rate = "as set" if key.rate_per_minute is None else f"{key.rate_per_minute:,}"
    return key.key_id, key.name, ", ".join(key.scopes), rate, key.created_at, state
