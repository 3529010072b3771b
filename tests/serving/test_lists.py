"""How a list is made: diversity, fields, profiles, baskets, batches, and what answers share."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from selera.contracts.errors import UserNotFound
from selera.serving import Filters, Question, RecommendationService
from tests.serving.following import ids_of, opened
from tests.serving.served_shop import (
    N_ITEMS,
    NEW_PRODUCT,
    NEW_USER,
    NOBODY,
    ROW_GONE,
    interactions_of,
    publish,
)

DATA = interactions_of()
USER = DATA.users.id(4)
EVERYTHING = Question(limit=100, include_seen=True)


@pytest.fixture
def following(shop_url: str, model_path: Path) -> Iterator[RecommendationService]:
    with opened(shop_url, model_path) as service:
        yield service


def test_a_diverse_list_begins_with_the_best_and_mixes_tastes(
    service: RecommendationService,
) -> None:
    def of_the_other_kind(diversity: float) -> int:
        question = Question(limit=6, include_seen=True, diversity=diversity)
        ids = ids_of(service.recommend(USER, question))
        assert len(set(ids)) == 6
        assert ids[0] == best
        return sum(DATA.items.row(id) % 2 for id in ids)

    best = ids_of(service.recommend(USER, EVERYTHING))[0]
    assert of_the_other_kind(0.0) == 0 < of_the_other_kind(0.9)


def test_a_diverse_list_holds_what_the_filters_leave(service: RecommendationService) -> None:
    excluded = tuple(DATA.items.id(row) for row in range(0, N_ITEMS, 2))
    question = Question(
        limit=100, include_seen=True, diversity=1.0, filters=Filters(exclude=excluded)
    )
    ids = ids_of(service.recommend(USER, question))
    known = [DATA.items.id(row) for row in range(1, N_ITEMS, 2) if row != ROW_GONE]
    assert set(ids) == {*known, NEW_PRODUCT}


def test_only_the_fields_asked_for_are_told_and_always_the_id(
    service: RecommendationService,
) -> None:
    question = Question(limit=2, fields=frozenset({"price", "brand"}))
    for each in service.recommend(USER, question).recommendations:
        told = msgspec.to_builtins(each.product)
        assert set(told) == {"product_id", "price", "brand"}
    none = service.recommend(USER, Question(limit=2, fields=frozenset()))
    assert set(msgspec.to_builtins(none.recommendations[0].product)) == {"product_id"}
    similar = service.similar(DATA.items.id(2), question)
    assert set(msgspec.to_builtins(similar.product)) == {"product_id", "price", "brand"}
    popular = service.popular(question).popular[0]
    assert set(msgspec.to_builtins(popular.product)) == {"product_id", "price", "brand"}


def test_without_the_right_to_profiles_no_field_of_one_is_told(
    service: RecommendationService,
) -> None:
    answer = service.recommend(USER, Question(profile=False))
    assert msgspec.to_builtins(answer.user) == {"user_id": USER}
    told = service.user(USER, profile=False)
    assert msgspec.to_builtins(told.user) == {"user_id": USER}


def test_a_profile_is_not_told_to_one_because_it_was_told_to_another(
    following: RecommendationService,
) -> None:
    for profile in (True, False, True):
        answer = following.recommend(USER, Question(profile=profile))
        assert ("name" in msgspec.to_builtins(answer.user)) == profile


def test_an_answer_may_be_changed_without_changing_the_next(
    following: RecommendationService,
) -> None:
    first = following.recommend(USER)
    expected = list(first.recommendations)
    first.recommendations.clear()
    assert following.recommend(USER).recommendations == expected


def test_questions_that_differ_have_answers_that_differ(following: RecommendationService) -> None:
    questions = [
        Question(limit=limit, include_seen=seen, explain=explain, fields=fields)
        for limit in (1, 3)
        for seen in (False, True)
        for explain in (False, True)
        for fields in (None, frozenset({"price"}))
    ]
    alone = [following.recommend(USER, question).recommendations for question in questions]
    again = [following.recommend(USER, question).recommendations for question in questions]
    assert alone == again
    assert [len(each) for each in alone] == [question.limit for question in questions]
    for question, answer in zip(questions, alone, strict=True):
        assert bool(answer[0].reasons) == question.explain
        assert ("brand" in msgspec.to_builtins(answer[0].product)) == (question.fields is None)


def test_a_batch_answers_in_order_and_tells_whom_nobody_knows(
    service: RecommendationService,
) -> None:
    batch = service.recommend_many([USER, NOBODY, NEW_USER, "abc"], Question(limit=2))
    assert [each.user.user_id for each in batch.answers] == [USER, NEW_USER]
    assert batch.unknown_user_ids == [NOBODY, "abc"]
    with_popular = Question(limit=2, on_unknown="popular")
    assert len(service.recommend_many([USER, NOBODY], with_popular).answers) == 2


def test_an_unknown_user_is_an_error_unless_the_question_wants_popular_products(
    following: RecommendationService,
) -> None:
    for _ in range(2):
        with pytest.raises(UserNotFound, match=f"no user {NOBODY}"):
            following.recommend(NOBODY)
        answer = following.recommend(NOBODY, Question(on_unknown="popular"))
        assert answer.fallback == "popular"
        assert not answer.degraded


@pytest.mark.parametrize("behavior", ["visit", "purchase", "rating", "review"])
def test_a_basket_is_answered_like_a_history(service: RecommendationService, behavior: str) -> None:
    met = [DATA.items.id(row) for row in (1, 3, 5)]
    answer = service.recommend_basket(met, Question(limit=10), behavior)
    assert answer.user is None
    assert answer.fallback is None
    rows = [DATA.items.row(id) for id in ids_of(answer)]
    assert all(row % 2 for row in rows)
    assert not {1, 3, 5} & set(rows)


def test_ids_in_a_basket_may_be_texts_unknown_or_none_at_all(
    service: RecommendationService,
) -> None:
    plain = service.recommend_basket([DATA.items.id(1), DATA.items.id(3)])
    odd = ["x", NOBODY, str(DATA.items.id(1)), "007", str(DATA.items.id(3))]
    assert ids_of(service.recommend_basket(odd)) == ids_of(plain)
    for nothing in ([], ["x"], [NOBODY]):
        answer = service.recommend_basket(nothing)
        assert answer.fallback == "popular"
        assert len(answer.recommendations) == 10


def test_the_limit_may_be_more_than_there_is(service: RecommendationService) -> None:
    listed = ids_of(service.recommend(USER, EVERYTHING))
    assert len(listed) == N_ITEMS
    assert listed[-1] == NEW_PRODUCT


def test_a_new_model_answers_with_its_own_list(
    shop_url: str, tmp_path: Path, model_path: Path
) -> None:
    """Nothing that was remembered under one model is told by another."""
    path = tmp_path / "model.pkl"
    publish(path, version="a")
    with opened(shop_url, path) as service:
        before = service.recommend(USER)
        assert before.model.version == "a"
        publish(path, version="b", algorithm="popularity")
        while (after := service.recommend(USER)).model.version == "a":
            assert after.recommendations == before.recommendations
        assert after.model.algorithm == "popularity"
        assert {each.source for each in after.recommendations} == {"popular"}


@pytest.mark.parametrize("algorithm", ["popularity", "bias"])
def test_a_model_that_tells_nobody_apart_says_that_its_lists_are_popular(
    shop_url: str, tmp_path: Path, algorithm: str
) -> None:
    publish(tmp_path / "model.pkl", algorithm=algorithm)
    with opened(shop_url, tmp_path / "model.pkl", started=False) as service:
        popular = service.popular(EVERYTHING).popular
        similar = service.similar(DATA.items.id(2), EVERYTHING)
        mine = service.recommend(USER, EVERYTHING)
        unseen = service.recommend(USER)
    assert similar.fallback == mine.fallback == unseen.fallback == "popular"
    assert {each.source for each in mine.recommendations[:-1]} == {"popular"}
    assert mine.recommendations[-1].source == "new"
    products = [each.product for each in popular]
    assert [each.product for each in mine.recommendations] == products
    assert [each.product for each in similar.similar] == [
        each for each in products if each.product_id != DATA.items.id(2)
    ]
