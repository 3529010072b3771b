"""Experiments: who is on which side, and what is counted of it."""

import contextlib
import gc
import shutil
import time
import weakref
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from structlog.testing import capture_logs

from selera.artifact import open_artifact
from selera.artifact.rewriting import rewrite_artifact
from selera.contracts.epoch import bump_epoch
from selera.contracts.errors import StateError
from selera.contracts.events import Event
from selera.contracts.ids import Id
from selera.models import Recommender
from selera.models.erasing import user_row, without_user
from selera.serving import RecommendationService
from selera.serving.slot import VersionShelf
from selera.serving.trials import Trials
from selera.state import Experiments, State, pruning
from selera.state.experiments import Conversion, Exposure, assign
from tests.serving.following import opened, wait_until
from tests.serving.served_shop import N_USERS, interactions_of, publish

DATA = interactions_of()
USERS = [DATA.users.id(row) for row in range(N_USERS)]
NAME = "taste or fame"


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two versions: one of taste, one of popularity."""
    folder = tmp_path_factory.mktemp("models")
    publish(folder / "taste.pkl", version="taste")
    publish(folder / "fame.pkl", version="fame", algorithm="popularity")
    return folder


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Experiments]:
    with State.open(tmp_path / "state.db") as state:
        yield Experiments(state)


@pytest.fixture
def service(own_url: str, versions: Path, book: Experiments) -> Iterator[RecommendationService]:
    with opened(own_url, versions / "taste.pkl", experiments=book, versions=versions) as service:
        yield service


def start(book: Experiments, service: RecommendationService) -> None:
    book.start(NAME, "taste", "fame")
    wait_until(lambda: service.recommend(USERS[0]).experiment is not msgspec.UNSET)


def purchase(user_id: Id, recommendation_id: str | None, event_id: str) -> Event:
    product_id = DATA.items.id(0)
    now = int(time.time())
    return Event(
        event_id, "purchase", user_id, product_id, now, recommendation_id=recommendation_id
    )


def test_each_user_stays_on_one_side_and_gets_its_version(
    service: RecommendationService, book: Experiments
) -> None:
    assert service.recommend(USERS[0]).experiment is msgspec.UNSET
    start(book, service)
    (experiment,) = book.all()
    sides = {}
    for _ in range(2):
        for user in USERS:
            answer = service.recommend(user)
            assert not isinstance(answer.experiment, msgspec.UnsetType)
            assert answer.experiment.name == NAME
            side = sides.setdefault(user, answer.experiment.variant)
            assert side == answer.experiment.variant == assign(experiment, user)
            assert answer.model.version == ("taste" if side == "control" else "fame")
            source = "svd" if side == "control" else "popular"
            assert {each.source for each in answer.recommendations} == {source}
    assert set(sides.values()) == {"control", "treatment"}
    book.stop(NAME)
    wait_until(lambda: service.recommend(USERS[0]).experiment is msgspec.UNSET)
    assert {service.recommend(user).model.version for user in USERS} == {"taste"}


def test_both_sides_are_ready_before_anybody_asks(
    service: RecommendationService, book: Experiments
) -> None:
    service.popular()
    book.start(NAME, "taste", "fame")
    catalogue, trials = service._memory.catalogue, service._memory.trials
    wait_until(lambda: bool(trials.models) and all(map(catalogue.is_at_hand, trials.models)))
    assert len(trials.models) == 2


def test_two_models_at_a_time_do_not_push_each_other_out(
    service: RecommendationService, book: Experiments
) -> None:
    """What was made for a side is found again when it is asked between the other's users."""
    start(book, service)
    for user in USERS:
        service.recommend(user)
    stock = service._memory.catalogue._stock
    assert stock is not None
    numbers = {shelf.number for _, shelf in stock.shelves}
    for user in USERS:
        service.recommend(user)
    stock = service._memory.catalogue._stock
    assert stock is not None
    assert {shelf.number for _, shelf in stock.shelves} == numbers
    assert len(numbers) <= 3


