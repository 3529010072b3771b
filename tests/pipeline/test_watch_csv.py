import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from selera.artifact import open_artifact
from selera.contracts.errors import ConfigError
from selera.pipeline.children import Command
from selera.pipeline.files import sha256
from selera.pipeline.train import TrainConfig, train
from selera.pipeline.versions import roll_back
from selera.pipeline.watch_csv import published_from, unpublished_version, watch_csv
from selera.pipeline.watching import WatchConfig, WatchReport
from tests.processes import wait_until
from tests.small_shop import write_training_csv

FAST = WatchConfig(debounce_s=0.15, poll_s=0.2, retry_s=0.2)

RECORDING_TRAINING = """
import hashlib, os, signal, sys, time
from pathlib import Path
data, journal, wait = Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])
content = data.read_text()
with journal.open("a") as file:
    print("begin", content, file=file)
while wait.exists():
    time.sleep(0.01)
if content == "killed":
    data.write_text("healed")
    os.kill(os.getpid(), signal.SIGKILL)
with journal.open("a") as file:
    print("end", content, file=file)
sys.exit(1 if content == "broken" else 0)
"""


class Watched:
    """A watcher in a thread, whose trainings write a journal; `hold` keeps them from ending."""

    def __init__(self, folder: Path, settings_sha256: str = "") -> None:
        self.settings_sha256 = settings_sha256
        self.data = folder / "data-training.csv"
        self.output = folder / "system-recomendation.pkl"
        self.hold = folder / "hold"
        self._journal = folder / "journal"
        self.stop = threading.Event()
        self.report: WatchReport | None = None
        arguments = [sys.executable, "-c", RECORDING_TRAINING]
        paths = [str(self.data), str(self._journal), str(self.hold)]
        self.command = Command([*arguments, *paths], dict(os.environ))

    def journal(self) -> list[str]:
        return self._journal.read_text().splitlines() if self._journal.exists() else []

    def run(self) -> None:
        self.report = watch_csv(
            self.data,
            self.output,
            self.command,
            self.stop,
            FAST,
            settings_sha256=self.settings_sha256,
        )

    def wait_for(self, *lines: str) -> None:
        wait_until(lambda: self.journal() == list(lines), f"the journal {lines}")


@contextmanager
def watching(folder: Path, settings_sha256: str = "") -> Iterator[Watched]:
    watched = Watched(folder, settings_sha256)
    thread = threading.Thread(target=watched.run)
    thread.start()
    try:
        yield watched
    finally:
        watched.stop.set()
        thread.join(20)
    assert not thread.is_alive()


def rest() -> None:
    """Longer than any of the watcher's pauses: what has not begun by then does not begin."""
    threading.Event().wait(1.0)


def test_a_new_content_trains_once(tmp_path: Path) -> None:
    with watching(tmp_path) as watched:
        watched.data.write_text("one")
        watched.wait_for("begin one", "end one")
        watched.data.write_text("two")
        watched.wait_for("begin one", "end one", "begin two", "end two")
        rest()

    assert watched.report is not None
    assert (watched.report.n_runs, watched.report.n_failed) == (2, 0)


def test_a_touch_and_an_equal_rewrite_train_nothing(tmp_path: Path) -> None:
    with watching(tmp_path) as watched:
        watched.data.write_text("one")
        watched.wait_for("begin one", "end one")
        os.utime(watched.data, (1, 1))
        rest()
        other = tmp_path / "other"
        other.write_text("one")
        os.replace(other, watched.data)
        rest()

        watched.wait_for("begin one", "end one")


def test_a_file_that_still_grows_is_not_trained_on(tmp_path: Path) -> None:
    with watching(tmp_path) as watched:
        for part in "abcdef":
            with watched.data.open("a") as file:
                file.write(part)
            threading.Event().wait(0.05)
        watched.wait_for("begin abcdef", "end abcdef")


def test_changes_during_a_training_lead_to_one_more_with_the_newest(tmp_path: Path) -> None:
    with watching(tmp_path) as watched:
        watched.hold.touch()
        watched.data.write_text("one")
        watched.wait_for("begin one")
        watched.data.write_text("two")
        rest()
        watched.data.write_text("three")
        watched.hold.unlink()
        watched.wait_for("begin one", "end one", "begin three", "end three")


def test_a_broken_file_is_tried_once_and_the_next_good_one_trains(
    tmp_path: Path,
) -> None:
    with watching(tmp_path) as watched:
        watched.data.write_text("broken")
        watched.wait_for("begin broken", "end broken")
        os.utime(watched.data)
        rest()
        watched.data.write_text("good")
        watched.wait_for("begin broken", "end broken", "begin good", "end good")

    assert watched.report is not None
    assert (watched.report.n_runs, watched.report.n_failed) == (2, 1)


def test_a_killed_training_is_tried_again(tmp_path: Path) -> None:
    with watching(tmp_path) as watched:
        watched.data.write_text("killed")
        watched.wait_for("begin killed", "begin healed", "end healed")


