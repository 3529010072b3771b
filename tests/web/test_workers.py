"""The worker threads: bounded, apart from the event loop, honest about errors."""

import asyncio
import contextlib
import math
import threading
from pathlib import Path
from typing import Any

import pytest

from selera.contracts.behaviors import BehaviorRow
from selera.contracts.errors import Busy, UserNotFound
from selera.contracts.ids import Id
from selera.database import Shop, at_once
from selera.serving import ModelSlot, RecommendationService, personal
from selera.serving.personal import Personal
from selera.serving.users import User
from selera.web.workers import Workers
from tests.serving.following import wait_until
from tests.serving.served_shop import fill_shop
from tests.shops import server_url
from tests.web.conftest import client_of

__all__ = ["server_url"]  # of the database, not that of the API which this room means by it


def test_a_call_runs_in_a_thread_of_ours() -> None:
    async def ask() -> str:
        workers = Workers(threads=1, waiting=0)
        try:
            return await workers.run(lambda: threading.current_thread().name)
        finally:
            workers.close()

    assert asyncio.run(ask()).startswith("selera-web")


def test_what_a_call_raises_comes_back() -> None:
    def fail() -> None:
        raise UserNotFound("no user 3")

    async def ask() -> None:
        workers = Workers(threads=1, waiting=0)
        try:
            for _ in range(3):  # a failed call leaves no place taken
                with pytest.raises(UserNotFound, match="no user 3"):
                    await workers.run(fail)
        finally:
            workers.close()

    asyncio.run(ask())


def test_more_calls_than_can_wait_are_refused_and_the_loop_goes_on() -> None:
    gate, running = threading.Event(), threading.Semaphore(0)

    def wait() -> str:
        running.release()
        assert gate.wait(timeout=10)
        return "done"

    async def ask() -> list[str]:
        workers = Workers(threads=2, waiting=1)
        try:
            calls = [asyncio.ensure_future(workers.run(wait)) for _ in range(3)]
            await asyncio.sleep(0)
            with pytest.raises(Busy, match="3 requests are in hand"):
                await workers.run(wait)
            gate.set()
            answers = await asyncio.gather(*calls)
            return [*answers, await workers.run(wait)]
        finally:
            workers.close()

    assert asyncio.run(ask()) == ["done"] * 4


class ReadBy(Shop):
    """A real shop that notes whether the event loop has read a user."""

    by_loop: list[bool]

    def user(self, user_id: Id) -> tuple[dict[str, Any] | None, list[BehaviorRow]]:
        self.by_loop.append(_is_loop())
        return super().user(user_id)

    def user_at_once(self, user_id: Id) -> tuple[dict[str, Any] | None, list[BehaviorRow]] | None:
        told = super().user_at_once(user_id)
        if told is not None:
            self.by_loop.append(_is_loop())
        return told


def _is_loop() -> bool:
    return not threading.current_thread().name.startswith("selera-web")


@pytest.mark.parametrize("is_quick", [True, False])
def test_the_loop_composes_what_is_quick_and_reads_for_that_what_waits_for_nobody(
    database_url: str, model_path: Path, monkeypatch: pytest.MonkeyPatch, is_quick: bool
) -> None:
    fill_shop(database_url)
    composed_by_loop: list[bool] = []
    compose = Personal._compose

    def noted(self: Personal, *args: Any) -> Any:
        composed_by_loop.append(_is_loop())
        return compose(self, *args)

    monkeypatch.setattr(at_once, "SLOW_AT_MOST_S", math.inf)
    monkeypatch.setattr(personal, "QUICK_S", 1e9 if is_quick else 0.0)
    monkeypatch.setattr(Personal, "_compose", noted)
    with contextlib.closing(ReadBy.open(database_url)) as shop:
        shop.by_loop = []
        service = RecommendationService(ModelSlot(model_path), shop)
        with contextlib.closing(service), client_of(service) as client:
            service.start()
            user = service.meet(9)
            wait_until(
                lambda: (
                    bool(service.recommend(9))
                    and service._memory.catalogue.is_at_hand(service._models.current())
                    and service.is_quick(9, User(user.profile, user.behaviors)) == is_quick
                )
            )
            shop.by_loop.clear()
            composed_by_loop.clear()
            for user in (1, 2, 3):
                assert client.get(f"/recommend/{user}").status_code == 200
    assert composed_by_loop == [is_quick] * 3
    assert shop.by_loop == [is_quick and database_url.startswith("sqlite")] * 3
