"""The programs in a Python that lacks a library, and in a Selera that lacks a module."""

import shutil
from pathlib import Path

import pytest

from selera import programs
from tests.processes import ROOT, python

BARE = "-S"
"""This very Python without what is installed for it."""


@pytest.mark.parametrize("program", programs.COMMANDS)
def test_a_missing_library_is_one_sentence_with_its_cure(tmp_path: Path, program: str) -> None:
    done = python(BARE, str(ROOT / program), "--help", cwd=tmp_path)

    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 1
    assert "does not have the library rich_click" in done.stderr
    for cure in ("make venv", ". .venv/bin/activate", f".venv/bin/python {program}"):
        assert f"`{cure}`" in done.stderr


def test_a_missing_library_is_told_by_the_module_too() -> None:
    done = python(BARE, "-m", "selera", "--version", cwd=ROOT)

    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "`.venv/bin/python -m selera`" in done.stderr


def test_a_missing_module_of_our_own_is_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "selera").mkdir()
    for name in ("__init__.py", "programs.py"):
        shutil.copy(ROOT / "selera" / name, tmp_path / "selera")
    shutil.copy(ROOT / "etl.py", tmp_path)

    done = python(BARE, "etl.py", cwd=tmp_path)

    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "make venv" not in done.stderr


def test_every_program_of_the_root_folder_is_known() -> None:
    assert {path.name for path in ROOT.glob("*.py")} == set(programs.COMMANDS)
