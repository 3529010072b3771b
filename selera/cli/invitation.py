"""Wait until the API really recommends something, then say what to open and what to try."""

from __future__ import annotations

import http.client
import json
import shlex
from pathlib import Path
from threading import Event
from typing import Any, NamedTuple
from urllib.parse import quote

_LOOK_S = 0.2
_TIMEOUT_S = 10.0
_UNAUTHORIZED = 401


class Trial(NamedTuple):
    """A first request to try; `needs_key` where the API answers nobody without one."""

    path: str
    needs_key: bool = False


class Address:
    """Where an API listens, and how to ask it from this machine."""

    def __init__(self, host: str, port: int) -> None:
        self._host = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(host, host)
        self._port = port
        shown = f"[{self._host}]" if ":" in self._host else self._host
        self.url = f"http://{shown}:{port}"

    def get(self, path: str, timeout_s: float = _TIMEOUT_S) -> tuple[int, Any]:
        """Status and decoded JSON; OSError where nobody answers, ValueError where it is no JSON."""
        # Not urllib: a proxy that is set for the world outside has no business here.
        connection = http.client.HTTPConnection(self._host, self._port, timeout=timeout_s)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        except http.client.HTTPException as error:
            raise OSError(str(error)) from error
        finally:
            connection.close()


def await_recommendation(address: Address, model: Path, stop: Event) -> Trial | None:
    """A first request that was answered, once there is one; None if stopped.

    Before the file `model` exists nothing is asked: the API would only log refusals.
    """
    while not stop.is_set():
        trial = _answered(address) if model.exists() else None
        if trial is not None:
            return trial
        stop.wait(_LOOK_S)
    return None


def invitation(address: Address, trial: Trial, seconds: float) -> list[str]:
    """What a person reads once the API answers."""
    key = "-H 'Authorization: Bearer KEY' " if trial.needs_key else ""
    return [
        f"Selera is ready after {seconds:.1f} s.",
        f"  open  {address.url}/docs",
        f"  try   curl {key}{shlex.quote(address.url + trial.path)}",
        "  stop  Ctrl-C",
    ]


def _answered(address: Address) -> Trial | None:
    """A request that is answered 200 now: a list for the first user, or what most users like."""
    try:
        status, _ = address.get("/health/ready")
        if status != 200:
            return None
        status, users = address.get("/users?limit=1")
        if status == _UNAUTHORIZED:
            return Trial("/popular", needs_key=True)
        ids = users.get("user_ids", [])
        path = f"/recommend/{quote(str(ids[0]), safe='')}" if ids else "/popular"
        status, _ = address.get(path)
    except (OSError, ValueError):
        return None
    return Trial(path) if status == 200 else None
