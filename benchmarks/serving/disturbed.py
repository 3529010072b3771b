"""What disturbs answers: models that are swapped, and a training on the same machine."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from selera.pipeline.children import NICENESS, Command, start_child, stop_children

from . import load
from .asking import LATENCY_ROUNDS, N_ASKING, PER_ROUND, SECONDS, typical, users, warm
from .servers import metric, server

N_SWAPS = 34
"""In each of the rounds, one a second."""

_SWAP = """
import shutil, sys, time
from pathlib import Path
from selera.pipeline.publish import replace_published
model, n = Path(sys.argv[1]), int(sys.argv[2])
versions = [Path(f"{model}.{name}") for name in ("one", "other")]
for each in versions:
    shutil.copyfile(model, each)
print("ready", flush=True)
sys.stdin.read()
for turn in range(n):
    began = time.monotonic()
    replace_published(model, versions[turn % 2])
    time.sleep(max(0.0, 1.0 - (time.monotonic() - began)))
for each in versions:
    each.unlink()
"""


def swaps(folder: Path) -> dict[str, Any]:
    """Some 100 swaps of the model under load, one a second, and the same load without, in turn.

    They are published as a training or a rollback does it: two versions in turn.
    """
    model = folder / "system-recomendation.pkl"
    content = model.read_bytes()
    with server(folder, "compose") as (port, _):
        warm(port, N_ASKING)
        rate = load.closed(port, users(N_ASKING), PER_ROUND).per_second / 2
        without, during = [], []
        for _ in range(LATENCY_ROUNDS):
            without.append(load.open_(port, users(N_ASKING), rate, float(N_SWAPS)))
            with _swapping(model):
                during.append(load.open_(port, users(N_ASKING), rate, float(N_SWAPS)))
        n_swaps = metric(port, "selera_model_swaps_total")
    model.unlink()
    model.write_bytes(content)
    return {
        "rate": round(rate, 1),
        "without": typical(without),
        "with": typical(during),
        "n": sum(each.n for each in during),
        "failed": sum(each.failed for each in during),
        "swaps": n_swaps,
    }


@contextlib.contextmanager
def _swapping(model: Path) -> Iterator[None]:
    """A process that swaps the model; its imports are done: what is measured are swaps alone."""
    command = [sys.executable, "-c", _SWAP, str(model), str(N_SWAPS)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as swapper:
        assert swapper.stdin is not None
        assert swapper.stdout is not None
        swapper.stdout.readline()
        swapper.stdin.close()
        yield
        assert swapper.wait() == 0


def while_training(folder: Path) -> dict[str, Any]:
    """Latency at a quarter of the peak, without and with a training, in turn."""
    with tempfile.TemporaryDirectory() as elsewhere, server(folder, "compose") as (port, _):
        for name in ("data-training.csv", "data-training.manifest.json"):
            shutil.copy(folder / name, elsewhere)
        warm(port, N_ASKING)
        rate = load.closed(port, users(N_ASKING), PER_ROUND).per_second / 4
        without, beside = [], []
        for _ in range(LATENCY_ROUNDS):
            without.append(load.open_(port, users(N_ASKING), rate, SECONDS))
            with _training(Path(elsewhere)):
                beside.append(load.open_(port, users(N_ASKING), rate, SECONDS))
    return {"rate": round(rate, 1), "without": typical(without), "with": typical(beside)}


@contextlib.contextmanager
def _training(folder: Path) -> Iterator[None]:
    """A training of the folder's data in its midst, niced as the watcher does."""
    command = [sys.executable, "-m", "selera", "train", "--model", "blend"]
    arguments = Command(command, dict(os.environ))
    with contextlib.chdir(folder):
        training = start_child(arguments, niceness=NICENESS, captured=True)
    time.sleep(5)  # past the imports, into the work
    yield
    assert training.poll() is None, "the training ended before the measurement did"
    stop_children([training])
