import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from selera.pipeline.children import Command, run_child, start_child, stop_children
from tests.processes import ROOT, STALL_S, running, wait_until

STUBBORN = """
import signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
time.sleep(60)
"""
FOLLOWER = """
import sys, time
from pathlib import Path
from selera.pipeline.lifeline import stop_with_parent
stop_with_parent()
Path(sys.argv[1]).write_text("ready")
time.sleep(60)
"""
PARENT = """
import os, sys
from threading import Event
from selera.pipeline.children import Command, start_child
child = start_child(Command([sys.executable, "-c", sys.argv[1], sys.argv[2]], os.environ))
print(child.pid, flush=True)
Event().wait(60)
"""


def _python(code: str, *arguments: str) -> Command:
    return Command([sys.executable, "-c", code, *arguments], dict(os.environ))


def test_the_exit_code_is_returned() -> None:
    assert run_child(_python("raise SystemExit(3)"), threading.Event()) == 3


def test_a_killed_child_returns_its_signal() -> None:
    code = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"

    assert run_child(_python(code), threading.Event()) == -signal.SIGKILL


def test_stopping_stops_the_child_too(tmp_path: Path) -> None:
    stop = threading.Event()
    mark = tmp_path / "mark"
    code = f"import os, time; open({str(mark)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    results: list[int | None] = []
    thread = threading.Thread(target=lambda: results.append(run_child(_python(code), stop)))
    thread.start()
    pid = int(wait_until(lambda: mark.read_text() if mark.exists() else None, "the child"))

    stop.set()
    thread.join(10)

    assert results == [None]
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_child_that_ignores_the_request_is_ended() -> None:
    process = start_child(_python(STUBBORN), captured=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"

    started = time.monotonic()
    stop_children([process], grace_s=0.3)

    assert process.returncode == -signal.SIGKILL
    assert time.monotonic() - started < STALL_S
    process.stdout.close()


def test_a_child_steps_back_behind_us() -> None:
    code = "import os, time, sys; time.sleep(0.5); print(os.nice(0))"
    process = start_child(_python(code), niceness=7, captured=True)
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.read() == f"{min(19, os.nice(0) + 7)}\n"
    stop_children([process])


def test_a_child_steps_back_where_linux_shares_between_sessions() -> None:
    if not Path("/proc/self/autogroup").exists():
        pytest.skip("this system shares between processes")
    code = "import time; time.sleep(0.5); print(open('/proc/self/autogroup').read())"
    process = start_child(_python(code), niceness=7, captured=True)
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.read().split()[-1] == str(min(19, os.nice(0) + 7))
    stop_children([process])


def test_a_child_notices_that_its_parent_was_killed(tmp_path: Path) -> None:
    mark, log = tmp_path / "mark", tmp_path / "log"
    arguments = ["-c", PARENT, FOLLOWER, str(mark)]

    with running(arguments, cwd=ROOT, log=log) as parent:
        wait_until(mark.exists, "the child")
        child = int(log.read_text())
        parent.kill()
        parent.wait()
        wait_until(lambda: _is_gone(child), "the child's end")


def _is_gone(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state == "Z"
