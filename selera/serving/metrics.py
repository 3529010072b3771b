"""What the service counts, for Prometheus.

Counters are summed over the worker processes, as `prometheus-client` does where the server has told
it a folder for its files. What all workers know alike (the model) is told by the one that is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import lru_cache

from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from .answers import ModelInfo

_HOUR_S = 3600.0

REGISTRY = CollectorRegistry(auto_describe=True)
"""Everything that is counted in this process."""

_RECOMMENDATIONS = Counter(
    "selera_recommendations",
    "Recommended products, by the fallback of their answer and their own source.",
    ["fallback", "source"],
    registry=REGISTRY,
)
_DEGRADED = Counter(
    "selera_degraded_answers",
    "Answers given without the shop's database, which did not answer.",
    registry=REGISTRY,
)
_EVENTS = Counter(
    "selera_events", "Events told, by what became of them.", ["outcome"], registry=REGISTRY
)
_HISTORIES = Counter(
    "selera_history_cache",
    "Histories asked of the cache, by whether they were in it.",
    ["outcome"],
    registry=REGISTRY,
)
_FEED_LAG = Gauge(
    "selera_feed_lag_seconds",
    "Seconds since the changes of the shop's tables were last followed; of the slowest worker.",
    registry=REGISTRY,
    multiprocess_mode="livemax",
)
_SWAPS = Counter(
    "selera_model_swaps", "Models put in place of another, over all workers.", registry=REGISTRY
)
_REFUSED = Counter(
    "selera_refused_models",
    "Model files that could not be used, over all workers.",
    registry=REGISTRY,
)


def count_recommendations(fallback: str | None, source: str, n: int) -> None:
    """`n` products from `source` were recommended, in an answer with this fallback."""
    _recommendations(fallback or "none", source).inc(n)


def count_degraded() -> None:
    """An answer was given without the database."""
    _DEGRADED.inc()


def count_events(outcome: str, n: int = 1) -> None:
    """`n` events had this outcome: stored, duplicate, rejected, or failed."""
    _events(outcome).inc(n)


def count_history(*, hit: bool) -> None:
    """A history was found in the cache, or had to be read."""
    _histories("hit" if hit else "miss").inc()


def set_feed_lag(seconds: float) -> None:
    """The changes of the shop's tables were last followed so many seconds ago."""
    _FEED_LAG.set(seconds)


def count_swap() -> None:
    """A model took the place of another."""
    _SWAPS.inc()


def count_refused_model() -> None:
    """A model file could not be used."""
    _REFUSED.inc()


class ModelCollector(Collector):
    """Tells of the model that answers now, asked when the metrics are.

    current : the model; None where there is none
    stale_after_hours : age from which `selera_model_stale` is 1
    now : UTC seconds
    """

    def __init__(
        self,
        current: Callable[[], ModelInfo | None],
        stale_after_hours: float,
        now: Callable[[], float],
    ) -> None:
        self._current = current
        self._stale_after_s = stale_after_hours * _HOUR_S
        self._now = now

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Version and algorithm, when it was trained, and whether it is stale; or that none is."""
        model = self._current()
        yield GaugeMetricFamily(
            "selera_model_loaded", "Whether there is a model to answer with.", float(bool(model))
        )
        if model is None:
            return
        info = GaugeMetricFamily(
            "selera_model_info", "The model that answers.", labels=["version", "algorithm"]
        )
        info.add_metric([model.version, model.algorithm], 1)
        yield info
        trained_at = _timestamp(model.trained_at)
        if trained_at is None:
            return
        yield GaugeMetricFamily(
            "selera_model_trained_timestamp_seconds", "When the model was trained.", trained_at
        )
        yield GaugeMetricFamily(
            "selera_model_stale",
            "1 where the model is older than the setting serving.stale_after_hours.",
            float(self._now() - trained_at > self._stale_after_s),
        )


def _timestamp(trained_at: str) -> float | None:
    """UTC seconds of an ISO 8601 time with an offset; None where it is none."""
    try:
        moment = datetime.fromisoformat(trained_at)
    except ValueError:
        return None
    return moment.timestamp() if moment.tzinfo else None


@lru_cache(maxsize=256)
def _recommendations(fallback: str, source: str) -> Counter:
    return _RECOMMENDATIONS.labels(fallback, source)


@lru_cache(maxsize=16)
def _events(outcome: str) -> Counter:
    return _EVENTS.labels(outcome)


@lru_cache(maxsize=2)
def _histories(outcome: str) -> Counter:
    return _HISTORIES.labels(outcome)
