import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from selera.cli.progress import PlainProgress
from tests.processes import ROOT, clean_environment

SHOWING = """
import time
from selera.cli.logs import log_to_stderr
from selera.cli.progress import shown_progress
import structlog
log_to_stderr("info")
with shown_progress() as progress:
    progress("compiling kernels, once", 0, None)
    time.sleep(0.3)
    for done in range(5):
        progress("fitting [x]", done, 4)
        time.sleep(0.1)
    structlog.get_logger().info("a log line")
    time.sleep(0.2)
"""


def test_a_stage_is_said_when_it_ends(capsys: pytest.CaptureFixture[str]) -> None:
    progress = PlainProgress()

    progress("compiling kernels, once", 0, None)
    for _ in range(2):  # judging fits the same stage several times
        for done in range(1001):
            progress("fitting", done, 1000)
        progress("fitting", 1000, 1000)

    assert capsys.readouterr().err.splitlines() == [
        "  compiling kernels, once ...",
        "  fitting: 1,000 of 1,000",
        "  fitting: 1,000 of 1,000",
    ]


def test_a_stage_that_goes_on_is_said_again(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("selera.cli.progress.LINE_EVERY_S", 0.0)
    progress = PlainProgress()

    progress("reading", 0, None)
    progress("reading", 50_000, None)
    progress("fitting", 1, 40)

    assert capsys.readouterr().err.splitlines() == [
        "  reading ...",
        "  reading: 50,000",
        "  fitting: 1 of 40",
    ]


def test_a_terminal_gets_a_bar_and_whole_log_lines(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", SHOWING],
        cwd=ROOT,
        env=clean_environment(TERM="xterm"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=theirs,
    )
    os.close(theirs)
    shown = b""
    try:
        while part := os.read(ours, 65536):
            shown += part
    except OSError:
        pass  # Linux says so when the other end is closed
    finally:
        os.close(ours)
    assert process.wait(20) == 0

    text = shown.decode()
    assert "compiling kernels, once" in text
    assert "fitting [x]" in text
    assert "4/4" in text
    assert "a log line" in text
    assert "━" in text