def test_stopping_ends_the_training_too(tmp_path: Path) -> None:
    with watching(tmp_path) as watched:
        watched.hold.touch()
        watched.data.write_text("one")
        watched.wait_for("begin one")

    assert watched.journal() == ["begin one"]
    assert watched.report is not None
    assert watched.report.n_failed == 0


def test_a_restart_does_not_train_on_what_is_published(tmp_path: Path) -> None:
    data, output = tmp_path / "data-training.csv", tmp_path / "system-recomendation.pkl"
    write_training_csv(data)
    train(data, output, TrainConfig(model="popularity"))

    with watching(tmp_path) as watched:
        rest()
        assert watched.journal() == []
        data.write_text("new")
        watched.wait_for("begin new", "end new")


def publish_with(folder: Path, settings_sha256: str) -> str:
    """Publish a model of a small CSV there, and return what the watcher's journal calls that."""
    data = folder / "data-training.csv"
    write_training_csv(data)
    output = folder / "system-recomendation.pkl"
    train(data, output, TrainConfig(model="popularity"), settings_sha256=settings_sha256)
    assert published_from(output) == (sha256(data), settings_sha256)
    return data.read_text().splitlines()[0]


def test_a_model_with_other_settings_is_trained_again_once(tmp_path: Path) -> None:
    header = publish_with(tmp_path, "settings of yesterday")

    with watching(tmp_path, "settings of today") as watched:
        wait_until(lambda: len(begun(watched)) == 1, "a training")
        rest()
        assert begun(watched) == [f"begin {header}"]


def test_a_model_with_the_same_settings_is_not_trained_again(tmp_path: Path) -> None:
    publish_with(tmp_path, "settings of today")

    with watching(tmp_path, "settings of today") as watched:
        rest()
        assert watched.journal() == []


def test_a_model_that_was_kept_aside_is_not_trained_again(tmp_path: Path) -> None:
    """Neither after a restart, nor once somebody went back from it; another file is."""
    data, output = tmp_path / "data-training.csv", tmp_path / "system-recomendation.pkl"
    config = TrainConfig(model="popularity")
    write_training_csv(data, n_users=30)
    train(data, output, config, settings_sha256="mine")
    write_training_csv(data)
    version = train(data, output, config, settings_sha256="mine").version
    assert unpublished_version(output, str(sha256(data)), "mine") is None
    roll_back(output, None)
    assert unpublished_version(output, str(sha256(data)), "mine") == version

    with capture_logs() as logs, watching(tmp_path, "mine") as watched:
        rest()
        assert watched.journal() == []
        data.write_text("new")
        watched.wait_for("begin new", "end new")
    (said,) = [line["event"] for line in logs if line["log_level"] == "warning"]
    assert said.endswith(f"to publish it: selera models promote {version}")


def begun(watched: Watched) -> list[str]:
    return [line for line in watched.journal() if line.startswith("begin ")]


def test_a_model_that_was_made_in_haste_is_followed_by_the_one_asked_for(tmp_path: Path) -> None:
    """The quick first model has no settings of anybody: a stop before the second one is caught."""
    data, output = tmp_path / "data-training.csv", tmp_path / "system-recomendation.pkl"
    write_training_csv(data)

    def stop_at_judging(stage: str, done: int, total: int | None) -> None:
        if stage.startswith("judging"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(data, output, TrainConfig(model="itemknn"), stop_at_judging, settings_sha256="mine")
    assert open_artifact(output).metadata["algorithm"] == "svd"
    assert published_from(output) == (sha256(data), "")

    with watching(tmp_path, "mine") as watched:
        wait_until(lambda: len(begun(watched)) == 1, "a training")


def test_a_model_that_cannot_be_read_counts_as_none(tmp_path: Path) -> None:
    output = tmp_path / "model.pkl"

    assert published_from(output) == (None, None)
    output.write_bytes(b"no model")
    assert published_from(output) == (None, None)


def test_the_published_model_tells_what_it_learnt_from(tmp_path: Path) -> None:
    data, output = tmp_path / "data-training.csv", tmp_path / "model.pkl"
    write_training_csv(data)
    train(data, output, TrainConfig(model="popularity"))

    assert published_from(output)[0] == sha256(data)


def test_a_missing_folder_is_said(tmp_path: Path) -> None:
    missing = tmp_path / "missing" / "data-training.csv"
    command = Command(["true"], {})

    with pytest.raises(ConfigError, match="no folder .*missing to watch for data-training.csv"):
        watch_csv(missing, tmp_path / "model.pkl", command, threading.Event(), FAST)


def test_nothing_is_left_running(tmp_path: Path) -> None:
    with watching(tmp_path) as watched:
        watched.hold.touch()
        watched.data.write_text("one")
        watched.wait_for("begin one")

    listed = subprocess.run(["ps", "ax", "-o", "args"], capture_output=True, text=True, check=True)
    assert str(watched.hold) not in listed.stdout
