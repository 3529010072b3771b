"""The server: uvicorn around the app, in this process, until a signal ends it."""

from __future__ import annotations

import contextlib
import gc
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Sequence

import uvicorn
from litestar import Litestar

from ..state import State
from .access import check_access, open_door
from .app import create_app
from .config import WebConfig
from .connections import punctual
from .listening import BACKLOG
from .opening import open_office, open_service, open_shop
from .processes import handling

_REST_S = 75
"""How long a connection may rest: longer than nginx keeps one (60 s), so that who asks ends it."""

_GRACE_S = 5
"""How long running requests may take to end when the server stops."""

_HANG_UP_S = 4
"""After so long nobody waits for a database that is silent; what can be answered then still is."""


def answer(
    config: WebConfig,
    listener: socket.socket,
    signals: Sequence[signal.Signals],
    ready: Callable[[], None],
) -> None:
    """Answer what comes to `listener`, in this process, until one of `signals`.

    `ready` is called when the first request can come. Raises ConfigError where others reach the
    server and there is no key, StateError where Selera's own database cannot be used, DatabaseError
    where the shop cannot be opened.
    """
    check_access(config)
    with contextlib.ExitStack() as stack:
        state = stack.enter_context(State.open(config.state))
        shop = open_shop(config, stack)
        late = threading.Event()
        hang_up = _later(_HANG_UP_S, late.set, shop.hang_up)
        stack.callback(hang_up.cancel)
        service = open_service(config, shop, state, stack)
        door, office = open_door(config, state, stack), open_office(config, state, late)
        app = create_app(service, config, door, office)
        _Server(app, config, signals, ready, hang_up.start).run(sockets=[listener])


def _later(seconds: float, *calls: Callable[[], None]) -> threading.Timer:
    """Calls all of these so many seconds after its `start`, where the process is still there."""
    timer = threading.Timer(seconds, lambda: [call() for call in calls])
    timer.daemon = True
    return timer


class _Server(uvicorn.Server):
    """A uvicorn server that tells when it is ready and when it stops; a signal ends it."""

    def __init__(
        self,
        app: Litestar,
        config: WebConfig,
        signals: Sequence[signal.Signals],
        ready: Callable[[], None],
        stopping: Callable[[], None],
    ) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=punctual(config.header_timeout_s, config.body_timeout_s),
                ws="none",
                lifespan="on",
                backlog=BACKLOG,
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=_REST_S,
                timeout_graceful_shutdown=_GRACE_S,
            )
        )
        self._signals = signals
        self._tell_ready = ready
        self._tell_stopping = stopping

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to listen, then say so.

        What there is by now stays: garbage collections, which stop all threads, need not look
        through it.
        """
        await super().startup(sockets)
        gc.collect()
        gc.freeze()
        try:
            self._tell_ready()
        except BaseException:
            await self.shutdown(sockets)
            raise

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Say so, then stop to listen and let the requests end."""
        self._tell_stopping()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop at a signal, and do not raise it again: our caller has things to close."""
        with handling(self._signals, self.handle_exit):
            yield
