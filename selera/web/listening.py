"""Taking a port, or saying why it cannot be had; and as many connections as the system allows."""

from __future__ import annotations

import contextlib
import errno
import socket

from ..contracts.errors import ConfigError

BACKLOG = 2048
"""Connections that may wait to be accepted; the system may allow fewer (net.core.somaxconn)."""


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; ConfigError, with the cure, where there can be none."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise ConfigError(
                f"port {port} on {host} is taken by another program (on macOS AirPlay Receiver "
                f"owns port 5000). Choose another one: --port {port + 1}, or SELERA_WEB_PORT"
            ) from error
        raise ConfigError(
            f"cannot listen on {host} at port {port}: {error.strerror}. Choose an address of this "
            "machine and a free port above 1023: --host 127.0.0.1 --port 5000"
        ) from error


def allow_many_files() -> int | None:
    """Raise the number of files and connections of this process to all that it may have.

    Returns that number; None where the system does not count them (Windows).
    """
    try:
        import resource
    except ImportError:
        return None
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):  # macOS has a bound that it does not tell
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        return hard
    return soft
