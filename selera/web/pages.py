"""The pages for people: the front page, the interactive documentation, and their files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from html import escape
from pathlib import Path
from string import Template
from typing import Any

import msgspec
from litestar import Request, Response, get
from litestar.datastructures import CacheControlHeader
from litestar.di import Provide
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from .about import ABOUT, NOT_TO_CLICK, About
from .caching import entity_tag
from .documentation import openapi_document, problems

_STATIC = Path(__file__).parent / "static"
_MEDIA_TYPES = {
    "page.css": "text/css",
    "docs.js": "text/javascript",
    "selera.svg": "image/svg+xml",
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
}
"""The files that may be asked for, and nothing else; the framework adds the charset of a text."""

_VENDORED = "swagger-ui"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Nothing from elsewhere, no inline script; Swagger UI sets inline styles."""

_PAGE_HEADERS = {"content-security-policy": _POLICY, "referrer-policy": "no-referrer"}
_REVALIDATED = CacheControlHeader(no_cache=True)


@get(
    "/",
    summary="What is here",
    tags=["pages"],
    cache_control=_REVALIDATED,
    responses=problems("invalid_parameter"),
)
async def front(request: Request[Any, Any, Any]) -> Response[About]:
    """Name, version and links; a page for a browser, which asks for `text/html`."""
    headers = {"vary": "accept"}
    if request.accept.best_match(["application/json", "text/html"]) != "text/html":
        return Response(ABOUT, headers=headers)
    page: Any = _front_page()
    return Response(page, media_type="text/html", headers=headers | _PAGE_HEADERS)


@get("/docs", include_in_schema=False, cache_control=_REVALIDATED)
async def docs() -> Response[bytes]:
    """The interactive documentation, which needs nothing from the internet."""
    headers = {**_PAGE_HEADERS, "etag": _tag("docs.html")}
    return Response(_read("docs.html"), media_type="text/html", headers=headers)


@get("/static/{name:str}", include_in_schema=False, cache_control=CacheControlHeader(max_age=3600))
async def static_file(name: FromPath[str]) -> Response[bytes]:
    """A file that a page needs."""
    if name not in _MEDIA_TYPES:
        raise NotFoundException
    return Response(_read(name), media_type=_MEDIA_TYPES[name], headers={"etag": _tag(name)})


def openapi_route(
    described: Sequence[HTTPRouteHandler], dependencies: Mapping[str, Provide]
) -> HTTPRouteHandler:
    """The route of the OpenAPI document, which is made when it is first asked for."""

    @cache
    def document() -> tuple[bytes, dict[str, str]]:
        text = msgspec.json.encode(openapi_document(described, dependencies))
        return text, {"etag": entity_tag(text, same_for_all=True).decode()}

    @get("/openapi.json", include_in_schema=False, cache_control=_REVALIDATED)
    async def openapi() -> Response[bytes]:
        text, headers = document()
        return Response(text, media_type="application/json", headers=headers)

    return openapi


@cache
def _read(name: str) -> bytes:
    folder = _STATIC / _VENDORED if name.startswith("swagger") else _STATIC
    return (folder / name).read_bytes()


@cache
def _tag(name: str) -> str:
    """The ETag of a file, which is not read again for it."""
    return entity_tag(_read(name), same_for_all=True).decode()


@cache
def _front_page() -> bytes:
    links = "\n".join(
        f'<li><a href="{escape(path)}">{escape(path)}</a></li>'
        if "{" not in path and name not in NOT_TO_CLICK
        else f"<li><code>{escape(path)}</code></li>"
        for name, path in ABOUT.links.items()
    )
    page = Template(_read("index.html").decode("utf-8"))
    text = page.substitute(
        version=escape(ABOUT.version), description=escape(ABOUT.description), links=links
    )
    return text.encode("utf-8")
