"""The settings: defaults, then `selera.toml`, then `SELERA_*`, then the flags of the command.

One rule names them all. What the file calls `port` in its section `[web]` is `web.port` in messages
and `SELERA_WEB_PORT` in the environment: section and key in capitals, joined by `_`. A value in the
environment is written as in the file, and a text needs no quotes there.

Each room owns the struct of its section. A section is checked when a command asks for it, so that
no command imports a room that it does not use; a section that nobody knows is refused at once.
"""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self, TypeVar

import msgspec

from .. import __version__
from ..contracts.errors import ConfigError
from .allowed import describe
from .sources import Name, Value, Values, dotted, read_environment, read_file, variable

SETTINGS_FILE = Path("selera.toml")

TOP = ""
SECTIONS = {
    TOP: "selera.cli.settings:ShopFiles",
    "events": "selera.contracts.events:EventConfig",
    "shop": "selera.shop:ShopConfig",
    "etl": "selera.etl:EtlConfig",
    "training": "selera.pipeline.train:TrainConfig",
    "watch": "selera.pipeline.watching:WatchConfig",
    "erase": "selera.pipeline.erase:EraseConfig",
    "serving": "selera.serving:ServingConfig",
    "web": "selera.web:WebConfig",
}
"""Where the struct of each section is found; that of `TOP` is written above all sections."""

HANDED = {
    ("web", "database"),
    ("web", "time_zone"),
    ("web", "model"),
    ("web", "state"),
    ("web", "serving"),
    ("web", "events"),
    ("web", "erase"),
}
"""Fields that are no settings of their own section: they are handed over from the others."""

Section = TypeVar("Section", bound=msgspec.Struct)


