"""Where settings come from: a TOML file, the environment, flags; each value knows its source."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ..contracts.errors import ConfigError

PREFIX = "SELERA_"

Name = tuple[str, ...]
"""A setting's name, its section first: ("web", "port")."""


class Value(NamedTuple):
    """A value as it was given, and where; `is_text` where all that could be given was a text."""

    given: Any
    source: str
    is_text: bool = False

    def readings(self) -> Iterator[tuple[Any, bool]]:
        """What the value may mean, and whether its type must fit strictly."""
        if self.is_text:
            try:
                yield tomllib.loads(f"value = {self.given}")["value"], True
            except tomllib.TOMLDecodeError:
                pass
        yield self.given, not self.is_text


Values = dict[Name, Value]


def dotted(name: Name) -> str:
    """The name as messages spell it: `web.port`."""
    return ".".join(name)


def variable(name: Name) -> str:
    """The name as the environment spells it: `SELERA_WEB_PORT`."""
    return PREFIX + "_".join(name).upper()


def read_file(path: Path) -> Values:
    """The settings in a TOML file; none where there is no such file.

    Raises ConfigError where it cannot be read or is no TOML.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is no TOML: {error}") from error
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    return {name: Value(given, str(path)) for name, given in _flat(tables, ())}


def read_environment(environment: Mapping[str, str]) -> dict[str, Value]:
    """The variables of Selera, by their names."""
    return {
        key: Value(given, key, is_text=True)
        for key, given in environment.items()
        if key.startswith(PREFIX) and not _belongs_to_tests(key)
    }


def _belongs_to_tests(key: str) -> bool:
    """Where the tests find real data and test databases is told by variables of like names."""
    return key == f"{PREFIX}DATA" or key.startswith(f"{PREFIX}TEST_")


def _flat(tables: Mapping[str, Any], prefix: Name) -> Iterator[tuple[Name, Any]]:
    for key, given in tables.items():
        if isinstance(given, dict):
            yield from _flat(given, (*prefix, key))
        else:
            yield (*prefix, key), given
