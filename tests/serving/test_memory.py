"""What is remembered of users: never more than was allowed, and the same for every thread."""

import contextlib
import random
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from selera.artifact import open_artifact
from selera.contracts.behaviors import BehaviorRow
from selera.contracts.errors import DatabaseError
from selera.contracts.ids import Id
from selera.contracts.protocols import Profile
from selera.database import Shop
from selera.models import Recommender
from selera.serving import ModelSlot, Question, RecommendationService, ServingConfig
from selera.serving.users import MOST_PLACES, Listed, LiveUsers, User
from tests.serving.following import ids_of, opened
from tests.serving.served_shop import N_USERS, NEW_USER, interactions_of

DATA = interactions_of()
USERS = [DATA.users.id(row) for row in range(N_USERS)]


def test_no_more_users_are_remembered_than_is_set(shop_url: str, model_path: Path) -> None:
    with opened(shop_url, model_path, ServingConfig(cached_users=7)) as service:
        for user in USERS:
            service.recommend(user)
        users = service._memory.users
        assert len(users) == 7
        assert users.at_hand(USERS[-1]) is not None
        assert users.at_hand(USERS[0]) is None


@pytest.mark.parametrize("settings", [{"cached_users": 0}, {"history_max_age_s": 0}])
def test_nobody_is_remembered_where_that_is_set(
    shop_url: str, model_path: Path, settings: dict[str, int]
) -> None:
    with opened(shop_url, model_path, ServingConfig(**settings)) as service:
        for _ in range(3):
            assert service.recommend(USERS[0]).recommendations
        assert len(service._memory.users) == 0


def test_whom_the_shop_does_not_know_takes_no_place(shop_url: str) -> None:
    with contextlib.closing(Shop.open(shop_url)) as shop:
        users = LiveUsers(shop, 10, 60.0)
        for user in range(700_000, 700_020):
            assert not users.get(user).is_known
        users.get(NEW_USER)
        assert len(users) == 1


def test_who_was_met_is_not_read_again(shop_url: str, model_path: Path) -> None:
    class ReadShop(Shop):
        reads = 0

        def user(self, user_id: Id) -> tuple[dict[str, Any] | None, list[BehaviorRow]]:
            self.reads += 1
            return super().user(user_id)

    with contextlib.closing(ReadShop.open(shop_url)) as shop:
        service = RecommendationService(ModelSlot(model_path), shop)
        met = service.meet(USERS[0])
        service.forget(USERS[0])
        assert service.recommend(USERS[0], met=met).user == service.recommend(USERS[0]).user
        assert shop.reads == 2  # to meet, and for the second answer


def test_whom_a_model_remembers_the_next_one_does_in_its_own_way(model_path: Path) -> None:
    artifact = open_artifact(model_path)
    old, new = (
        Recommender.from_parts(artifact.metadata, artifact.arrays, artifact.run) for _ in range(2)
    )
    met = User.stored(old, USERS[0]).as_known_to(new, USERS[0])
    assert met.history(new).items.tolist() == old.histories.take(0, 1).items.tolist() != []
    stranger = User.stored(old, NEW_USER).as_known_to(new, NEW_USER)
    assert len(stranger.history(new).items) == 0
    for current in (User({"user_id": 1}), User(None)):
        assert current.as_known_to(new, 1) is current


def test_prepared_lists_of_a_user_are_bounded_by_their_places() -> None:
    def listed(n: int) -> Listed:
        return Listed((None,) * n, None, ())

    user = User(None)
    for place in range(50):
        user.remember(place, listed(10))
    kept = [place for place in range(50) if user.listed(place) is not None]
    assert kept == [47, 48, 49]
    user.remember("long", listed(MOST_PLACES + 1))
    assert user.listed("long") is None
    assert user.listed(49) is not None
    user.remember("full", listed(MOST_PLACES))
    assert user.listed("full") is not None
    assert user.listed(49) is None
    for place in range(500):
        user.remember(place, listed(0))
    assert sum(user.listed(place) is not None for place in range(500)) <= MOST_PLACES


class CountingReader:
    """A shop in memory that counts every user's behaviors up, and sometimes does not answer."""

    def __init__(self) -> None:
        self.versions: dict[Id, int] = dict.fromkeys(range(20), 0)

    def user(self, user_id: Id) -> tuple[Profile | None, Sequence[BehaviorRow]]:
        if random.random() < 0.05:
            raise DatabaseError("no answer")
        return {"user_id": user_id}, [BehaviorRow(1, "visit", float(self.versions[user_id]), 0)]

    def user_at_once(self, user_id: Id) -> tuple[Profile | None, Sequence[BehaviorRow]] | None:
        return None if random.random() < 0.5 else self.user(user_id)


def test_no_thread_is_ever_told_a_history_from_before_it_was_forgotten() -> None:
    reader = CountingReader()
    users = LiveUsers(reader, 10, 60.0)
    failures: list[BaseException] = []
    stop = threading.Event()

    def ask(seed: int) -> None:
        chosen = random.Random(seed)
        try:
            while not stop.is_set():
                user = chosen.randrange(20)
                told_before = published[user]
                with contextlib.suppress(DatabaseError):
                    told = users.read_at_once(user) or users.get(user)
                    assert told.behaviors.values[0] >= told_before
                assert len(users) <= 10
        except BaseException as error:
            failures.append(error)

    published = dict.fromkeys(range(20), 0)
    threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    chosen = random.Random(9)
    for round in range(3000):
        user = chosen.randrange(20)
        reader.versions[user] += 1
        if round % 500 == 0:
            users.outdate()
        else:
            users.forget([user])
        published[user] = reader.versions[user]
    stop.set()
    for thread in threads:
        thread.join()
    assert failures == []
    assert not users._reading
    assert not users._forgotten


@pytest.mark.slow
def test_threads_get_the_same_answers_as_one(shop_url: str, model_path: Path) -> None:
    questions = [Question(limit=limit, diversity=d) for limit in (1, 5) for d in (0.0, 0.4)]
    with opened(shop_url, model_path, started=False) as service:
        expected = {
            (user, question): ids_of(service.recommend(user, question))
            for user in USERS
            for question in questions
        }
    wrong: list[object] = []
    with opened(shop_url, model_path, ServingConfig(cached_users=15)) as service:

        def ask(seed: int) -> None:
            asked = list(expected)
            random.Random(seed).shuffle(asked)
            for user, question in asked:
                if ids_of(service.recommend(user, question)) != expected[user, question]:
                    wrong.append((user, question))
                service._memory.users.forget([user] if seed % 2 else [])

        threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(service._memory.users) <= 15
    assert wrong == []
