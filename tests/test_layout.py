"""The house rules of docs/design.md, read off the source: floors, libraries, sizes, docstrings."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "selera"

FLOORS = {
    "contracts": 0,
    "kernels": 0,
    "models": 1,
    "artifact": 1,
    "database": 1,
    "state": 1,
    "training": 2,
    "shop": 2,
    "etl": 3,
    "evaluation": 3,
    "serving": 3,
    "pipeline": 4,
    "web": 5,
    "cli": 6,
}

OWNERS = {
    "numba": {"kernels"},
    "sqlalchemy": {"database", "state"},
    "itsdangerous": {"state"},
    "psycopg": {"database"},
    "pymysql": {"database"},
    "polars": {"etl", "shop"},
    "dataframely": {"etl", "shop"},
    "litestar": {"web"},
    "uvicorn": {"web"},
    "rich": {"cli"},
    "rich_click": {"cli"},
    "click": {"cli"},
    "watchfiles": {"pipeline"},
    "scipy": {"training", "evaluation"},
    "optuna": {"evaluation"},
    "matplotlib": {"evaluation"},
    "jinja2": {"evaluation"},
    "markupsafe": {"evaluation"},
}
"""Third parties that belong to some rooms; whatever else is installed, every room may use."""

ANSWERING = ("models", "artifact", "database", "state", "serving", "web")
"""What runs while a request is answered; it imports none of these."""
NOT_WHILE_ANSWERING = ("numba", "polars", "dataframely", "scipy", "alembic", "optuna", "matplotlib")

MOST_LINES_PER_MODULE = 300
MOST_LINES_PER_FUNCTION = 60

MODULES = sorted(PACKAGE.rglob("*.py"))


class Import(NamedTuple):
    """One import, at the top of a module or within a function."""

    name: str
    line: int


def _room(path: Path) -> str:
    """The room of a module; what lies in the package's own folder belongs to the highest."""
    parts = path.relative_to(PACKAGE).parts
    return parts[0] if len(parts) > 1 else "cli"


def _imports(path: Path) -> Iterator[Import]:
    """Absolute names of everything that a module imports, lazily and for types too."""
    package = ("selera", *path.relative_to(PACKAGE).parent.parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, node.lineno)
        elif isinstance(node, ast.ImportFrom):
            parts = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join([*parts, *(node.module.split(".") if node.module else [])])
            yield Import(base, node.lineno)
            for alias in node.names:
                yield Import(f"{base}.{alias.name}", node.lineno)


def _rooms_imported(path: Path) -> Iterator[tuple[str, int]]:
    for name, line in _imports(path):
        parts = name.split(".")
        if parts[0] == "selera" and len(parts) > 1 and parts[1] in FLOORS:
            yield parts[1], line


