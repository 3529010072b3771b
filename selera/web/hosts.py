"""By which names the server may be asked for.

A page from anywhere can give its own name our address ("DNS rebinding") and then ask us as if we
were its own server. Its requests bear its name as the host, so that a server for this machine alone
answers to the names of this machine only.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable

from ..contracts.errors import ConfigError, SeleraError

_OF_THIS_MACHINE = ("localhost", "127.0.0.1", "[::1]")
_HOST = re.compile(rb"(\[[0-9a-fA-F:.]+\]|[^:\[\]\s/@]*)(?::[0-9]*)?")
_NAME = re.compile(r"[a-z0-9._-]+|\[[0-9a-f:.]+\]")


class Misdirected(SeleraError):
    """A request was meant for another host."""

    code = "misdirected"


class SeveralHosts(SeleraError):
    """A request names more than one host: who passes it on may have taken the other one."""

    code = "bad_request"


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a server at this address, or asks it by this name."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def outer_name(listening_on: str, allowed: tuple[str, ...]) -> str | None:
    """By which address or name others reach the server; None where only this machine does.

    A name that is not this machine's is asked for by others, whom a proxy here passes on.
    """
    return next((each for each in (listening_on, *allowed) if not is_loopback(each)), None)


class Hosts:
    """The names that are answered to: those of this machine where it listens for it alone.

    A server that others reach answers to every name, unless `allowed` says to which.
    """

    def __init__(self, listening_on: str, allowed: tuple[str, ...]) -> None:
        names: tuple[str, ...] = allowed
        if is_loopback(listening_on):
            own = f"[{listening_on}]" if ":" in listening_on else listening_on
            names = (*_OF_THIS_MACHINE, own, *allowed)
        self._names = frozenset(each.encode() for each in names)

    def check(self, host: bytes | None) -> None:
        """Raise Misdirected for a host that is none of ours; a request without one is no page's."""
        if not self._names or host is None:
            return
        found = _HOST.fullmatch(host)
        if found is None or found[1].lower() not in self._names:
            raise Misdirected(
                f"This server does not answer to the host {host.decode('latin-1')!r}. If it should,"
                " add the name to the setting web.allowed_hosts."
            )


def only_host(headers: Iterable[tuple[bytes, bytes]]) -> bytes | None:
    """The host that a request is for, if it names one; raises SeveralHosts where it names more."""
    named = [value for name, value in headers if name == b"host"]
    if len(named) > 1:
        raise SeveralHosts(f"A request is for one host, got {len(named)} headers Host.")
    return named[0] if named else None


def check_names(allowed: tuple[str, ...]) -> None:
    """Raise ConfigError for what can be no host."""
    for each in allowed:
        if not _NAME.fullmatch(each):
            raise ConfigError(
                "web.allowed_hosts must hold names such as recommend.shop.example (lower case, no "
                f"port), got {each!r}"
            )
