"""Whether a port can be listened on, asked before anything is started."""

from __future__ import annotations

import errno
import socket

from ..contracts.errors import ConfigError


def free_port(host: str) -> int:
    """A port on which nobody listens now."""
    with _listen(host, 0) as listener:
        port: int = listener.getsockname()[1]
        return port


def require_free(host: str, port: int) -> None:
    """Raise ConfigError, with the cure, where the port cannot be listened on."""
    _listen(host, port).close()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise ConfigError(
                f"port {port} on {host} is taken by another program (on macOS AirPlay Receiver "
                f"owns port 5000). Choose another one: --port {port + 1}, or SELERA_WEB_PORT"
            ) from error
        raise ConfigError(
            f"cannot listen on {host} port {port}: {error.strerror}. To be asked from this machine "
            "only: --host 127.0.0.1 --port 5000"
        ) from error
