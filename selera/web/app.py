"""The ASGI app: routes, error handling, the worker threads and their life."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from litestar import Litestar
from litestar.di import Provide
from threadpoolctl import threadpool_limits

from ..serving import RecommendationService
from .config import WebConfig
from .edge import Edge
from .error_handler import to_response
from .pages import docs, front, openapi_route, static_file
from .parameters import check_parameters
from .routes import API_ROUTES
from .workers import Workers


def create_app(service: RecommendationService, config: WebConfig) -> Litestar:
    """An app that answers from `service`; it opens and closes its own threads, not the service."""
    workers = Workers(config.threads, config.waiting)

    @asynccontextmanager
    async def working(app: Litestar) -> AsyncGenerator[None, None]:
        # One thread of BLAS for each of ours: more of them would only fight for the same cores.
        with threadpool_limits(limits=1, user_api="blas"):
            yield
        workers.close()

    dependencies = {
        "service": Provide(lambda: service, sync_to_thread=False),
        "threads": Provide(lambda: workers, sync_to_thread=False),
    }
    described = (*API_ROUTES, front)
    app = Litestar(
        [*described, docs, static_file, openapi_route(described, dependencies)],
        dependencies=dependencies,
        guards=[check_parameters],
        exception_handlers={Exception: to_response},
        lifespan=[working],
        openapi_config=None,
        logging_config=None,
        debug=False,
        pdb_on_exception=False,
    )
    # Around the router too, because a request that no route takes is answered like any other.
    app.asgi_handler = Edge(app.asgi_handler)
    return app