def test_exposures_and_purchases_are_counted_once(
    own_url: str, versions: Path, book: Experiments
) -> None:
    with opened(own_url, versions / "taste.pkl", experiments=book, versions=versions) as service:
        start(book, service)
        (experiment,) = book.all()
        answers = {user: service.recommend(user) for user in USERS}
        again = {user: service.recommend(user) for user in USERS}
        buyers = USERS[:6]
        for place, user in enumerate(buyers):
            bought = purchase(user, answers[user].recommendation_id, f"buy {place}")
            assert service.record([bought, bought]).stored == 1
            assert service.record([bought]).duplicates == 1
            service.record([purchase(user, again[user].recommendation_id, f"again {place}")])
        visit = msgspec.structs.replace(
            purchase(USERS[10], answers[USERS[10]].recommendation_id, "visit"), type="visit"
        )
        unnamed = purchase(USERS[11], None, "unnamed")
        unknown = purchase(USERS[12], "no such recommendation", "unknown")
        of_another = purchase(USERS[13], answers[USERS[14]].recommendation_id, "of another")
        assert service.record([visit, unnamed, unknown, of_another]).stored == 4
    sides = {user: assign(experiment, user) for user in USERS}
    assert book.tally(NAME) == {
        side: (
            sum(each == side for each in sides.values()),
            sum(sides[user] == side for user in buyers),
        )
        for side in ("control", "treatment")
    }


