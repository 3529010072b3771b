"""A door to a server: shut, or muted, it is what a client meets when the server goes away."""

from __future__ import annotations

import contextlib
import socket
import threading


class Proxy:
    """Forwards a port of this machine to another one until it is shut; it may be opened again.

    While it is mute, it takes connections and whatever they say, and nobody hears of it.
    """

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._sockets: list[socket.socket] = []
        self._listener: socket.socket | None = None
        self.port = 0
        self.is_mute = False
        self.open()

    def open(self) -> None:
        """Forward connections, at the same port as before."""
        listener = socket.create_server(("127.0.0.1", self.port), reuse_port=False)
        self.port = listener.getsockname()[1]
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def shut(self) -> None:
        """Cut all connections and take no new ones."""
        assert self._listener is not None
        for each in (self._listener, *self._sockets):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        self._sockets, self._listener = [], None

    def close(self) -> None:
        """Shut it if it is open."""
        if self._listener is not None:
            self.shut()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                server = socket.create_connection(self._target)
                self._sockets += [client, server]
                for source, target in ((client, server), (server, client)):
                    forwarding = threading.Thread(target=self._forward, args=(source, target))
                    forwarding.daemon = True
                    forwarding.start()

    def _forward(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                if not self.is_mute:
                    target.sendall(data)
        # Where one side hangs up, the other must hear of it, and not wait for an answer.
        for each in (source, target):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
