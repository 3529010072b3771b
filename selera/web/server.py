"""The server: uvicorn around the app, until a signal ends it."""

from __future__ import annotations

import contextlib
import ipaddress
import signal
import socket
import threading
from collections.abc import Callable, Iterator

import structlog
import uvicorn
from litestar import Litestar

from ..database import Shop
from ..serving import ModelSlot, RecommendationService
from .app import create_app
from .config import WebConfig
from .listening import listen

log = structlog.get_logger(__name__)

_GRACE_S = 10
"""How long running requests may take to end when the server stops."""


def serve(config: WebConfig, started: Callable[[str], None] = lambda url: None) -> None:
    """Answer requests until SIGINT or SIGTERM, then end what runs and return.

    `started` is called with the server's URL when the first request can come. Raises ConfigError
    where the address cannot be listened on, DatabaseError where the shop cannot be opened. A model
    that is missing is no error: requests are answered 503 until it is there.
    """
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(listen(config.host, config.port))
        shop = Shop.open(config.database, time_zone=config.time_zone)
        stack.enter_context(contextlib.closing(shop))
        service = RecommendationService(ModelSlot(config.model), shop, config.serving)
        url = _url(config.host, listener.getsockname()[1])
        _warn_if_public(config.host)
        server = _Server(create_app(service, config), lambda: started(url))
        log.info("serving", url=url, threads=config.threads)
        server.run(sockets=[listener])
        log.info("stopped", url=url)


class _Server(uvicorn.Server):
    """A uvicorn server that tells when it is ready, and returns when a signal ends it."""

    def __init__(self, app: Litestar, started: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http="httptools",
                ws="none",
                lifespan="on",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=_GRACE_S,
            )
        )
        self._tell_started = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to listen, then say so."""
        await super().startup(sockets)
        try:
            self._tell_started()
        except BaseException:
            await self.shutdown(sockets)
            raise

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop at a signal, and do not raise it again: our caller has things to close."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        signals = (signal.SIGINT, signal.SIGTERM)
        before = {each: signal.signal(each, self.handle_exit) for each in signals}
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _warn_if_public(host: str) -> None:
    """Say aloud that profiles can be read from elsewhere."""
    with contextlib.suppress(ValueError):
        if ipaddress.ip_address(host).is_loopback:
            return
    if host != "localhost":
        log.warning("everyone who reaches this address can read profiles", host=host)
