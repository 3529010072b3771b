import importlib
import re
import resource
from pathlib import Path

import pytest
from click.core import Option
from click.testing import CliRunner

from selera.cli.commands.importing import DATASETS, import_dataset
from selera.cli.commands.train import MODELS
from selera.cli.main import selera as group
from selera.cli.settings import SECTIONS, Settings
from selera.shop import IMPORTERS
from selera.training import RECIPES
from tests.processes import ROOT, python

HEAVY = (
    "numpy scipy numba polars dataframely sqlalchemy litestar uvicorn watchfiles threadpoolctl "
    "optuna matplotlib jinja2"
).split()

PROGRAMS = {
    "create_and_seed_db.py": ["--database", "--users", "--products", "--seed", "--overwrite"],
    "etl.py": ["--database", "--output"],
    "training.py": ["--data", "--output", "--model", "--seed"],
    "watcher.py": ["--data", "--output"],
    "app.py": ["--database", "--model", "--host", "--port"],
}


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_helps_under_its_own_name_with_its_options(tmp_path: Path, program: str) -> None:
    done = python(str(ROOT / program), "--help", cwd=tmp_path)

    assert done.returncode == 0
    assert f"Usage: {program} [OPTIONS]" in done.stdout
    for option in PROGRAMS[program]:
        assert re.search(rf"{option}\b", done.stdout)
    assert done.stderr == ""


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_is_short(program: str) -> None:
    assert len((ROOT / program).read_text().splitlines()) <= 20


def test_help_imports_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys, runpy\n"
        f"sys.argv = [{str(ROOT / 'training.py')!r}, '--help']\n"
        f"sys.path.insert(0, {str(ROOT)!r})\n"
        "try:\n"
        f"    runpy.run_path(sys.argv[0], run_name='__main__')\n"
        "except SystemExit as end:\n"
        "    assert end.code == 0, end.code\n"
        f"print('HEAVY', sorted(set({HEAVY!r}) & set(sys.modules)))\n"
    )

    done = python("-c", code, cwd=tmp_path)

    assert done.stdout.rstrip().endswith("HEAVY []"), done.stdout + done.stderr


def test_help_costs_well_under_a_second(tmp_path: Path) -> None:
    def seconds() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert python(str(ROOT / "training.py"), "--help", cwd=tmp_path).returncode == 0
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert min(seconds() for _ in range(4)) < 0.9


def test_every_command_helps() -> None:
    for name in group.commands:
        done = CliRunner().invoke(group, [name, "--help"], prog_name="selera")
        assert done.exit_code == 0, done.output
        assert f"Usage: selera {name} [OPTIONS]" in done.output


def test_help_of_import_and_the_shop_know_the_same_data_sets() -> None:
    assert set(DATASETS) == set(IMPORTERS)
    assert ", ".join(DATASETS) in (import_dataset.help or "").replace("\n", " ")


def test_help_of_train_and_the_training_know_the_same_models() -> None:
    (option,) = [each for each in group.commands["train"].params if each.name == "model"]
    assert isinstance(option, Option)
    assert tuple(RECIPES) == MODELS
    assert str(option.help).startswith(", ".join(RECIPES))


def test_what_only_our_own_processes_need_is_not_in_the_help() -> None:
    done = CliRunner().invoke(group, ["--help"], prog_name="selera")

    assert "--version" in done.output
    assert "--stop-with-parent" not in done.output


def test_the_defaults_that_help_tells_are_the_defaults() -> None:
    told = {}
    for name, command in group.commands.items():
        for option in command.params:
            if isinstance(option, Option) and "[default: " in (option.help or ""):
                text = str(option.help).rpartition("[default: ")[2].rstrip("]")
                told[(name, option.opts[0])] = text
    places = {
        ("seed", "--users"): ("shop", "n_users"),
        ("seed", "--products"): ("shop", "n_products"),
        ("seed", "--seed"): ("shop", "seed"),
        ("train", "--model"): ("training", "model"),
        ("train", "--seed"): ("training", "seed"),
        ("serve", "--host"): ("web", "host"),
        ("serve", "--port"): ("web", "port"),
        ("serve", "--database"): ("", "database"),
        ("serve", "--model"): ("", "model_file"),
        ("etl", "--output"): ("", "data_file"),
        ("train", "--output"): ("", "model_file"),
        ("watch", "--data"): ("", "data_file"),
    }

    for place, (section, field) in places.items():
        module, _, struct = SECTIONS[section].partition(":")
        defaults = Settings({}, {}, {}).section(
            section, getattr(importlib.import_module(module), struct)
        )
        assert told[place] == str(getattr(defaults, field)), place
