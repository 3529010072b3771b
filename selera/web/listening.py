"""Taking a port, or saying why it cannot be had."""

from __future__ import annotations

import errno
import socket

from ..contracts.errors import ConfigError


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; ConfigError, with the cure, where there can be none."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
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
