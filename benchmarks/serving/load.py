"""A load of plain HTTP requests over kept connections, closed or open, and how long they took.

Closed: each connection asks again as soon as it is answered; that finds the peak. Open: requests
begin at times fixed beforehand whether or not earlier ones have ended, and each is timed from when
it should have begun, so a slow answer does not hide the wait behind it.

Users do not compute on the machine of the shop: the load keeps to one processor, so that the server
has the other for itself.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import NamedTuple, cast

import numpy as np
import uvloop


class Load(NamedTuple):
    """What was asked and how it went; milliseconds."""

    n: int
    failed: int
    per_second: float
    p50_ms: float
    p95_ms: float
    p99_ms: float


class _Connection(asyncio.Protocol):
    """One kept connection: one request at a time."""

    def __init__(self) -> None:
        self._buffer = b""
        self._answered: asyncio.Future[int] | None = None
        self.transport: asyncio.Transport | None = None
        self.body = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    @property
    def is_closed(self) -> bool:
        return self.transport is None or self.transport.is_closing()

    def ask(self, request: bytes) -> asyncio.Future[int]:
        assert self.transport is not None
        self._answered = asyncio.get_running_loop().create_future()
        self._buffer = b""
        self.transport.write(request)
        return self._answered

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        if not found or self._answered is None:
            return
        place = head.lower().find(b"content-length:")
        length = int(head[place + 15 :].split(b"\r\n", 1)[0]) if place >= 0 else 0
        if len(body) >= length and not self._answered.done():
            self.body = body
            self._answered.set_result(int(head[9:12]))

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answered is not None and not self._answered.done():
            self._answered.set_result(0)


def get(path: str) -> bytes:
    """A GET as it goes over the wire."""
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()


def post(path: str, body: bytes) -> bytes:
    """A POST of JSON as it goes over the wire."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def closed(port: int, requests: Iterator[bytes], n: int, n_connections: int = 16) -> Load:
    """n requests, each connection asking as fast as it is answered."""
    with _on_one_processor():
        return uvloop.run(_closed(port, requests, n, n_connections))


def open_(port: int, requests: Iterator[bytes], per_second: float, seconds: float) -> Load:
    """So many requests a second, for so long."""
    with _on_one_processor():
        return uvloop.run(_open(port, requests, per_second, seconds))


def ask(port: int, request: bytes) -> tuple[int, bytes]:
    """One request: its status and its body."""
    return uvloop.run(_ask(port, request))


@contextmanager
def _on_one_processor() -> Iterator[None]:
    """Of what this process starts, only what begins in the block is kept to it as well."""
    usual = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(usual)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, usual)


async def _ask(port: int, request: bytes) -> tuple[int, bytes]:
    connection = await _connect(port)
    status = await connection.ask(request)
    assert connection.transport is not None
    connection.transport.close()
    return status, connection.body


async def _connect(port: int) -> _Connection:
    _, connection = await asyncio.get_running_loop().create_connection(
        _Connection, "127.0.0.1", port
    )
    return connection


async def _closed(port: int, requests: Iterator[bytes], n: int, n_connections: int) -> Load:
    left = deque(islice(requests, n))
    times: list[float] = []
    statuses: list[int] = []

    async def work(connection: _Connection) -> None:
        while left:
            request = left.popleft()
            began = time.perf_counter()
            statuses.append(await connection.ask(request))
            times.append(time.perf_counter() - began)

    connections = [await _connect(port) for _ in range(n_connections)]
    began = time.perf_counter()
    await asyncio.gather(*map(work, connections))
    return _told(times, statuses, time.perf_counter() - began)


async def _open(port: int, requests: Iterator[bytes], per_second: float, seconds: float) -> Load:
    times: list[float] = []
    statuses: list[int] = []
    idle: deque[_Connection] = deque()
    n = int(per_second * seconds)
    running: set[asyncio.Task[None]] = set()

    async def one(request: bytes, due: float) -> None:
        while idle and idle[-1].is_closed:
            idle.pop()
        connection = idle.pop() if idle else await _connect(port)
        status = await connection.ask(request)
        statuses.append(status)
        times.append(time.perf_counter() - due)
        if status:
            idle.append(connection)

    # A steady stream is a polite one: users arrive as a Poisson process does.
    gaps = np.random.default_rng(1).exponential(1 / per_second, n)
    begins = time.perf_counter() + 0.1 + np.cumsum(gaps)
    for request, due in zip(islice(requests, n), begins.tolist(), strict=True):
        wait = due - time.perf_counter()
        if wait > 0:
            await asyncio.sleep(wait)
        task = asyncio.create_task(one(request, due))
        running.add(task)
        task.add_done_callback(running.discard)
    await asyncio.gather(*running)
    return _told(times, statuses, float(begins[-1] - begins[0]))


def _told(times: list[float], statuses: list[int], seconds: float) -> Load:
    p50, p95, p99 = np.percentile(np.array(times) * 1000, [50, 95, 99]).round(2).tolist()
    failed = sum(status != 200 for status in statuses)
    return Load(len(times), failed, round(len(times) / seconds, 1), p50, p95, p99)
