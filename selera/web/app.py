"""The ASGI app: routes, error handling, the worker threads and their life."""

from __future__ import annotations

import sys
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from litestar import Litestar, Request, Response
from litestar.di import Provide
from litestar.types import Scope
from threadpoolctl import threadpool_limits

from ..contracts.errors import SeleraError
from ..serving import ModelInfo, RecommendationService
from ..serving.metrics import ModelCollector
from .auth import Door, admit, identity_of
from .bodies import check_media_type
from .config import WebConfig
from .desk import Desk
from .edge import Edge
from .error_handler import to_response
from .metrics import metrics_route
from .office import Office
from .pages import docs, front, openapi_route, static_file
from .parameters import check_parameters
from .questions import read_filters, read_list_question, read_question
from .routes import API_ROUTES
from .workers import Workers

_SWITCH_S = 0.0005
_WAITING_ERASURES = 16
"""Each may take as long as an ETL does."""


def create_app(
    service: RecommendationService,
    config: WebConfig,
    door: Door | None = None,
    office: Office | None = None,
) -> Litestar:
    """An app that answers from `service`; it opens and closes its own threads, not the service.

    `door` checks who asks; without one everybody may ask for everything. `office` does what the
    admin scope asks for; without one there are models, and nothing else.
    """
    office = office or Office(config.model, None)
    workers = Workers(config.threads, config.waiting)
    erasers = Workers(1, _WAITING_ERASURES)

    @asynccontextmanager
    async def working(app: Litestar) -> AsyncGenerator[None, None]:
        # One thread of BLAS for each of ours: more of them would only fight for the same cores.
        with threadpool_limits(limits=1, user_api="blas"), _switching_often():
            yield
        workers.close()
        erasers.close()

    async def enter(request: Request[Any, Any, Any]) -> Response[None] | None:
        # No guards: the router copies the whole route for each guard of each request.
        admit(door, request)
        await check_parameters(request, request.scope["route_handler"])
        check_media_type(request.scope["method"], request.scope["state"]["headers"])
        return _what_is_possible(request) if request.scope["method"] == "OPTIONS" else None

    def desk(scope: Scope) -> Desk:
        return Desk(service, office, workers, erasers, identity_of(scope))

    dependencies = {
        "desk": Provide(desk, sync_to_thread=False),
        "filters": Provide(read_filters, sync_to_thread=False),
        "list_question": Provide(read_list_question, sync_to_thread=False),
        "question": Provide(read_question, sync_to_thread=False),
    }
    about_model = ModelCollector(
        lambda: _model_of(service), config.serving.stale_after_hours, time.time
    )
    metrics = metrics_route(about_model, public=config.metrics_public)
    described = (*API_ROUTES, metrics, front)
    app = Litestar(
        [*described, docs, static_file, openapi_route(described, dependencies)],
        dependencies=dependencies,
        before_request=enter,
        request_max_body_size=config.max_body_bytes,
        exception_handlers={Exception: to_response},
        lifespan=[working],
        openapi_config=None,
        logging_config=None,
        debug=False,
        pdb_on_exception=False,
    )
    # Around the router too, because a request that no route takes is answered like any other.
    app.asgi_handler = Edge(app.asgi_handler, config)
    return app


@contextmanager
def _switching_often() -> Iterator[None]:
    """Let a thread that computes hand the interpreter on soon, as the event loop waits for it."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_S)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def _what_is_possible(request: Request[Any, Any, Any]) -> Response[None]:
    """The methods of a path; the router's own answer knows those of one handler only."""
    path = request.scope["path_template"]
    methods = next(each.methods for each in request.app.routes if each.path_format == path)
    return Response(None, status_code=204, headers={"allow": ", ".join(sorted(methods))})


def _model_of(service: RecommendationService) -> ModelInfo | None:
    """The model that answers now; None where there is none."""
    try:
        return service.model()
    except SeleraError:
        return None
