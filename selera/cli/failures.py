"""The one place where errors end: a sentence for a person, a problem object for a program."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Sequence

import click
import msgspec

from ..contracts.errors import SeleraError
from .output import encode_json, note
from .stopping import INTERRUPTED

OK, FAILURE, USAGE = 0, 1, 2
"""The exit codes of every command."""


class Problem(msgspec.Struct, frozen=True):
    """An error as `--json` tells it, with the `type` and `code` of the API's problems."""

    type: str
    code: str
    title: str
    detail: str


def run_reporting(main: Callable[[], object], arguments: Sequence[str]) -> int:
    """Call `main` and return its exit code; whatever a person can cure is told, never traced.

    `arguments` only tell whether errors are wanted as JSON.
    """
    as_json = "--json" in arguments
    try:
        code = main()
    except click.exceptions.Abort:
        return INTERRUPTED
    except click.UsageError as error:
        _tell_usage(error, as_json)
        return USAGE
    except SeleraError as error:
        _tell(error.code, _title(error.code), str(error), as_json)
        return FAILURE
    except OSError as error:
        if error.errno == errno.EPIPE:
            _forget_output()
            return FAILURE
        _tell("system", "The system refused", _sentence(error), as_json)
        return FAILURE
    return code if isinstance(code, int) else OK


def _tell(code: str, title: str, detail: str, as_json: bool) -> None:
    if as_json:
        note(encode_json(Problem(f"urn:selera:problem:{code}", code, title, detail)))
    else:
        note(f"Error: {detail}")


def _tell_usage(error: click.UsageError, as_json: bool) -> None:
    if as_json:
        _tell("usage", "Usage", error.format_message(), as_json)
    else:
        error.show()


def _title(code: str) -> str:
    return code.replace("_", " ").capitalize()


def _sentence(error: OSError) -> str:
    """`No space left on device: models/x.pkl`."""
    reason = error.strerror or type(error).__name__
    return f"{reason}: {error.filename}" if error.filename else reason


def _forget_output() -> None:
    """Whoever read our output has gone: let the interpreter's last flush go nowhere."""
    sys.stdout = open(os.devnull, "w", encoding="utf-8")
