"""What the servers are asked, and how a latency is told."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import Any

import numpy as np

from . import load

N_ASKING = 2_000
"""Users who ask, of the small shops; of the large ones all do."""
PER_ROUND = 600
"""Requests that find a peak."""
LATENCY_ROUNDS = 3
SECONDS = 10.0
"""Of a round; what is told is the round with the median p99, since one moment in which another
machine wants the processor makes a p99."""
SETTLE_S = 10.0
"""In which the details of a small catalogue are read for the first time, beside the answers."""


def users(n_users: int, query: str = "", seed: int = 0) -> Iterator[bytes]:
    """Requests of users drawn evenly, without end."""
    rng = np.random.default_rng(seed)
    while True:
        for user in rng.integers(1, n_users + 1, 1000).tolist():
            yield load.get(f"/recommend/{user}?limit=10{query}")


def constants(n_users: int) -> Iterator[bytes]:
    """Requests of the constant answer, whose paths differ as those of users do."""
    rng = np.random.default_rng(0)
    while True:
        for user in rng.integers(1, n_users + 1, 1000).tolist():
            yield load.get(f"/constant/{user}")


def warm(port: int, n_users: int) -> None:
    """Let every user ask once, so that what is remembered is, where it is kept."""
    time.sleep(SETTLE_S)
    load.closed(
        port, (load.get(f"/recommend/{id}?limit=10") for id in range(1, n_users + 1)), n_users
    )


def set_constant(port: int) -> int:
    """Let the constant answer be one of ours; its bytes."""
    status, body = load.ask(port, load.get("/recommend/1?limit=10"))
    assert status == 200, (status, body)
    load.ask(port, load.post("/constant/set", body))
    return len(body)


def typical(rounds: Sequence[load.Load]) -> dict[str, Any]:
    """The round with the median p99, and the p99 of each."""
    middle = sorted(rounds, key=attrgetter("p99_ms"))[len(rounds) // 2]
    return middle._asdict() | {"p99_ms_of_rounds": [each.p99_ms for each in rounds]}