def _id(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_every_room_has_its_floor() -> None:
    rooms = {path.name for path in PACKAGE.iterdir() if path.is_dir() and any(path.glob("*.py"))}

    assert rooms <= FLOORS.keys()


@pytest.mark.parametrize("path", MODULES, ids=_id)
def test_a_room_imports_only_from_lower_floors(path: Path) -> None:
    if path.parent == PACKAGE and path.name == "__init__.py":
        assert list(_imports(path)) == []
        return
    here = _room(path)

    wrong = [
        f"{_id(path)}:{line} imports {room}"
        for room, line in _rooms_imported(path)
        if room != here and FLOORS[room] >= FLOORS[here]
    ]

    assert wrong == []


@pytest.mark.parametrize("path", MODULES, ids=_id)
def test_third_parties_stay_in_their_rooms(path: Path) -> None:
    here = _room(path)

    wrong = [
        f"{_id(path)}:{line} imports {name}"
        for name, line in _imports(path)
        if here not in OWNERS.get(name.split(".")[0], {here})
    ]

    assert wrong == []


def test_the_rooms_that_own_a_third_party_exist() -> None:
    assert {room for rooms in OWNERS.values() for room in rooms} <= FLOORS.keys()


@pytest.mark.parametrize("path", MODULES, ids=_id)
def test_only_the_cli_reads_the_environment(path: Path) -> None:
    if _room(path) == "cli":
        return
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    written = [
        node.value for node in nodes if isinstance(node, ast.Attribute) and node.attr == "update"
    ]
    reads = [
        f"{_id(path)}:{node.lineno}"
        for node in nodes
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and (node.value.id, node.attr) in {("os", "environ"), ("os", "getenv")}
        and node not in written
    ]

    assert reads == []


@pytest.mark.parametrize("room", ANSWERING)
def test_answering_a_request_imports_nothing_heavy(room: str) -> None:
    code = (
        "import importlib, pkgutil, sys\n"
        f"import selera.{room} as room\n"
        "for each in pkgutil.walk_packages(room.__path__, room.__name__ + '.'):\n"
        "    importlib.import_module(each.name)\n"
        f"print(sorted(set({NOT_WHILE_ANSWERING!r}) & set(sys.modules)))\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"


def test_there_are_no_import_cycles() -> None:
    graph = {path: set(_modules_imported_at_once(path)) for path in MODULES}
    done: set[Path] = set()

    def visit(path: Path, trail: tuple[Path, ...]) -> None:
        assert path not in trail, " -> ".join(map(_id, (*trail[trail.index(path) :], path)))
        if path not in done:
            for other in graph[path]:
                visit(other, (*trail, path))
            done.add(path)

    for path in MODULES:
        visit(path, ())


def _modules_imported_at_once(path: Path) -> Iterator[Path]:
    """Modules of ours that are imported when this one is: not within functions, not for types."""
    package = ("selera", *path.relative_to(PACKAGE).parent.parts)
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if not isinstance(node, ast.ImportFrom) or not node.level:
            continue
        parts = package[: len(package) - node.level + 1]
        base = ROOT.joinpath(*parts, *(node.module or "").split("."))
        for place in (base, *(base / alias.name for alias in node.names)):
            for file in (place.with_suffix(".py"), place / "__init__.py"):
                if file in MODULES and file != path and file.parent != path.parent:
                    yield file
                elif file in MODULES and file != path and file.name != "__init__.py":
                    yield file


@pytest.mark.parametrize("path", MODULES, ids=_id)
def test_modules_and_functions_are_short(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MOST_LINES_PER_MODULE

    long = [
        f"{_id(path)}:{node.lineno} {node.name} has {_lines(node)} lines"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and _lines(node) > MOST_LINES_PER_FUNCTION
    ]
    assert long == []


def _lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function, its docstring not counted."""
    first = node.body[0]
    has_docstring = ast.get_docstring(node) is not None
    docstring = (first.end_lineno or first.lineno) - first.lineno + 1 if has_docstring else 0
    return (node.end_lineno or node.lineno) - node.lineno + 1 - docstring


@pytest.mark.parametrize("path", MODULES, ids=_id)
def test_everything_public_says_what_it_is(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree), f"{_id(path)} has no docstring"

    silent = [
        f"{_id(path)}:{node.lineno} {node.name}"
        for node in _public(tree)
        if ast.get_docstring(node) is None
    ]
    assert silent == []


@pytest.mark.parametrize("path", MODULES, ids=_id)
def test_first_lines_of_docstrings_are_sentences(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    documented: list[tuple[int, str]] = [(1, ast.get_docstring(tree) or "")]
    documented += [(node.lineno, ast.get_docstring(node) or "") for node in _public(tree)]

    odd = [
        f"{_id(path)}:{line} {text.partition(chr(10))[0]!r}"
        for line, text in documented
        if not text.partition("\n\n")[0].rstrip().endswith((".", "?", ":", "!"))
    ]
    assert odd == []


def _public(
    tree: ast.Module,
) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    """Public functions and classes of a module, and the public methods of those classes."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            if node.name.startswith("_"):
                continue
            yield node
            for inner in node.body if isinstance(node, ast.ClassDef) else []:
                if isinstance(inner, ast.FunctionDef) and not inner.name.startswith("_"):
                    yield inner


@pytest.mark.parametrize("path", MODULES, ids=_id)
def test_every_parameter_and_result_is_annotated(path: Path) -> None:
    bare = [
        f"{_id(path)}:{node.lineno} {node.name}"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.returns is None or not all(_is_annotated(each) for each in _arguments(node)))
    ]

    assert bare == []


def _arguments(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.arg]:
    spec = node.args
    rest = [each for each in (spec.vararg, spec.kwarg) if each is not None]
    return [*spec.posonlyargs, *spec.args, *spec.kwonlyargs, *rest]


def _is_annotated(argument: ast.arg) -> bool:
    return argument.annotation is not None or argument.arg in ("self", "cls")


@pytest.mark.parametrize("path", MODULES, ids=_id)
def test_nothing_below_the_cli_prints(path: Path) -> None:
    if _room(path) == "cli":
        return
    prints = [
        node.lineno
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ("print", "input", "breakpoint")
    ]

    assert prints == []


@pytest.mark.parametrize("path", [*MODULES, *sorted(ROOT.glob("*.py"))], ids=_id)
def test_nothing_is_left_to_do(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    for mark in ("TODO", "FIXME", "XXX", "HACK", "NotImplementedError"):
        assert mark not in text
