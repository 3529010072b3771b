"""`selera recommend` and `selera similar`: what the API answers, in the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import rich_click as click

from ..logs import log_to_stderr
from ..options import current_settings, database_option, json_option, limit_option, model_option
from ..output import say, say_json, say_table

if TYPE_CHECKING:
    from ...serving import (
        Product,
        Question,
        RecommendAnswer,
        Recommendation,
        RecommendationService,
        SimilarAnswer,
    )

_PRODUCT_COLUMNS = {
    "id": "product_id",
    "product": "product_name",
    "category": "category",
    "price": "price",
}


@click.command()
@click.argument("user_id")
@database_option
@model_option
@limit_option
@json_option
def recommend(user_id: str, limit: int, as_json: bool) -> None:
    """Products for the user USER_ID, best first."""
    with _open_service() as service:
        answer = service.recommend(user_id, _question(limit))
    if as_json:
        say_json(answer)
    else:
        _show_recommendations(answer)


@click.command()
@click.argument("product_id")
@database_option
@model_option
@limit_option
@json_option
def similar(product_id: str, limit: int, as_json: bool) -> None:
    """Products like the product PRODUCT_ID, best first."""
    with _open_service() as service:
        answer = service.similar(product_id, _question(limit))
    if as_json:
        say_json(answer)
    else:
        _show_similar(answer)


@contextmanager
def _open_service() -> Iterator[RecommendationService]:
    """The service as the API has it, on the database and the model of the settings."""
    settings = current_settings()
    log_to_stderr("error")  # that a model is refused is told once, as the command's error
    from ...database import Shop
    from ...etl import EtlConfig
    from ...serving import ModelSlot, RecommendationService, ServingConfig

    config = settings.section("serving", ServingConfig)
    time_zone = settings.section("etl", EtlConfig).time_zone
    with closing(Shop.open(settings.files.database, time_zone=time_zone)) as shop:
        yield RecommendationService(ModelSlot(settings.files.model_path), shop, config)


def _question(limit: int) -> Question:
    from ...serving import Question

    return Question(limit=limit)


_WHY = {
    None: "",
    "profile": ": what users of a like profile like, there is no usable history yet",
    "popular": ": most popular, there is no usable history yet",
}


def _show_recommendations(answer: RecommendAnswer) -> None:
    user = answer.user
    assert user is not None
    who = f"user {user.user_id}{f' ({user.name})' if user.name else ''}"
    if not answer.recommendations:
        say(f"Nothing to recommend to {who}: no product is left that is new to them and listed.")
        return
    say_table(
        f"For {who}{_WHY[answer.fallback]}",
        ("rank", "score", "stars", *_PRODUCT_COLUMNS, "because of"),
        (
            (each.rank, each.score, each.predicted_rating, *_cells(each.product), _because(each))
            for each in answer.recommendations
        ),
    )


def _show_similar(answer: SimilarAnswer) -> None:
    product = answer.product
    name = f"product {product.product_id} ({product.product_name})"
    if not answer.similar:
        say(f"Nothing is like {name}: no other product is listed.")
        return
    popular = "" if answer.fallback is None else ": most popular, it cannot be compared yet"
    say_table(
        f"Like {name}{popular}",
        ("rank", "score", *_PRODUCT_COLUMNS),
        ((each.rank, each.score, *_cells(each.product)) for each in answer.similar),
    )


def _cells(product: Product) -> list[object]:
    return [getattr(product, name) for name in _PRODUCT_COLUMNS.values()]


def _because(recommendation: Recommendation) -> object:
    """The product of the user's own history that speaks most for it."""
    reasons = recommendation.reasons
    return (reasons[0].product_name or reasons[0].product_id) if reasons else None
