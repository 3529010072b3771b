"""The options that several commands share, and how a flag becomes a setting."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar

import rich_click as click
from click import get_current_context

from ..contracts.errors import ConfigError
from .settings import SETTINGS_FILE, Settings
from .sources import Name, Value, Values

Function = TypeVar("Function", bound=Callable[..., Any])
Decorator = Callable[[Function], Function]

_FLAGS = "selera.flags"


def setting(
    path: str, flag: str, *, help: str, default: object, **attributes: Any
) -> Decorator[Any]:
    """An option that overrides the setting `path`; `current_settings` then knows it.

    `default` is what the help says: the value itself is in the struct of the setting's section.
    """
    name: Name = tuple(path.split("."))

    def remember(context: click.Context, _: click.Parameter, given: Any) -> None:
        if given is not None:
            _flags_of(context)[name] = Value(given, flag)

    return click.option(
        flag,
        expose_value=False,
        callback=remember,
        help=f"{help} [default: {default}]",
        **attributes,
    )


def current_settings() -> Settings:
    """The settings of the command that runs: file, environment, and the flags it was given."""
    return Settings.load(SETTINGS_FILE, os.environ, _flags_of(get_current_context()))


def readable_settings() -> tuple[Settings, list[ConfigError]]:
    """The settings as far as they can be read, and why the rest cannot."""
    return Settings.read(SETTINGS_FILE, os.environ, _flags_of(get_current_context()))


def _flags_of(context: click.Context) -> Values:
    flags: Values = context.meta.setdefault(_FLAGS, {})
    return flags


database_option = setting(
    "database",
    "--database",
    metavar="URL",
    help="The shop's database: SQLite, PostgreSQL or MariaDB/MySQL.",
    default="sqlite:///shop.db",
)
FILE = click.Path(dir_okay=False, readable=False)
"""The type of an option that names a file, there or not; a folder of that name is wrong usage."""

SEED = click.IntRange(0, 2**32 - 1)
"""The type of an option that seeds random choices."""

data_option = setting(
    "data_file",
    "--data",
    type=FILE,
    metavar="CSV",
    help="What to learn from, as the ETL writes it.",
    default="data-training.csv",
)
model_option = setting(
    "model_file",
    "--model",
    type=FILE,
    metavar="FILE",
    help="The published model.",
    default="system-recomendation.pkl",
)
model_output_option = setting(
    "model_file",
    "--output",
    type=FILE,
    metavar="FILE",
    help="Where to publish the model; its versions lie in models/ beside it.",
    default="system-recomendation.pkl",
)
state_option = setting(
    "state_file",
    "--state",
    type=FILE,
    metavar="FILE",
    help="Selera's own small database.",
    default="selera-state.db",
)
workers_option = setting(
    "web.workers",
    "--workers",
    type=int,
    help="Processes that answer requests.",
    default="1",
)
overwrite_option = click.option(
    "--overwrite", is_flag=True, help="Replace the rows that are there."
)
json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object instead of text."
)
limit_option = click.option(
    "--limit", type=click.IntRange(1, 100), default=10, show_default=True, help="How many products."
)


def wait_option(work: str) -> Decorator[Any]:
    """What to do where the same work is going on in another process."""
    return click.option("--wait", is_flag=True, help=f"Wait for another {work} instead of failing.")
