"""Pace: how long it rests between the pieces of a work."""

from dataclasses import dataclass, field

import pytest

from selera.serving import pace
from selera.serving.pace import Pace


@dataclass
class Clock:
    """A clock that goes on only where it is told to, or somebody sleeps."""

    now: float = 0.0
    rests: list[float] = field(default_factory=list)

    def perf_counter(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.rests.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(pace, "time", clock)
    return clock


def test_it_rests_so_many_times_as_long_as_each_piece_took(clock: Clock) -> None:
    between = Pace(3.0, at_most_s=100.0)
    for seconds in (1.0, 0.5, 2.0):
        clock.now += seconds
        between()
    assert clock.rests == [3.0, 1.5, 6.0]


def test_work_hurries_when_it_has_rested_enough(clock: Clock) -> None:
    between = Pace(2.0, at_most_s=5.0)
    for _ in range(5):
        clock.now += 1.0
        between()
    assert clock.rests == [2.0, 2.0, 1.0]