@pytest.mark.slow
def test_a_purchase_that_another_worker_hears_of_first_is_counted(
    own_url: str, versions: Path, book: Experiments, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker that takes the event may write before the one that gave the answer does."""
    path = versions / "taste.pkl"
    with opened(own_url, path, experiments=book, versions=versions) as seller:
        start(book, seller)
        with opened(own_url, path, experiments=book, versions=versions) as answering:
            wait_until(lambda: answering.recommend(USERS[1]).experiment is not msgspec.UNSET)
            with answering._memory.trials._lock:  # it writes nothing for now
                answer = answering.recommend(USERS[3])
                seller.record([purchase(USERS[3], answer.recommendation_id, "e")])
                time.sleep(1.2)
    assert sum(converted for _, converted in book.tally(NAME).values()) == 1


@pytest.mark.parametrize("treatment", ["never-trained", "broken", "../taste"])
def test_where_a_version_cannot_be_opened_everybody_gets_the_current_model(
    own_url: str, versions: Path, book: Experiments, treatment: str
) -> None:
    (versions / "broken.pkl").write_bytes(b"this is no model")
    book.start(NAME, "fame", treatment)
    with (
        capture_logs() as logs,
        opened(own_url, versions / "taste.pkl", experiments=book, versions=versions) as service,
    ):
        wait_until(lambda: any("experiment" in each["event"] for each in logs))
        for _ in range(2):
            for user in USERS:
                answer = service.recommend(user)
                assert answer.experiment is msgspec.UNSET
                assert answer.model.version == "taste"
        service._memory.trials.refresh()
    warnings = [each for each in logs if each["log_level"] == "warning"]
    assert [each["event"] for each in warnings] == ["experiment without its model"]
    assert book.tally(NAME) == {"control": (0, 0), "treatment": (0, 0)}


class FailingBook:
    """A book that cannot be written until it is mended."""

    def __init__(self, book: Experiments) -> None:
        self._book = book
        self.is_broken = True
        self.running = book.running

    def record_exposures(self, batch: list[Exposure]) -> None:
        if self.is_broken:
            raise StateError("the disk is full")
        self._book.record_exposures(batch)

    def record_conversions(self, batch: list[Conversion]) -> None:
        self._book.record_conversions(batch)

    def prune(self, now: int) -> bool:
        return self._book.prune(now)


def test_what_could_not_be_written_is_written_later(book: Experiments, versions: Path) -> None:
    book.start(NAME, "taste", "fame")
    failing = FailingBook(book)
    trials = Trials(failing, VersionShelf(versions))
    trials.refresh()
    for place, user in enumerate(USERS):
        side = trials.side_of(user)
        assert side is not None
        trials.expose(f"r{place}", side, user)
        with contextlib.suppress(StateError):
            trials.flush()
    trials.convert([purchase(USERS[0], "r0", "e")])
    with pytest.raises(StateError, match="disk is full"):
        trials.flush(everything=True)
    failing.is_broken = False
    trials.flush(everything=True)
    tally = book.tally(NAME)
    assert sum(exposed for exposed, _ in tally.values()) == N_USERS
    assert sum(converted for _, converted in tally.values()) == 1


def test_the_flush_prunes_until_nothing_is_due(
    book: Experiments, versions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "PRUNED_AT_ONCE", 2)
    book.start(NAME, "taste", "fame")
    ids = ["r1", "r2", "r3"]
    book.record_exposures([Exposure(each, NAME, "control", b"somebody", 1) for each in ids])
    trials = Trials(book, VersionShelf(versions))

    for _ in range(2):
        trials.flush()

    assert not book.prune(int(time.time()))
    book.record_conversions([Conversion(each, f"e{each}", b"somebody", 2) for each in ids])
    assert book.tally(NAME)["control"] == (1, 0)


def test_versions_are_opened_anew_when_somebody_was_erased(
    own_url: str, versions: Path, book: Experiments, tmp_path: Path
) -> None:
    folder, epoch = tmp_path / "models", tmp_path / "epoch"
    shutil.copytree(versions, folder)
    user = USERS[0]
    with opened(
        own_url, folder / "taste.pkl", experiments=book, versions=folder, epoch=epoch
    ) as service:
        start(book, service)
        trials = service._memory.trials
        held = [held_model(trials, user), held_model(trials, USERS[1])]
        for version in ("taste", "fame"):
            erase_from(folder / f"{version}.pkl", user)
        bump_epoch(epoch)
        wait_until(lambda: held_model(trials, user) not in held)
        for each in USERS:
            side = trials.side_of(each)
            assert side is not None
            assert user not in side.model.users
            assert side.model.version == side.experiment.version_of(side.variant)


def test_versions_of_no_experiment_are_let_go_when_somebody_was_erased(
    versions: Path, book: Experiments, tmp_path: Path
) -> None:
    epoch = tmp_path / "epoch"
    shelf = VersionShelf(versions)
    trials = Trials(book, shelf, epoch)
    held = weakref.ref(shelf.get("fame"))
    trials.refresh()
    assert held() is not None

    bump_epoch(epoch)
    trials.refresh()

    gc.collect()
    assert held() is None


def test_what_waits_to_be_written_is_dropped_when_somebody_was_erased(
    versions: Path, book: Experiments, tmp_path: Path
) -> None:
    book.start(NAME, "taste", "fame")
    trials = Trials(book, VersionShelf(versions), tmp_path / "epoch")
    trials.refresh()
    erased, other = USERS[:2]
    for place, user in enumerate((erased, other)):
        side = trials.side_of(user)
        assert side is not None
        trials.expose(f"before {place}", side, user)
    bump_epoch(tmp_path / "epoch")
    book.erase_user(erased)
    trials.flush()
    side = trials.side_of(other)
    assert side is not None
    trials.expose("after", side, other)
    trials.flush()
    assert book.erase_user(erased) == 0
    assert book.erase_user(other) == 1


def held_model(trials: Trials, user_id: Id) -> Recommender:
    side = trials.side_of(user_id)
    assert side is not None
    return side.model


def erase_from(path: Path, user_id: Id) -> None:
    """Rewrite a model file without the user, as an erasure does."""
    arrays = open_artifact(path).arrays
    rewrite_artifact(path, without_user(arrays, user_row(arrays, user_id)).arrays, run={})
