import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from selera.contracts.errors import Busy, DataError
from selera.pipeline.locks import await_writer, exclusive

HOLDER = """
import sys
import threading
from pathlib import Path
from selera.pipeline.locks import exclusive
with exclusive(Path(sys.argv[1]), "training", wait=False):
    print("held", flush=True)
    sys.stdin.read()
"""


def _hold(output: Path) -> "subprocess.Popen[str]":
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(output)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    return holder


def test_another_process_makes_it_busy(tmp_path: Path) -> None:
    output = tmp_path / "model.pkl"

    with (
        _hold(output) as holder,
        pytest.raises(Busy, match="another training is writing .*model.pkl.*--wait"),
        exclusive(output, "training", wait=False),
    ):
        raise AssertionError("two hold it")

    assert holder.returncode == 0


def test_waiting_gets_it_when_the_holder_is_killed(tmp_path: Path) -> None:
    output = tmp_path / "model.pkl"

    with _hold(output) as holder:
        holder.send_signal(signal.SIGKILL)
        with exclusive(output, "training", wait=True):
            assert holder.wait() == -signal.SIGKILL


def test_two_outputs_do_not_exclude_each_other(tmp_path: Path) -> None:
    with (
        exclusive(tmp_path / "one.pkl", "training", wait=False),
        exclusive(tmp_path / "two.pkl", "training", wait=False),
    ):
        assert (tmp_path / ".one.pkl.lock").exists()


def test_a_missing_folder_is_named_and_not_made(tmp_path: Path) -> None:
    output = tmp_path / "missing" / "model.pkl"

    with (
        pytest.raises(DataError, match=r"no folder .*missing to write model\.pkl into"),
        exclusive(output, "training", wait=False),
    ):
        raise AssertionError("held in a folder that is not there")

    assert not output.parent.exists()


def test_a_reader_waits_for_the_writer(tmp_path: Path) -> None:
    output = tmp_path / "data.csv"

    with _hold(output) as holder:
        assert holder.stdin is not None
        threading.Timer(0.5, holder.stdin.close).start()
        await_writer(output)
        assert holder.wait(5) == 0


def test_a_file_that_nobody_ever_wrote_is_not_waited_for(tmp_path: Path) -> None:
    await_writer(tmp_path / "data.csv")

    assert list(tmp_path.iterdir()) == []
