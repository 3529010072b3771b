"""The metrics: what is counted of every request, and the route that tells it to Prometheus.

Where the server runs several workers, each writes its counts into files of one folder
(`PROMETHEUS_MULTIPROC_DIR`, set before the worker starts), and the worker that is asked adds up.
"""

from __future__ import annotations

import asyncio
from functools import lru_cache

from litestar import Response, get
from litestar.datastructures import CacheControlHeader
from litestar.handlers import HTTPRouteHandler
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from prometheus_client.values import MutexValue, ValueClass

from ..serving.metrics import REGISTRY
from .documentation import problems
from .problems import OF_SCOPED_ROUTES

_MEDIA_TYPE = "text/plain; version=0.0.4"
"""The format of `generate_latest`; the framework adds the charset."""

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)

_REQUESTS = Counter(
    "selera_http_requests",
    "Requests answered, by route template, method and status.",
    ["route", "method", "status"],
    registry=REGISTRY,
)
_SECONDS = Histogram(
    "selera_http_request_seconds",
    "Seconds from the head of a request to the end of its answer, by route template.",
    ["route"],
    buckets=_BUCKETS_S,
    registry=REGISTRY,
)
_IN_FLIGHT = Gauge(
    "selera_http_requests_in_flight",
    "Requests that are being answered.",
    registry=REGISTRY,
    multiprocess_mode="livesum",
)


def request_begins() -> None:
    """A request came in."""
    _IN_FLIGHT.inc()


def request_ends(route: str | None, method: str, status: int | None, seconds: float) -> None:
    """A request was answered.

    route : its template, never the path, which holds ids; None where there is no such route
    status : None where the asker left before there was an answer
    """
    _IN_FLIGHT.dec()
    answered, took = _counted(route or "none", method if method in _METHODS else "other", status)
    answered.inc()
    took.observe(seconds)


def metrics_route(about_model: Collector, *, public: bool) -> HTTPRouteHandler:
    """The route `/metrics`; for the scope `admin` unless it is public."""
    others = CollectorRegistry()
    others.register(about_model)

    @get(
        "/metrics",
        summary="Metrics for Prometheus",
        tags=["health"],
        opt={} if public else {"scope": "admin"},
        media_type=_MEDIA_TYPE,
        cache_control=CacheControlHeader(no_store=True),
        responses=problems("invalid_parameter", *OF_SCOPED_ROUTES),
    )
    async def metrics() -> Response[bytes]:
        """What was counted since the start, as Prometheus reads it."""
        text = await asyncio.to_thread(exposition, others)
        return Response(text, media_type=_MEDIA_TYPE)

    return metrics


def exposition(others: CollectorRegistry) -> bytes:
    """Everything counted in all workers, and then what `others` tell, as Prometheus reads it."""
    return generate_latest(_all_workers()) + generate_latest(others)


def _all_workers() -> CollectorRegistry:
    """What this process counted where it is the only one, else what all of them did."""
    if ValueClass is MutexValue:
        return REGISTRY
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry


@lru_cache(maxsize=1024)
def _counted(route: str, method: str, status: int | None) -> tuple[Counter, Histogram]:
    return _REQUESTS.labels(route, method, status or "none"), _SECONDS.labels(route)
