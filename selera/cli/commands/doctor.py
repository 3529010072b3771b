"""`selera doctor`: what is missing or odd, and the cure, in sentences."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

import rich_click as click

from ...contracts.errors import ConfigError
from ..failures import FAILURE
from ..kernels import prepare_kernels
from ..options import (
    data_option,
    database_option,
    json_option,
    model_option,
    readable_settings,
    setting,
)
from ..output import counted, note, say, say_json
from ..settings import Settings, ShopFiles

if TYPE_CHECKING:
    from ...database import Finding

_MARKS = {"ok": "ok     ", "warning": "warning", "error": "ERROR  "}


@click.command()
@database_option
@data_option
@model_option
@setting("web.host", "--host", help="The address to listen on.", default="127.0.0.1")
@setting("web.port", "--port", type=int, help="The port to listen on.", default="5000")
@json_option
@click.pass_context
def doctor(context: click.RichContext, as_json: bool) -> None:
    """Look at Python, settings, database, CSV, model and port, and say what is wrong.

    The exit code is 1 if anything is an error.
    """
    if not prepare_kernels(os.environ):
        note("compiling kernels, once ...")
    findings = list(_examine(*readable_settings()))
    n_errors = sum(each.level == "error" for each in findings)
    n_warnings = sum(each.level == "warning" for each in findings)
    if as_json:
        say_json({"errors": n_errors, "warnings": n_warnings, "findings": findings})
    else:
        for each in findings:
            say(f"{_MARKS[each.level]}  {each.subject}: {each.sentence}")
            if each.cure:
                say(f"         {each.cure}")
        errors, warnings = counted(n_errors, "error"), counted(n_warnings, "warning")
        say(f"{counted(len(findings), 'finding')}: {errors}, {warnings}.")
    if n_errors:
        context.exit(FAILURE)


def _examine(settings: Settings, unread: list[ConfigError]) -> Iterator[Finding]:
    """All findings; what is wrong with a setting hides no finding but those on what it names."""
    from ...web import WebConfig
    from .. import checks

    yield from checks.check_python()
    yield from checks.check_settings(settings, unread)
    with suppress(ConfigError):  # said by the check of the settings
        yield from _examine_files(settings.files)
    with suppress(ConfigError):
        web = settings.section("web", WebConfig)
        yield from checks.check_port(web.host, web.port)


def _examine_files(files: ShopFiles) -> Iterator[Finding]:
    from .. import checks

    yield from checks.check_database(files.database)
    yield from checks.check_data(files.data_path, files.database)
    yield from checks.check_model(files.model_path, files.data_path)
