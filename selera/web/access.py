"""What a server asks before it lets others in: the keys of the state file, and how often they ask.

Each worker opens its own; they agree through the files.
"""

from __future__ import annotations

import contextlib

import structlog

from ..state import Keys, RateLimiter, State, Tokens, rates_path
from .auth import Door, is_keyless, require_keys
from .config import WebConfig
from .hosts import is_loopback
from .limits import Limits

log = structlog.get_logger(__name__)


def check_access(config: WebConfig) -> None:
    """Refuse to let everybody in from elsewhere; warn where that is wanted.

    Raises ConfigError where others reach the server and there is no key, and StateError where the
    state file cannot be used.
    """
    with contextlib.closing(State.open(config.state)) as state:
        keys = Keys(state)
        require_keys(config.host, keys, public_without_keys=config.public_without_keys)
        if not is_loopback(config.host) and not keys.any_made():
            log.warning("everyone who reaches this address can read profiles", host=config.host)


def open_door(config: WebConfig, state: State, stack: contextlib.ExitStack) -> Door:
    """The door of one worker; `stack` closes what it opens."""
    limiter = stack.enter_context(RateLimiter(rates_path(state.path)))
    return Door(
        Keys(state),
        Tokens(state),
        Limits(limiter, config.rate_per_minute, config.rate_burst),
        keyless=is_keyless(config.host, public_without_keys=config.public_without_keys),
    )
