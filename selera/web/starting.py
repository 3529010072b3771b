"""Starting the server: in this process, or in several that this one only watches."""

from __future__ import annotations

import gc
import os
import signal
import socket
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import structlog

from ..etl.files import scratch_folder
from .config import WebConfig
from .heap import give_back_large_blocks
from .listening import allow_many_files, listen
from .processes import keep_answering, stop_signals

log = structlog.get_logger(__name__)

_ONE_BY_ONE = {"UV_TCP_SINGLE_ACCEPT": "1"}
"""Tells libuv to accept one connection at a time: else the first to wake takes a whole burst."""


def _nothing() -> None:
    """What a worker does first unless told otherwise."""


def serve(
    config: WebConfig,
    started: Callable[[str], None] = lambda url: None,
    prepare: Callable[[], None] = _nothing,
) -> None:
    """Answer requests until SIGINT, SIGTERM or SIGHUP, then end what runs and return.

    `started` is called with the server's URL when the first request can come, in every worker.
    Where there are several, each of them calls `prepare` first, which can be pickled: a spawned
    process knows nothing of how its parent writes its log.

    Raises ConfigError where the address cannot be listened on, or others reach it and there is no
    key, StateError where Selera's own database cannot be used, DatabaseError where the shop cannot
    be opened. A model that is missing is no error: requests are answered 503 until it is there.
    """
    most_files = allow_many_files()
    with listen(config.host, config.port) as listener:
        url = _url(config.host, listener.getsockname()[1])
        log.info(
            "serving", url=url, workers=config.workers, threads=config.threads, files=most_files
        )
        if config.workers == 1:
            _answer(config, listener, stop_signals(), lambda: started(url))
        else:
            _answer_in_workers(config, listener, lambda: started(url), prepare)
        log.info("stopped", url=url)


def _answer_in_workers(
    config: WebConfig,
    listener: socket.socket,
    started: Callable[[], None],
    prepare: Callable[[], None],
) -> None:
    """Answer in `config.workers` processes, which add up what they count in a folder of theirs.

    Folders of servers that were killed are removed.
    """
    with scratch_folder(Path(tempfile.gettempdir(), "selera-metrics")) as folder:
        counts = str(folder)
        os.environ.update(_ONE_BY_ONE, PROMETHEUS_MULTIPROC_DIR=counts)
        _load()
        keep_answering(
            partial(_answer, config, listener, [signal.SIGTERM]),
            config.workers,
            started=started,
            prepare=prepare,
            ended=partial(_forget, counts),
        )


def _load() -> None:
    """Import what the workers need, once for all that are forked.

    It is kept out of garbage collections, which would write into the pages that they share.
    """
    from . import server as server

    gc.collect()
    gc.freeze()


def _answer(
    config: WebConfig,
    listener: socket.socket,
    signals: Sequence[signal.Signals],
    ready: Callable[[], None],
) -> None:
    """`server.answer`; what it needs is loaded in the process that answers."""
    from .server import answer

    give_back_large_blocks()
    answer(config, listener, signals, ready)


def _forget(counts: str, process_id: int) -> None:
    """What a worker that is gone was doing counts no more; what it had counted does."""
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(process_id, counts)  # type: ignore[no-untyped-call]


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
