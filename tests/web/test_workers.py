"""The worker threads: bounded, apart from the event loop, honest about errors."""

import asyncio
import threading

import pytest

from selera.contracts.errors import Busy, UserNotFound
from selera.web.workers import Workers


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
