"""What the admin scope asks for: models, merchandising rules, experiments."""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec
from litestar import Request, delete, get, post, put

from ...contracts.rules import Rule
from ...pipeline.versions import Swap
from ..desk import AtDesk
from ..documentation import problems
from ..office import ModelList, RuleList, TrialList
from ..parameters import NameInPath
from ..problems import invalid
from ..reading import read_body
from ..requests import read_ids

_OFFICE_PROBLEMS = ("state_unavailable", "busy")


@get(
    "/models",
    summary="The model versions",
    tags=["models"],
    opt={"scope": "admin"},
    responses=problems("invalid_parameter", *_OFFICE_PROBLEMS),
)
async def models(desk: AtDesk) -> ModelList:
    """All versions that are kept, with their metrics and what the gate decided, newest first."""
    return await desk.run(desk.office.models)


@post(
    "/models/{version:str}/promote",
    summary="Publish a version",
    tags=["models"],
    opt={"scope": "admin"},
    status_code=200,
    responses=problems(
        "version_not_found", "invalid_model", "invalid_parameter", *_OFFICE_PROBLEMS
    ),
)
async def promote_model(desk: AtDesk, version: NameInPath) -> Swap:
    """Publish a version that is kept, also one that the gate held back; every worker follows."""
    return await desk.run(partial(desk.office.promote, version))


@post(
    "/models/rollback",
    summary="Publish what was published before",
    tags=["models"],
    opt={"scope": "admin"},
    status_code=200,
    responses=problems(
        "version_not_found", "invalid_model", "invalid_parameter", *_OFFICE_PROBLEMS
    ),
)
async def roll_back_model(desk: AtDesk) -> Swap:
    """Go back to the version that was published before this one."""
    return await desk.run(desk.office.roll_back)


@get(
    "/rules",
    summary="The merchandising rules",
    tags=["rules"],
    opt={"scope": "admin"},
    responses=problems("invalid_parameter", *_OFFICE_PROBLEMS),
)
async def rules(desk: AtDesk) -> RuleList:
    """The rules that were given here; those of the file `serving.rules_file` are not among them."""
    return await desk.run(desk.office.rules)


@put(
    "/rules/{name:str}",
    summary="Hide, pin or boost products",
    tags=["rules"],
    opt={"scope": "admin", "body": Rule},
    responses=problems("invalid_parameter", *_OFFICE_PROBLEMS),
)
async def put_rule(
    desk: AtDesk,
    name: NameInPath,
    request: Request[Any, Any, Any],
) -> Rule:
    """Keep a rule, in place of the one of its name; it holds within a second, in every worker."""
    rule = await read_body(request, Rule)
    if rule.name != name:
        raise invalid("name", f"must be that of the path, {name!r}, got {rule.name!r}")
    ids = read_ids("product_ids", rule.product_ids, desk.service.product_id_kind)
    rule = msgspec.structs.replace(rule, product_ids=tuple(ids))
    return await desk.run(partial(desk.office.put_rule, rule))


@delete(
    "/rules/{name:str}",
    summary="Drop a rule",
    tags=["rules"],
    opt={"scope": "admin"},
    status_code=204,
    responses=problems("name_not_found", "invalid_parameter", *_OFFICE_PROBLEMS),
)
async def remove_rule(desk: AtDesk, name: NameInPath) -> None:
    """Drop the rule of this name."""
    await desk.run(partial(desk.office.remove_rule, name))


@get(
    "/experiments",
    summary="The experiments, and how they stand",
    tags=["experiments"],
    opt={"scope": "admin"},
    responses=problems("invalid_parameter", *_OFFICE_PROBLEMS),
)
async def experiments(desk: AtDesk) -> TrialList:
    """Each side's users and buyers, and a test that may be looked at whenever one likes.

    They are started and stopped by `selera experiments`.
    """
    return await desk.run(desk.office.experiments)
