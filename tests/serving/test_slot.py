"""The slot: which model answers when files come, are replaced, are bad, go."""

import shutil
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
from structlog.testing import capture_logs

from selera.artifact import open_artifact, write_artifact
from selera.contracts.errors import ArtifactError, ModelNotReady
from selera.models import Recommender
from selera.serving import ModelSlot, pace
from selera.serving import slot as module
from selera.serving.slot import LOOK_EVERY_S
from tests.serving.following import wait_until
from tests.serving.served_shop import publish


@pytest.fixture
def versions(model_path: Path, tmp_path: Path) -> Callable[[str], None]:
    """Publishes `tmp_path / "model.pkl"` under another version, as training does: by a rename."""
    artifact = open_artifact(model_path)

    def publish_version(version: str) -> None:
        run = {**artifact.run, "version": version}
        write_artifact(tmp_path / "model.pkl", artifact.metadata, artifact.arrays, run=run)

    return publish_version


def test_without_a_file_the_cure_is_told(tmp_path: Path) -> None:
    slot = ModelSlot(tmp_path / "model.pkl")
    for _ in range(3):
        with pytest.raises(ModelNotReady, match=r"no model at .*model\.pkl.*python training\.py"):
            slot.current()


def test_a_missing_file_is_logged_once(tmp_path: Path) -> None:
    slot = ModelSlot(tmp_path / "model.pkl")
    with capture_logs() as logs:
        for _ in range(5):
            with pytest.raises(ModelNotReady):
                slot.current()
    assert [line["event"] for line in logs] == ["no model yet"]


def test_the_first_model_is_there_at_the_next_request(
    tmp_path: Path, versions: Callable[[str], None]
) -> None:
    slot = ModelSlot(tmp_path / "model.pkl")
    with pytest.raises(ModelNotReady):
        slot.current()
    versions("first")
    assert slot.current().version == "first"


def test_a_replaced_file_is_noticed_and_the_old_model_still_answers(
    tmp_path: Path, versions: Callable[[str], None]
) -> None:
    versions("old")
    slot = ModelSlot(tmp_path / "model.pkl")
    old = slot.current()
    versions("new")
    wait_until(lambda: slot.current().version == "new")
    assert old.version == "old"
    assert old.popular(3) == slot.current().popular(3)


def test_an_unchanged_file_is_loaded_once(tmp_path: Path, versions: Callable[[str], None]) -> None:
    versions("one")
    slot = ModelSlot(tmp_path / "model.pkl")
    first = slot.current()
    started = time.monotonic()
    wait_until(lambda: slot.current() is first and time.monotonic() - started > 0.5)


def _damaged(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-10])


def _another_kind_of_file(path: Path) -> None:
    path.write_text("user_id,product_id\n")


def _of_another_release(path: Path) -> None:
    artifact = open_artifact(path)
    metadata = {**artifact.metadata, "ranker": "of the future"}
    write_artifact(path, metadata, artifact.arrays, run=artifact.run)


def _without_its_arrays(path: Path) -> None:
    artifact = open_artifact(path)
    write_artifact(path, artifact.metadata, {}, run=artifact.run)


def _with_a_flipped_bit(path: Path) -> None:
    """One bit of an array: it opens, and has an item where there is none."""
    content = bytearray(path.read_bytes())
    place = content.index(open_artifact(path).arrays["items.order"].tobytes())
    content[place + 3] ^= 0x40
    path.write_bytes(bytes(content))


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (_damaged, "no model file"),
        (_with_a_flipped_bit, "checksum does not match"),
        (_another_kind_of_file, "no model file"),
        (_of_another_release, "not one that this release understands"),
        (_without_its_arrays, "not one that this release understands"),
    ],
)
def test_a_bad_file_keeps_the_old_model_until_a_good_one_comes(
    tmp_path: Path, versions: Callable[[str], None], spoil: Callable[[Path], None], reason: str
) -> None:
    path = tmp_path / "model.pkl"
    versions("good")
    slot = ModelSlot(path)
    slot.current()
    bad = tmp_path / "bad.pkl"
    shutil.copy(path, bad)
    spoil(bad)
    with capture_logs() as logs:
        bad.replace(path)
        wait_until(lambda: bool(slot.current()) and bool(logs))
    assert slot.current().version == "good"
    assert logs[0]["event"] == "model refused"
    assert logs[0]["kept_version"] == "good"
    assert reason in logs[0]["reason"]
    with pytest.raises(ArtifactError, match=f"{reason}.*python training"):
        ModelSlot(path).current()
    versions("better")
    wait_until(lambda: slot.current().version == "better")


