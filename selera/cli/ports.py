"""Whether a port can be listened on, asked before anything is started."""

from __future__ import annotations


def free_port(host: str) -> int:
    """A port on which nobody listens now."""
    from ..web.listening import listen

    with listen(host, 0) as listener:
        port: int = listener.getsockname()[1]
        return port


def require_free(host: str, port: int) -> None:
    """Raise ConfigError, with the cure, where the port cannot be listened on."""
    from ..web.listening import listen

    listen(host, port).close()
