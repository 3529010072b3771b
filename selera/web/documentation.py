"""The OpenAPI description, made from the routes, the structs and the table of problems."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
from .examples import BODY_EXAMPLES, EXAMPLES, example_problem
from .problems import (
    OF_CHANGING_ROUTES,
    OF_EVERY_ROUTE,
    OF_ROUTES_WITH_A_BODY,
    OF_SCOPED_ROUTES,
    PROBLEM_MEDIA_TYPE,
    PROBLEMS,
    Problem,
    ProblemKind,
)
from .requests import BODIES

_REFERENCE = "#/components/schemas/{name}"
_DESCRIPTION = (
    f"{ABOUT.description} Every error is an RFC 9457 problem with a stable `code`. Answers may get "
    "further fields in later releases: ignore those that you do not know."
)
_REQUEST_ID = {
    "description": "The asker's own, where it was sent and is harmless, else a new one.",
    "schema": {"type": "string"},
}
_NOT_MODIFIED = {
    "description": "The answer of the `ETag` in `If-None-Match` still holds.",
    "headers": {"X-Request-ID": _REQUEST_ID},
}
_SECURITY = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key, or a user's own token. Needed as soon as there is a key.",
    },
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}
_TYPE_OF_PARAMETER = re.compile(r":\w+\}")
_FIELD_IN_DOCSTRING = re.compile(r"^(\w+(?:, \w+)*) : (.*(?:\n[ ]+.*)*)", re.MULTILINE)
_KINDS: dict[str, ProblemKind] = {kind.code: kind for kind in PROBLEMS.values()}


def problems(*codes: str) -> dict[int, ResponseSpec]:
    """The errors of a route, by status, for its `responses`.

    Those that routes have in common (of all, of those that need a scope, change something or take a
    body) are added to the document.
    """
    return {
        status: ResponseSpec(
            Problem,
            description=_titles(same),
            media_type=PROBLEM_MEDIA_TYPE,
            generate_examples=False,
        )
        for status, same in _by_status(codes).items()
    }


def _by_status(codes: Iterable[str]) -> dict[int, list[ProblemKind]]:
    by_status: dict[int, list[ProblemKind]] = {}
    for kind in (_KINDS[code] for code in dict.fromkeys(codes)):
        by_status.setdefault(kind.status, []).append(kind)
    return by_status


def _titles(kinds: Iterable[ProblemKind]) -> str:
    return "; ".join(f"`{kind.code}`: {kind.title}" for kind in kinds)


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
    document["components"] = {"schemas": _schemas(), "securitySchemes": _SECURITY}
    document["paths"] = dict(sorted(document["paths"].items()))
    options = {(path, method): opt for path, method, opt in _operations(routes)}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            _complete(operation, options[path, method], changes=method != "get")
            if method == "get" and path != "/metrics":
                operation["responses"]["304"] = _NOT_MODIFIED
    front = document["paths"]["/"]["get"]["responses"]["200"]["content"]
    front["text/html"] = {"schema": {"type": "string"}}
    return document


def _schemas() -> dict[str, Any]:
    """What the answers and the bodies are, by the library that encodes and checks them."""
    structs = [Problem, *map(type, EXAMPLES.values()), *BODIES]
    _, schemas = msgspec.json.schema_components(structs, ref_template=_REFERENCE)
    for schema in schemas.values():
        _tell_fields(schema)
    return schemas


def _tell_fields(schema: dict[str, Any]) -> None:
    """Give each field what the struct's docstring says of it, in lines of `name, name : text`."""
    said, _, lines = cleandoc(schema.get("description", "")).partition("\n\n")
    told = {
        name: " ".join(text.split())
        for names, text in _FIELD_IN_DOCSTRING.findall(lines)
        for name in names.split(", ")
    }
    properties: dict[str, Any] = schema.get("properties", {})
    for name in told.keys() & properties.keys():
        properties[name].setdefault("description", told[name])
    schema["description"] = said if told.keys() & properties.keys() else f"{said}\n\n{lines}"
    schema["description"] = schema["description"].strip()


def _operations(routes: Sequence[HTTPRouteHandler]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Path, method and options of each route, spelled as in the document."""
    for handler in routes:
        for path in handler.paths:
            spelled = _TYPE_OF_PARAMETER.sub("}", path)
            for method in handler.http_methods:
                yield spelled, method.lower(), handler.opt


def _complete(operation: dict[str, Any], opt: Mapping[str, Any], *, changes: bool) -> None:
    """Add the body, the errors that routes have in common, examples, headers, and who may ask."""
    common = [*OF_EVERY_ROUTE]
    if opt.get("scope"):
        common += OF_SCOPED_ROUTES
        operation["security"] = [{}, *({name: []} for name in _SECURITY)]
    if changes:
        common += OF_CHANGING_ROUTES
    if "body" in opt:
        common += OF_ROUTES_WITH_A_BODY
        operation["requestBody"] = _body(opt["body"].__name__)
    responses = operation["responses"] = {
        status: response
        for status, response in operation["responses"].items()
        # Litestar adds a 400 of its own shape.
        if int(status) < 400 or PROBLEM_MEDIA_TYPE in response["content"]
    }
    for status, kinds in _by_status(common).items():
        _add_problems(responses.setdefault(str(status), {"description": "", "content": {}}), kinds)
    for status, response in responses.items():
        response["headers"] = {"X-Request-ID": _REQUEST_ID}
        for media_type, content in response.get("content", {}).items():
            if media_type == PROBLEM_MEDIA_TYPE:
                content["examples"] = _problem_examples(int(status), response["description"])
            else:
                _add_examples(content)


def _add_examples(content: dict[str, Any]) -> None:
    """Show each of the structs that an answer may be."""
    schema = content["schema"]
    options = [each["$ref"] for each in (schema, *schema.get("oneOf", ())) if "$ref" in each]
    shown = [msgspec.to_builtins(EXAMPLES[name.rpartition("/")[2]]) for name in options]
    if len(shown) == 1:
        (content["example"],) = shown
    elif shown:
        content["examples"] = {
            name.rpartition("/")[2]: {"value": value}
            for name, value in zip(options, shown, strict=True)
        }


def _body(name: str) -> dict[str, Any]:
    """The body of a request, and examples of it by what they are for."""
    examples = {
        title: {"value": msgspec.to_builtins(example)} for title, example in BODY_EXAMPLES[name]
    }
    schema = {"$ref": _REFERENCE.format(name=name)}
    return {
        "required": True,
        "content": {"application/json": {"schema": schema, "examples": examples}},
    }


def _add_problems(response: dict[str, Any], kinds: Sequence[ProblemKind]) -> None:
    """Let a response tell of these errors too."""
    told: str = response["description"]
    more = _titles(kind for kind in kinds if f"`{kind.code}`" not in told)
    response["description"] = "; ".join(filter(None, (told, more)))
    reference = {"$ref": _REFERENCE.format(name=Problem.__name__)}
    response["content"].setdefault(PROBLEM_MEDIA_TYPE, {"schema": reference})


def _problem_examples(status: int, description: str) -> dict[str, Any]:
    return {
        kind.code: {"value": msgspec.to_builtins(example_problem(kind))}
        for kind in _KINDS.values()
        if kind.status == status and f"`{kind.code}`" in description
    }