def test_a_large_file_answers_at_once_and_is_given_up_when_it_was_read(
    tmp_path: Path, versions: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "model.pkl"
    monkeypatch.setattr(module, "READ_AT_ONCE_BYTES", 0)
    monkeypatch.setattr(module, "READ_AFTER_S", 0.0)
    versions("good")
    slot = ModelSlot(path)
    assert slot.current().version == "good"
    slot.follow(lambda model: None)
    assert slot.current().version == "good"
    _with_a_flipped_bit(path)
    slot = ModelSlot(path)
    assert slot.current().version == "good"
    slot.follow(lambda model: None)
    with pytest.raises(ArtifactError, match="checksum does not match"):
        slot.current()
    versions("better")
    slot.follow(lambda model: None)
    assert slot.current().version == "better"


def test_a_file_that_goes_leaves_its_model(tmp_path: Path, versions: Callable[[str], None]) -> None:
    versions("last")
    slot = ModelSlot(tmp_path / "model.pkl")
    slot.current()
    with capture_logs() as logs:
        (tmp_path / "model.pkl").unlink()
        wait_until(lambda: bool(slot.current()) and bool(logs))
    assert slot.current().version == "last"


def _all_hold(seen: list[set[str]], version: str) -> bool:
    return all(version in each for each in seen)


def test_threads_never_wait_for_nor_fail_by_a_swap(
    tmp_path: Path, versions: Callable[[str], None]
) -> None:
    versions("0")
    slot = ModelSlot(tmp_path / "model.pkl")
    seen: list[set[str]] = [set() for _ in range(4)]
    failures: list[Exception] = []
    stop = threading.Event()

    def ask(versions_seen: set[str]) -> None:
        try:
            while not stop.is_set():
                model = slot.current()
                model.popular(5)
                versions_seen.add(model.version)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=ask, args=(each,)) for each in seen]
    for thread in threads:
        thread.start()
    wait_until(partial(_all_hold, seen, "0"))
    for swap in range(1, 6):
        versions(str(swap))
        wait_until(partial(_all_hold, seen, str(swap)))
    stop.set()
    for thread in threads:
        thread.join()
    assert failures == []
    assert all(each == {str(swap) for swap in range(6)} for each in seen)


def test_no_request_loads_a_model_while_somebody_follows_the_file(
    tmp_path: Path, versions: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    slot, prepared = ModelSlot(tmp_path / "model.pkl"), list[str]()
    versions("one")
    slot.follow(lambda model: prepared.append(model.version))
    versions("two")
    time.sleep(2 * LOOK_EVERY_S)
    assert slot.current().version == "one"
    slot.follow(lambda model: prepared.append(model.version))
    assert (slot.current().version, prepared) == ("two", ["two"])

    monkeypatch.setattr(module, "FOLLOWED_S", 0.1)
    slot.follow(lambda model: prepared.append(model.version))
    versions("three")
    wait_until(lambda: slot.current().version == "three")


def test_a_model_of_another_algorithm_may_follow(tmp_path: Path) -> None:
    path = tmp_path / "model.pkl"
    publish(path, algorithm="svd")
    slot = ModelSlot(path)
    assert slot.current().algorithm == "svd"
    publish(path, algorithm="popularity", version="v2")
    wait_until(lambda: slot.current().algorithm == "popularity")


def test_a_followed_slot_prepares_a_new_model_while_the_old_one_answers(
    versions: Callable[[str], None], tmp_path: Path
) -> None:
    versions("old")
    slot = ModelSlot(tmp_path / "model.pkl")
    prepared: list[tuple[str, str]] = []

    def prepare(model: Recommender) -> None:
        prepared.append((model.version, slot.current().version))

    slot.follow(prepare)
    assert (prepared, slot.current().version) == ([], "old")
    versions("new")
    slot.follow(prepare)
    slot.follow(prepare)
    assert (prepared, slot.current().version) == ([("new", "old")], "new")


def test_a_file_is_read_with_rests_only_while_another_model_answers(
    tmp_path: Path, versions: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    rests: list[float] = []
    clock = SimpleNamespace(perf_counter=time.perf_counter, sleep=rests.append)
    monkeypatch.setattr(pace, "time", clock)
    slot = ModelSlot(tmp_path / "model.pkl")
    versions("first")
    slot.follow(lambda model: None)
    assert rests == []  # everybody waits for it
    versions("second")
    slot.follow(lambda model: None)
    assert slot.current().version == "second"
    assert len(rests) > 3
    assert 0 < sum(rests) <= pace.MOST_REST_S
    rests.clear()
    monkeypatch.setattr(slot, "_look_at", 0.0)
    versions("third")
    assert slot.current().version == "third"
    assert rests == []  # a request waits for it
