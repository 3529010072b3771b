import os
import subprocess
import sys
from pathlib import Path

import pytest

from selera import kernels
from selera.cli.kernels import VARIABLE, cache_folder, prepare_kernels
from tests.processes import ROOT, clean_environment


def test_the_cache_lies_in_the_users_cache_folder(tmp_path: Path) -> None:
    environment = {"XDG_CACHE_HOME": str(tmp_path)}

    assert prepare_kernels(environment) is False
    assert Path(environment[VARIABLE]).is_relative_to(tmp_path)
    assert Path(environment[VARIABLE]).is_dir()


def test_a_variable_that_is_set_stays(tmp_path: Path) -> None:
    environment = {VARIABLE: str(tmp_path / "mine")}

    assert prepare_kernels(environment) is False
    assert environment[VARIABLE] == str(tmp_path / "mine")


@pytest.mark.parametrize(
    ("platform", "end"),
    [
        ("darwin", "Library/Caches/selera/kernels"),
        ("win32", "appdata/selera/kernels"),
        ("linux", "xdg/selera/kernels"),
    ],
)
def test_each_system_has_its_place(
    monkeypatch: pytest.MonkeyPatch, platform: str, end: str
) -> None:
    monkeypatch.setattr(sys, "platform", platform)

    folder = cache_folder({"LOCALAPPDATA": "/u/appdata", "XDG_CACHE_HOME": "/u/xdg"})

    assert folder.as_posix().endswith(end)


def test_a_cache_that_cannot_be_made_becomes_a_private_folder_for_this_process(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").touch()
    code = (
        "import os, sys\n"
        "from selera.cli.kernels import prepare_kernels\n"
        "prepare_kernels(os.environ)\n"
        "folder = os.environ['NUMBA_CACHE_DIR']\n"
        "print(folder, oct(os.stat(folder).st_mode & 0o777))\n"
    )
    environment = clean_environment(XDG_CACHE_HOME=str(tmp_path / "file"))
    environment.pop(VARIABLE, None)

    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )

    folder, mode = done.stdout.split()
    assert mode == "0o700"
    assert not Path(folder).exists()


def test_compiled_kernels_are_known_until_a_source_is_newer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = tmp_path / "sources"
    cache = tmp_path / "cache" / "sub"
    sources.mkdir()
    cache.mkdir(parents=True)
    monkeypatch.setattr(kernels, "__path__", [str(sources)])
    (sources / "__init__.py").touch()
    (sources / "sgd.py").touch()
    environment = {VARIABLE: str(tmp_path / "cache")}
    assert prepare_kernels(environment) is False

    index = cache / f"sgd.step-10.py{sys.version_info.major}{sys.version_info.minor}.nbi"
    index.touch()
    assert prepare_kernels(environment) is True

    os.utime(index, (1, 1))
    assert prepare_kernels(environment) is False
