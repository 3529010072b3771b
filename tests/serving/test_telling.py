"""Stars that nobody could have given are rejected, as soon as the scale is known."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from selera.contracts.errors import DatabaseError, ModelNotReady
from selera.contracts.events import Event, EventOutcome
from selera.models import Recommender
from selera.serving import ModelSlot
from selera.serving.telling import SETTLED, write_events
from selera.training import PureSvdConfig, TrainingConfig, fit_recommender
from tests.tastes import checkerboard


class Writer:
    """Stores what it is told, once for an id."""

    def __init__(self) -> None:
        self.stored: list[Event] = []

    def write(self, events: Sequence[Event]) -> list[EventOutcome]:
        outcomes = []
        for event in events:
            is_known = event.event_id in [each.event_id for each in self.stored]
            outcomes.append(EventOutcome(event.event_id, "duplicate" if is_known else "stored"))
            self.stored += [] if is_known else [event]
        return outcomes


class SilentWriter:
    """A database that does not answer."""

    def write(self, events: Sequence[Event]) -> list[EventOutcome]:
        raise DatabaseError("silent")


def rating(id: str, stars: float | None, type: str = "rating") -> Event:
    return Event(id, type, 1, 1, rating=stars)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def model(model_path: Path) -> Recommender:
    return ModelSlot(model_path).current()


def no_model() -> Recommender:
    raise ModelNotReady("none yet")


def test_stars_outside_the_scale_are_rejected_in_their_place(model: Recommender) -> None:
    writer = Writer()
    events = [
        rating("a", 99),
        rating("b", 5),
        rating("c", -1e6),
        rating("d", 1),
        rating("e", 0.5, "review"),
        rating("f", None, "review"),
        Event("g", "visit", 1, 1),
        rating("b", 4),
        rating("b", 6),
    ]

    outcomes = write_events(writer, events, lambda: model)

    assert [each.event_id for each in outcomes] == list("abcdefgbb")
    assert [each.event_id for each in writer.stored] == list("bdfg")
    assert [each.status for each in outcomes] == [
        *("rejected", "stored", "rejected", "stored"),
        *("rejected", "stored", "stored", "duplicate", "rejected"),
    ]
    assert outcomes[0].reason == "rating 99 is outside the scale 1..5 (etl.rating_scale)"
    assert outcomes[2].reason == "rating -1000000 is outside the scale 1..5 (etl.rating_scale)"


def test_where_nothing_can_be_used_nothing_is_written(model: Recommender) -> None:
    (outcome,) = write_events(SilentWriter(), [rating("a", 6)], lambda: model)
    assert outcome.status == "rejected"
    with pytest.raises(DatabaseError):
        write_events(SilentWriter(), [rating("a", 6), rating("b", 5)], lambda: model)


def test_before_there_is_a_model_all_stars_are_written() -> None:
    assert write_events(Writer(), [rating("a", 99)], no_model)[0].status == "stored"


def test_a_scale_that_few_ratings_tell_may_still_widen() -> None:
    """Or else a shop whose first users all gave one star would never get another."""
    few = checkerboard(6, 10)
    config = TrainingConfig(puresvd=PureSvdConfig(n_factors=2))
    model = fit_recommender(few, "svd", config, seed=1)
    assert 0 < sum(model.histories.ratings > 0) < SETTLED
    assert model.rating_scale is not None

    assert write_events(Writer(), [rating("a", 99)], lambda: model)[0].status == "stored"


def test_visits_ask_for_no_model() -> None:
    def fail() -> Recommender:
        raise AssertionError

    assert write_events(Writer(), [Event("a", "visit", 1, 1)], fail)[0].status == "stored"
