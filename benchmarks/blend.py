"""The blend on the public Gowalla split, without the order of the lines and with it.

Everything is chosen on the last tenth of each line of train; test is scored once.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from .environment import DATA, environment, save

NAME = "blend"
FOLDER = DATA / "gowalla"


def run() -> Path:
    """Both, by the command line, as anybody would repeat them."""
    measured_in = environment()
    result: dict[str, Any] = {
        "without order": _evaluated([]),
        "with order": _evaluated(["--use-order"]),
    }
    return save(NAME, f"python -m benchmarks {NAME}", result, measured_in)


def _evaluated(options: list[str]) -> dict[str, Any]:
    files = ["--train", str(FOLDER / "train.txt"), "--test", str(FOLDER / "test.txt")]
    asked = ["--protocol", "lightgcn-split", *files, "--model", "blend", "--json", *options]
    command = [sys.executable, "-m", "selera", "evaluate", *asked]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    kept = ("metrics", "notes", "fit_seconds", "score_seconds", "peak_memory_mib")
    return {name: found[name] for name in kept}
