"""Wait until the API really recommends something, then say what to open and what to try."""

from __future__ import annotations

import http.client
import json
import shlex
from pathlib import Path
from threading import Event
from typing import Any
from urllib.parse import quote

_LOOK_S = 0.2
_TIMEOUT_S = 10.0


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


def await_recommendation(address: Address, model: Path, stop: Event) -> str | None:
    """The path of a first request that was answered, once there is one; None if stopped.

    Before the file `model` exists nothing is asked: the API would only log refusals.
    """
    while not stop.is_set():
        path = _answered_path(address) if model.exists() else None
        if path is not None:
            return path
        stop.wait(_LOOK_S)
    return None


def invitation(address: Address, path: str, seconds: float) -> list[str]:
    """What a person reads once the API answers."""
    return [
        f"Selera is ready after {seconds:.1f} s.",
        f"  open  {address.url}/docs",
        f"  try   curl {shlex.quote(address.url + path)}",
        "  stop  Ctrl-C",
    ]


def _answered_path(address: Address) -> str | None:
    """A path that is answered 200 now: a list for the first user, or what most users like."""
    try:
        status, _ = address.get("/health/ready")
        if status != 200:
            return None
        _, users = address.get("/users?limit=1")
        ids = users.get("user_ids", [])
        path = f"/recommend/{quote(str(ids[0]), safe='')}" if ids else "/popular"
        status, _ = address.get(path)
    except (OSError, ValueError):
        return None
    return path if status == 200 else None
