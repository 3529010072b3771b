"""docs/settings.md knows every setting, with its default, and no other."""

import importlib
import re
from pathlib import Path

import msgspec
import pytest

from selera.cli.settings import HANDED, SECTIONS

PAGE = (Path(__file__).parents[2] / "docs" / "settings.md").read_text(encoding="utf-8")


def settings(type_: type[msgspec.Struct], prefix: tuple[str, ...]) -> dict[str, object]:
    """Dotted name and default of every setting in a struct."""
    found: dict[str, object] = {}
    for field in msgspec.structs.fields(type_):
        path = (*prefix, field.name)
        if path in HANDED:
            continue
        if isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            found |= settings(field.type, path)
        else:
            found[".".join(path)] = field.default
    return found


@pytest.fixture(scope="module")
def known() -> dict[str, object]:
    found: dict[str, object] = {}
    for section, place in SECTIONS.items():
        module, _, struct = place.partition(":")
        type_ = getattr(importlib.import_module(module), struct)
        found |= settings(type_, (section,) if section else ())
    return found


def test_every_setting_is_documented(known: dict[str, object]) -> None:
    assert [name for name in known if f"`{name}`" not in PAGE] == []


def test_nothing_else_is_documented(known: dict[str, object]) -> None:
    sections = "|".join(name for name in SECTIONS if name)
    documented = set(re.findall(rf"`((?:{sections})\.[a-z_.]+)`", PAGE))
    assert documented - set(known) == set()


def test_numbers_are_documented_with_their_default(known: dict[str, object]) -> None:
    rows = re.findall(r"^\| `([a-z_.]+)` \| ([0-9.]+) \|", PAGE, re.MULTILINE)
    assert len(rows) > 30
    assert [(name, default) for name, default in rows if known[name] != float(default)] == []
