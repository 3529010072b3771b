"""The watchdog on `data-training.csv`: whenever its content changes, a new model is trained.

What counts is the content. It is compared with the hash of the data that the published model learnt
from, so that neither a touch, nor an equal rewrite, nor a restart of the watcher trains anything.
The settings of the training count too: a first model that was made in haste is followed by the one
that was asked for, and changed settings by a model that heeds them. What was trained and then kept
aside by the gate, or rolled back by somebody, is not trained again: its version is still there.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import structlog
import watchfiles

from ..artifact import open_artifact
from ..contracts.errors import ArtifactError, ConfigError
from ..etl.files import Signature, signature
from .backoff import Backoff
from .children import NICENESS, Command, run_child
from .files import settled_signature, sha256
from .publish import published_version, versions_folder
from .watching import WatchConfig, WatchReport

log = structlog.get_logger(__name__)


def watch_csv(
    data: Path,
    output: Path,
    command: Command,
    stop: Event,
    config: WatchConfig,
    *,
    settings_sha256: str = "",
) -> WatchReport:
    """Run `command`, which trains `output` on `data`, for every new content of `data`.

    A model that was trained with other settings (its `settings_sha256` differs) counts as none.

    Returns once `stop` is set, its child being stopped. One training at a time: what changes during
    one is trained afterwards, once. Raises ConfigError where the folder of `data` does not exist.
    """
    if not data.parent.is_dir():
        raise ConfigError(f"there is no folder {data.parent.resolve()} to watch for {data.name}")
    started = time.monotonic()
    trainer = _Trainer(data, output, command, stop, config, settings_sha256)
    log.info("watching", file=str(data))
    for _ in _ticks(data, stop, config):
        trainer.look()
    return WatchReport(trainer.n_runs, trainer.n_failed, round(time.monotonic() - started, 3))


def published_from(output: Path) -> tuple[str | None, str | None]:
    """The hashes of the CSV that the published model learnt from and of the settings it had.

    None for what is not known; both are where no model can be opened.
    """
    try:
        metadata = open_artifact(output).metadata
    except ArtifactError:
        return None, None
    return metadata.get("data", {}).get("sha256"), metadata.get("settings_sha256")


def unpublished_version(output: Path, data_sha256: str, settings_sha256: str) -> str | None:
    """The version of these data and settings that is newer than the published one, or None."""
    published = published_version(output)
    if published is None:
        return None
    for path in sorted(versions_folder(output).glob("*.pkl"), reverse=True):
        if path.stem <= published:
            break
        if published_from(path) == (data_sha256, settings_sha256):
            return path.stem
    return None


def _ticks(data: Path, stop: Event, config: WatchConfig) -> Iterator[object]:
    """One tick now, one after every batch of changes, and one each `poll_s` seconds.

    The folder is watched, not the file: a file that is replaced is another file. The regular ticks
    cover what is not reported: network mounts, and changes from before the watch was in place.
    """
    changes = watchfiles.watch(
        data.parent,
        watch_filter=lambda _, path: Path(path).name == data.name,
        debounce=200,
        rust_timeout=int(config.poll_s * 1000),
        yield_on_timeout=True,
        stop_event=stop,
        raise_interrupt=False,
        recursive=False,
    )
    return itertools.chain([set()], changes)


class _Trainer:
    """Knows which content was seen last, and trains on one that is new."""

    def __init__(
        self,
        data: Path,
        output: Path,
        command: Command,
        stop: Event,
        config: WatchConfig,
        settings_sha256: str,
    ) -> None:
        self._data = data
        self._output = output
        self._command = command
        self._stop = stop
        self._settings_sha256 = settings_sha256
        self._debounce_s = config.debounce_s
        self._backoff = Backoff(config.retry_s, config.longest_retry_s)
        self._seen: Signature | None = None
        self._done: str | None = None
        self._missing_said = False
        self._retry_at = 0.0
        self.n_runs = 0
        self.n_failed = 0

    def look(self) -> None:
        """Train if the file has come to rest with a content neither tried nor published."""
        if signature(self._data) == self._seen is not None or time.monotonic() < self._retry_at:
            return
        settled = settled_signature(self._data, self._debounce_s, self._stop)
        if settled is None:
            self._say_missing()
            return
        digest = sha256(self._data)
        if digest is None or signature(self._data) != settled:
            return  # it changes again: the next tick looks anew
        self._missing_said = False
        self._seen = settled
        if digest == self._done:
            log.info("unchanged", file=str(self._data))
            return
        self._done = digest
        if (digest, self._settings_sha256) == published_from(self._output):
            log.info("up to date", file=str(self._data), sha256=digest[:12])
            return
        if version := unpublished_version(self._output, digest, self._settings_sha256):
            log.warning(
                "not trained again: the model of this file was kept aside or rolled back; to "
                f"publish it: selera models promote {version}",
                file=str(self._data),
            )
            return
        self._train(digest)

    def _train(self, digest: str) -> None:
        log.info("training", file=str(self._data), sha256=digest[:12])
        self.n_runs += 1
        code = run_child(self._command, self._stop, niceness=NICENESS)
        if code == 0:
            self._backoff.reset()
        elif code is not None:
            self.n_failed += 1
            self._after_failure(code, digest)

    def _after_failure(self, code: int, digest: str) -> None:
        """A content that cannot be used is not tried again; a training that was killed is."""
        if code > 0 and (
            version := unpublished_version(self._output, digest, self._settings_sha256)
        ):
            log.warning(
                "the gate kept the new model aside, the old one stays until the file changes; to "
                f"publish it: selera models promote {version}",
                code=code,
            )
            return
        if code > 0:
            kept = "the old model stays" if self._output.exists() else "there is no model yet"
            log.warning(f"training failed, {kept} until the file changes", code=code)
            return
        pause_s = self._backoff.next_s()
        log.warning("training was killed", signal=-code, retry_in_s=pause_s)
        self._seen = self._done = None
        self._retry_at = time.monotonic() + pause_s

    def _say_missing(self) -> None:
        if not (self._missing_said or self._stop.is_set()):
            log.info("waiting for the file", file=str(self._data))
            self._missing_said = True
