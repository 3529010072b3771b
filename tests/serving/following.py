"""Services that follow their shop, and waiting for what they hear."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from selera.contracts.ids import Id
from selera.database import Shop
from selera.serving import ModelSlot, RecommendationService, ServingConfig, Sources
from selera.serving.answers import RecommendAnswer
from selera.serving.question import DEFAULT_QUESTION, Question
from tests.processes import STALL_S


def wait_until(true: Callable[[], bool], within_s: float = STALL_S) -> float:
    """Ask until it is true; returns the seconds, and fails where it is not in time."""
    started = time.monotonic()
    while not true():
        assert time.monotonic() < started + within_s, "it did not happen in time"
        time.sleep(0.01)
    return time.monotonic() - started


@contextlib.contextmanager
def opened(
    url: str,
    model_path: Path,
    config: ServingConfig | None = None,
    *,
    started: bool = True,
    has_feed: bool = True,
    **sources: Any,
) -> Iterator[RecommendationService]:
    """A service over a shop and a model, as a worker has it; `sources` are those of `Sources`."""
    with contextlib.closing(Shop.open(url)) as shop, contextlib.closing(shop.change_feed()) as feed:
        told = Sources(feed=feed if has_feed else None, **sources)
        events = shop.event_store()
        service = RecommendationService(ModelSlot(model_path), shop, config, told, events)
        with contextlib.closing(service):
            if started:
                service.start()
            yield service


def ids_of(answer: RecommendAnswer) -> list[Id]:
    """The products of a list, in their order."""
    return [each.product.product_id for each in answer.recommendations]


def is_immediate(
    service: RecommendationService, user_id: Id, question: Question = DEFAULT_QUESTION
) -> bool:
    """Whether an answer would read nothing, and take next to no time."""
    user = service._memory.users.at_hand(user_id)
    return user is not None and service.is_quick(user_id, user, question)
