"""The OpenAPI description, made from the routes, the structs and the table of problems."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from inspect import cleandoc
from typing import Any

import msgspec
from litestar import Litestar
from litestar.di import Provide
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig, ResponseSpec
from litestar.openapi.spec import License

from .. import __version__
from .about import ABOUT
from .examples import EXAMPLES, example_problem
from .problems import PROBLEM_MEDIA_TYPE, PROBLEMS, Problem, ProblemKind

_EVERYWHERE = ("bad_request", "internal_error")
_REFERENCE = "#/components/schemas/{name}"
_DESCRIPTION = (
    f"{ABOUT.description} Every error is an RFC 9457 problem with a stable `code`. Answers may get "
    "further fields in later releases: ignore those that you do not know."
)
_REQUEST_ID = {
    "description": "The asker's own, where it was sent and is harmless, else a new one.",
    "schema": {"type": "string"},
}
_KINDS: dict[str, ProblemKind] = {kind.code: kind for kind in PROBLEMS.values()}


def problems(*codes: str) -> dict[int, ResponseSpec]:
    """The errors of a route, by status, for its `responses`; those of every route are added."""
    kinds = [_KINDS[code] for code in (*codes, *_EVERYWHERE)]
    by_status: dict[int, list[ProblemKind]] = {}
    for kind in kinds:
        by_status.setdefault(kind.status, []).append(kind)
    return {
        status: ResponseSpec(
            Problem,
            description="; ".join(f"`{kind.code}`: {kind.title}" for kind in same),
            media_type=PROBLEM_MEDIA_TYPE,
            generate_examples=False,
        )
        for status, same in by_status.items()
    }


def openapi_document(
    routes: Sequence[HTTPRouteHandler], dependencies: Mapping[str, Provide]
) -> dict[str, Any]:
    """The OpenAPI document of these routes.

    Litestar describes them, in an app that never serves (in one that serves it would add pages of
    its own); msgspec, which encodes the answers, describes the answers.
    """
    config = OpenAPIConfig(
        title="Selera",
        version=__version__,
        description=_DESCRIPTION,
        license=License(name="Apache-2.0", identifier="Apache-2.0"),
        use_handler_docstrings=True,
        operation_id_creator=lambda handler, method, path: handler.handler_name,
    )
    described = Litestar(
        list(routes),
        dependencies=dict(dependencies),
        openapi_config=config,
        logging_config=None,
        debug=False,
    )
    document: dict[str, Any] = described.openapi_schema.to_schema()
    structs = [Problem, *map(type, EXAMPLES.values())]
    _, schemas = msgspec.json.schema_components(structs, ref_template=_REFERENCE)
    for schema in schemas.values():
        schema["description"] = cleandoc(schema["description"])
    document["components"] = {"schemas": schemas}
    document["paths"] = dict(sorted(document["paths"].items()))
    for path in document["paths"].values():
        _complete(path["get"]["responses"])
    front = document["paths"]["/"]["get"]["responses"]["200"]["content"]
    front["text/html"] = {"schema": {"type": "string"}}
    return document


def _complete(responses: dict[str, dict[str, Any]]) -> None:
    """Add examples and headers to the responses."""
    for status, response in responses.items():
        response["headers"] = {"X-Request-ID": _REQUEST_ID}
        for media_type, content in response["content"].items():
            if media_type == PROBLEM_MEDIA_TYPE:
                content["examples"] = _problem_examples(int(status), response["description"])
            else:
                name = content["schema"]["$ref"].rpartition("/")[2]
                content["example"] = msgspec.to_builtins(EXAMPLES[name])


def _problem_examples(status: int, description: str) -> dict[str, Any]:
    return {
        kind.code: {"value": msgspec.to_builtins(example_problem(kind))}
        for kind in _KINDS.values()
        if kind.status == status and f"`{kind.code}`" in description
    }
