import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from selera.artifact import open_artifact, write_artifact
from selera.contracts.errors import ArtifactError, VersionNotFound
from selera.pipeline.experiments import start_experiment
from selera.pipeline.locks import exclusive
from selera.pipeline.publish import published_version, version_name, versions_folder
from selera.pipeline.train import TrainConfig, train
from selera.pipeline.versions import list_versions, promote, roll_back, rollback_target, tidy
from selera.state import Decisions, Experiments, State
from tests.small_shop import write_training_csv

WHEN = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
NAMES = tuple(version_name(WHEN + timedelta(days=day), f"{day}" * 6) for day in range(5))


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with State.open(tmp_path / "state.db") as opened:
        yield opened


@pytest.fixture
def book(state: State) -> Decisions:
    return Decisions(state)


@pytest.fixture
def experiments(state: State) -> Experiments:
    return Experiments(state)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model file of a real training."""
    folder = tmp_path_factory.mktemp("trained")
    write_training_csv(folder / "data-training.csv")
    train(folder / "data-training.csv", folder / "model.pkl", TrainConfig(model="popularity"))
    return folder / "model.pkl"


@pytest.fixture
def output(tmp_path: Path, trained: Path) -> Path:
    """A folder with the versions `NAMES`, none of them published yet."""
    (tmp_path / "models").mkdir()
    for name in NAMES:
        _copy(trained, tmp_path / "models" / f"{name}.pkl", name)
    return tmp_path / "model.pkl"


def _copy(trained: Path, path: Path, name: str, ballast_bytes: int = 0) -> None:
    artifact = open_artifact(trained)
    arrays = {**artifact.arrays, "ballast.zeros": np.zeros(ballast_bytes, dtype=np.uint8)}
    run = {"version": name, "trained_at": "2026-03-04T05:06:07Z", "seconds": 1.0}
    write_artifact(path, artifact.metadata, arrays, run=run)


def test_promoting_swaps_the_published_file_and_is_written_down(
    output: Path, book: Decisions
) -> None:
    promote(output, NAMES[0], book)
    swap = promote(output, NAMES[2], book, reason="it sells more")

    assert (swap.version, swap.before, swap.changed) == (NAMES[2], NAMES[0], True)
    assert output.samefile(output.parent / "models" / f"{NAMES[2]}.pkl")
    line = book.all()[0]
    assert (line.version, line.action, line.champion) == (NAMES[2], "promoted", NAMES[0])
    assert line.reason == "it sells more"


def test_promoting_what_is_published_changes_nothing(output: Path, book: Decisions) -> None:
    promote(output, NAMES[1], book)
    before = output.stat()

    assert not promote(output, NAMES[1], book).changed

    assert output.stat() == before
    assert len(book.all()) == 1


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../model", "/etc/passwd", "*", "x\0y", f"{NAMES[0]}.pkl", "' OR 1=1"]
)
def test_a_name_that_is_no_version_is_refused(output: Path, book: Decisions, name: str) -> None:
    with pytest.raises(VersionNotFound, match=NAMES[0]):
        promote(output, name, book)

    assert not output.exists()


def test_a_damaged_version_is_not_promoted(output: Path, book: Decisions) -> None:
    promote(output, NAMES[0], book)
    path = output.parent / "models" / f"{NAMES[1]}.pkl"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)

    with pytest.raises(ArtifactError):
        promote(output, NAMES[1], book)

    assert published_version(output) == NAMES[0]
    assert len(book.all()) == 1


def test_going_back_goes_on_to_ever_earlier_ones(output: Path, book: Decisions) -> None:
    for name in (NAMES[2], NAMES[0], NAMES[3]):
        promote(output, name, book)

    gone_to = [roll_back(output, book).version, roll_back(output, book).version]

    assert gone_to == [NAMES[0], NAMES[2]]
    assert published_version(output) == NAMES[2]
    assert [line.action for line in book.all()[:2]] == ["rolled_back", "rolled_back"]


def test_going_back_after_going_back_and_forth(output: Path, book: Decisions) -> None:
    promote(output, NAMES[0], book)
    promote(output, NAMES[1], book)
    roll_back(output, book)
    promote(output, NAMES[2], book)

    assert roll_back(output, book).version == NAMES[0]


def test_without_a_book_the_next_older_one_is_gone_back_to(output: Path) -> None:
    promote(output, NAMES[2], None)

    assert roll_back(output, None).version == NAMES[1]
    assert roll_back(output, None).version == NAMES[0]
    with pytest.raises(VersionNotFound, match=f"no version before {NAMES[0]}"):
        roll_back(output, None)


def test_a_damaged_published_file_can_be_gone_back_from(output: Path, book: Decisions) -> None:
    promote(output, NAMES[1], book)
    promote(output, NAMES[3], book)
    output.unlink()
    output.write_bytes(b"no model")

    assert rollback_target(output, book) == NAMES[1]
    assert roll_back(output, book).version == NAMES[1]


def test_the_list_tells_what_is_published_and_what_is_damaged(
    output: Path, book: Decisions
) -> None:
    promote(output, NAMES[1], book)
    (output.parent / "models" / f"{NAMES[2]}.pkl").write_bytes(b"no model")

    found = list_versions(output, book)

    assert [each.version for each in found] == list(reversed(NAMES))
    assert [each.version for each in found if each.published] == [NAMES[1]]
    assert [each.version for each in found if each.problem] == [NAMES[2]]
    published = found[3]
    assert published.algorithm == "popularity"
    assert published.decision is not None
    assert published.decision.action == "promoted"
    assert published.size_bytes == output.stat().st_size


def test_tidying_spares_the_published_one_the_one_before_the_newest_and_those_in_use(
    output: Path, book: Decisions, experiments: Experiments
) -> None:
    promote(output, NAMES[1], book)
    promote(output, NAMES[0], book)
    start_experiment(output, experiments, "autumn", NAMES[1], NAMES[2], 0.5)

    removed = tidy(output, book, experiments, keep_versions=1, written=NAMES[4])

    assert removed == [NAMES[3]]
    assert _left(output) == [*NAMES[:3], NAMES[4]]
    assert (book.all()[0].action, book.all()[0].version) == ("pruned", NAMES[3])


def test_tidying_keeps_the_newest(output: Path) -> None:
    promote(output, NAMES[4], None)

    assert tidy(output, None, None, keep_versions=4, written=NAMES[4]) == [NAMES[0]]
    assert tidy(output, None, None, keep_versions=4, written=NAMES[4]) == []


def test_an_experiment_that_begins_while_versions_are_removed_finds_them_gone_or_keeps_them(
    output: Path, book: Decisions, experiments: Experiments
) -> None:
    """Whoever has the lock first: the other one knows what was done under it."""
    promote(output, NAMES[4], book)
    begun = threading.Thread(
        target=start_experiment, args=(output, experiments, "autumn", NAMES[0], NAMES[1], 0.5)
    )
    with exclusive(versions_folder(output), "publication", wait=False):
        begun.start()
        begun.join(0.2)
        assert begun.is_alive()
        assert experiments.versions_in_use() == frozenset()
    begun.join()

    tidy(output, book, experiments, keep_versions=1, written=NAMES[4])

    assert _left(output) == [*NAMES[:2], NAMES[3], NAMES[4]]  # the one before is the next older
    experiments.stop("autumn")
    tidy(output, book, experiments, keep_versions=1, written=NAMES[4])
    said = f"no model version '{NAMES[0]}' .*there are: {NAMES[3]}"
    with pytest.raises(VersionNotFound, match=said):
        start_experiment(output, experiments, "winter", NAMES[0], NAMES[4], 0.5)


def test_nothing_is_removed_where_nobody_can_tell_what_runs(
    output: Path, experiments: Experiments, tmp_path: Path
) -> None:
    promote(output, NAMES[4], None)
    (tmp_path / "state.db").rename(tmp_path / "elsewhere.db")

    assert tidy(output, None, experiments, keep_versions=1, written=NAMES[4]) == []

    assert _left(output) == list(NAMES)


def _left(output: Path) -> list[str]:
    return sorted(path.stem for path in (output.parent / "models").glob("*.pkl"))


def test_going_back_to_a_model_of_50_mb_costs_less_than_a_second(
    output: Path, trained: Path, book: Decisions
) -> None:
    _copy(trained, output.parent / "models" / f"{NAMES[0]}.pkl", NAMES[0], 50_000_000)
    promote(output, NAMES[0], book)
    promote(output, NAMES[1], book)

    started = time.process_time()
    roll_back(output, book)

    assert time.process_time() - started < 1.0
    assert published_version(output) == NAMES[0]
