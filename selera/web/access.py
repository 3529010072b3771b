"""What a server asks before it lets others in: the keys of the state file, and how often they ask.

Each worker opens its own; they agree through the files.
"""

from __future__ import annotations

import contextlib

import structlog

from ..contracts.errors import ConfigError
from ..state import Keys, RateLimiter, State, Tokens, rates_path
from .auth import KEY_CURE, Door
from .config import WebConfig
from .hosts import outer_name
from .limits import Limits

log = structlog.get_logger(__name__)


def check_access(config: WebConfig) -> None:
    """Refuse to let everybody in from elsewhere; warn where that is wanted.

    Raises ConfigError where others reach the server and there is no key, and StateError where the
    state file cannot be used.
    """
    reached = outer_name(config.host, config.allowed_hosts)
    with contextlib.closing(State.open(config.state)) as state:
        if Keys(state).any_made() or reached is None:
            return
    if not config.public_without_keys:
        raise ConfigError(_no_key(config, reached))
    log.warning("everyone who reaches this address can read profiles", host=reached)


def open_door(config: WebConfig, state: State, stack: contextlib.ExitStack) -> Door:
    """The door of one worker; `stack` closes what it opens."""
    limiter = stack.enter_context(RateLimiter(rates_path(state.path)))
    return Door(
        Keys(state),
        Tokens(state),
        Limits(limiter, config.rate_per_minute, config.rate_burst),
        keyless=config.public_without_keys or outer_name(config.host, config.allowed_hosts) is None,
    )


def _no_key(config: WebConfig, reached: str) -> str:
    """Why a server that others reach as `reached` does not start, and the cures."""
    how, instead = "is reached from elsewhere", "listen on this machine only: --host 127.0.0.1"
    if reached != config.host:
        how = "is in web.allowed_hosts, so that others are passed on to here,"
        instead = "take it out of web.allowed_hosts"
    return (
        f"{reached} {how} and there is no API key: everyone could read and write. "
        f"{KEY_CURE.capitalize()} (or {instead}; "
        "or set web.public_without_keys = true where something else keeps strangers out)"
    )
