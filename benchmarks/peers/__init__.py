"""Other libraries, each in an environment of its own, driven over a pipe."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ..environment import ROOT

_HERE = Path(__file__).parent
_ENVIRONMENTS = ROOT / ".venv-peers"


def peer_python(name: str) -> Path:
    """The Python of the peer's environment, made from peers/<name>.txt where it is missing."""
    python = _ENVIRONMENTS / name / "bin" / "python"
    ready = _ENVIRONMENTS / name / ".ready"
    if not ready.exists():
        print(f"installing the peer {name} into {_ENVIRONMENTS / name} (once)", file=sys.stderr)
        venv.create(_ENVIRONMENTS / name, with_pip=True, clear=True)
        requirements = str(_HERE / f"{name}.txt")
        subprocess.run([python, "-m", "pip", "install", "-q", "-r", requirements], check=True)
        ready.touch()
    return python


class Peer:
    """A peer that answers one JSON line for each line that it is asked with."""

    def __init__(self, name: str, *arguments: str) -> None:
        program = str(_HERE / f"run_{name}.py")
        self._process = subprocess.Popen(
            [str(peer_python(name)), program, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, question: object) -> dict[str, Any]:
        """Send one question, wait for its answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=60)
