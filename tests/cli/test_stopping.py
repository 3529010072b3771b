import os
import signal
from pathlib import Path

import pytest

from selera.cli.stopping import stop_event
from tests.processes import running, wait_until


@pytest.mark.parametrize(("how", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_work_ends_quietly(tmp_path: Path, how: signal.Signals, code: int) -> None:
    log = tmp_path / "log"
    arguments = ["-m", "selera", "seed", "--users", "3000000"]

    with running(arguments, cwd=tmp_path, log=log) as process:
        wait_until(lambda: "seed" in log.read_text(), "the work to begin")
        process.send_signal(how)
        assert process.wait(20) == code

    assert "Traceback" not in log.read_text()
    assert "Error" not in log.read_text()


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_sets_the_event_and_the_handlers_return(name: str) -> None:
    number = getattr(signal, name)
    before = signal.getsignal(number)

    with stop_event() as stop:
        assert not stop.is_set()
        os.kill(os.getpid(), number)
        assert stop.wait(5)

    assert signal.getsignal(number) is before