class ShopFiles(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the shop is, and the files that are made from it.

    database : the shop's database, an SQLAlchemy URL
    data_file : the CSV that training learns from; its manifest and rejects lie beside it
    model_file : the published model; its versions lie in `models/` beside it
    state_file : Selera's own small database: keys, rules, experiments, the book of versions
    """

    database: str = "sqlite:///shop.db"
    data_file: str = "data-training.csv"
    model_file: str = "system-recomendation.pkl"
    state_file: str = "selera-state.db"

    @property
    def data_path(self) -> Path:
        """`data_file` as a path."""
        return Path(self.data_file)

    @property
    def model_path(self) -> Path:
        """`model_file` as a path."""
        return Path(self.model_file)

    @property
    def state_path(self) -> Path:
        """`state_file` as a path."""
        return Path(self.state_file)


class Settings:
    """All that was set, each value with its source; `section` checks it and gives it its type."""

    def __init__(self, file: Values, environment: Mapping[str, Value], flags: Values) -> None:
        self._file = file
        self._environment = environment
        self._flags = flags

    @classmethod
    def load(cls, path: Path, environment: Mapping[str, str], flags: Values) -> Self:
        """Read the file, if there is one, and the environment.

        Raises ConfigError for a file that is no TOML and for sections that nobody knows.
        """
        settings, errors = cls.read(path, environment, flags)
        if errors:
            raise errors[0]
        return settings

    @classmethod
    def read(
        cls, path: Path, environment: Mapping[str, str], flags: Values
    ) -> tuple[Self, list[ConfigError]]:
        """The settings as if what `load` would raise for were absent, and those errors."""
        errors: list[ConfigError] = []
        file: Values = {}
        try:
            file = read_file(path)
        except ConfigError as error:
            errors.append(error)
        settings = cls(file, read_environment(environment), flags)
        try:
            settings._refuse_unknown_sections()
        except ConfigError as error:
            errors.append(error)
        return settings, errors

    def section(self, name: str, type_: type[Section]) -> Section:
        """The settings of one section as its struct.

        Raises ConfigError for a key that the struct does not know and for a value that it does not
        allow; the message names the setting, its source and what is allowed.
        """
        leaves = dict(_leaves(type_, (name,) if name else ()))
        given = self._given(name, leaves)
        tree: dict[str, Any] = {}
        for path, value in given.items():
            *parents, key = path[1:] if name else path
            branch = tree
            for parent in parents:
                branch = branch.setdefault(parent, {})
            branch[key] = _convert(path, value, leaves[path])
        try:
            return _override(type_(), tree)
        except ConfigError as error:
            sources = [f"{dotted(path)} is from {each.source}" for path, each in given.items()]
            raise ConfigError(f"{error} ({'; '.join(sources)})") from error

    def with_flag(self, path: Name, given: object, flag: str) -> Self:
        """These settings, as if the flag had been given too."""
        return type(self)(self._file, self._environment, {**self._flags, path: Value(given, flag)})

    @property
    def files(self) -> ShopFiles:
        """The settings above all sections."""
        return self.section(TOP, ShopFiles)

    def errors(self) -> Iterator[ConfigError]:
        """What is wrong, the first of each section, unused ones included (slow to import)."""
        for name, place in SECTIONS.items():
            module, _, struct = place.partition(":")
            try:
                self.section(name, getattr(importlib.import_module(module), struct))
            except ConfigError as error:
                yield error

    def as_environment(self) -> dict[str, str]:
        """The flags as variables, so that a child has the settings of its parent."""
        return {variable(path): str(value.given) for path, value in self._flags.items()}

    def fingerprint(self, name: str) -> str:
        """SHA-256 of what is set in one section, whatever its source, and of our version.

        It needs no struct, so that a watcher can ask for it without loading what trains.
        """
        prefix = variable((name, ""))
        given = {
            **{variable(path): each for path, each in self._file.items()},
            **self._environment,
            **{variable(path): each for path, each in self._flags.items()},
        }
        told = sorted(
            (key, str(next(each.readings())[0]))
            for key, each in given.items()
            if key.startswith(prefix)
        )
        return hashlib.sha256(repr((__version__, told)).encode()).hexdigest()

    def _given(self, name: str, leaves: Mapping[Name, object]) -> Values:
        """The values of one section, each from its strongest source; unknown keys are refused."""
        given = {path: value for path, value in self._file.items() if _section(path) == name}
        for path, value in given.items():
            if path not in leaves:
                raise _unknown(dotted(path), value.source, [dotted(each) for each in leaves])
        variables = {variable(path): path for path in leaves}
        for key, value in self._environment.items():
            if key in variables:
                given[variables[key]] = value
            elif name and key.startswith(variable((name, ""))):
                raise _unknown(key, "the environment", list(variables))
        return given | {path: each for path, each in self._flags.items() if path in leaves}

    def _refuse_unknown_sections(self) -> None:
        known = [f"[{name}]" for name in SECTIONS if name]
        for path, value in self._file.items():
            if _section(path) not in SECTIONS:
                raise _unknown(f"[{path[0]}]", value.source, known)
        top = [variable(path) for path, _ in _leaves(ShopFiles, ())]
        prefixes = [variable((name, "")) for name in SECTIONS if name]
        for key in self._environment:
            if key not in top and not key.startswith(tuple(prefixes)):
                raise _unknown(key, "the environment", top + [f"{each}*" for each in prefixes])


def _section(path: Name) -> str:
    """The section that a setting is in; a key above all sections is in `TOP`."""
    return path[0] if len(path) > 1 else TOP


def _unknown(name: str, source: str, known: list[str]) -> ConfigError:
    return ConfigError(f"{name} in {source} is no setting; known are: {', '.join(known)}")


def _leaves(type_: type[msgspec.Struct], prefix: Name) -> Iterator[tuple[Name, object]]:
    """The name and the type of every setting in a struct and in the structs within it."""
    for field in msgspec.structs.fields(type_):
        path = (*prefix, field.name)
        if path in HANDED:
            continue
        if isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            yield from _leaves(field.type, path)
        else:
            yield path, field.type


def _convert(path: Name, value: Value, type_: object) -> Any:
    """The value as `type_`; ConfigError where it cannot be one."""
    for given, strict in value.readings():
        try:
            return msgspec.convert(given, type_, strict=strict)
        except msgspec.ValidationError:
            continue
    raise ConfigError(
        f"{dotted(path)} must be {describe(type_)}, got {value.given!r} from {value.source}"
    )


def _override(base: Section, tree: Mapping[str, Any]) -> Section:
    """`base` with some of its fields replaced, in the structs within it too; checks it anew."""
    fields = {key: getattr(base, key) for key in base.__struct_fields__}
    for key, value in tree.items():
        fields[key] = _override(fields[key], value) if isinstance(value, dict) else value
    return type(base)(**fields)
