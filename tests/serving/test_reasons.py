"""Reasons: what they and the baseline add up to, whichever model is behind them."""

import contextlib
import json
import math
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from selera.contracts.behaviors import Behaviors
from selera.contracts.events import EventType
from selera.contracts.rules import Rule
from selera.serving import Question, RecommendationService, ServingConfig
from selera.serving.answers import Reason, RecommendAnswer
from selera.serving.lists import rounded, steps_of
from selera.serving.merchandise import Boost
from selera.serving.reasons import MOST_OF_SCORE, boost_reasons, told_parts, with_baseline
from tests.serving.following import opened
from tests.serving.served_shop import N_ITEMS, NEW_USER, interactions_of, publish, vary

DATA = interactions_of()
MODELS = ("svd", "ials", "vstan", "itemknn", "rp3beta", "ease", "gfcf", "blend")
ALL = Question(limit=100)


@pytest.fixture(scope="module", params=MODELS)
def any_model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp(request.param) / "system-recomendation.pkl"
    publish(path, algorithm=request.param)
    return path


@contextlib.contextmanager
def over(
    url: str, model: Path, rules: tuple[Rule, ...] = (), max_reasons: int = 3
) -> Iterator[RecommendationService]:
    config = ServingConfig(max_reasons=max_reasons)
    with opened(url, model, config, started=False, rules=lambda: rules) as service:
        yield service


def check_sums(answer: RecommendAnswer) -> None:
    """The numbers that stand in the JSON add up, as the decimals that are written there."""
    places = json.loads(msgspec.json.encode(answer), parse_float=Decimal)["recommendations"]
    assert places
    for place in places:
        parts = [reason["contribution"] for reason in place["reasons"]]
        check_sum(place["score"], [*parts, place["baseline"]])


def check_sum(score: Decimal, parts: list[Decimal]) -> None:
    """Exact as decimals; of floats each is off by half a unit in the last place, and the sum is."""
    assert sum(parts) == score
    floats = [*map(float, parts)]
    last_place = math.ulp(max(map(abs, [*floats, float(score)])))
    assert abs(math.fsum(floats) - float(score)) <= (len(floats) + 2) / 2 * last_place


def floats(largest: float) -> st.SearchStrategy[float]:
    return st.floats(-largest, largest, width=32)


@given(floats(1e6), st.lists(floats(1e6), max_size=20), st.lists(floats(10), max_size=4))
def test_whatever_the_numbers_they_sum_to_the_score_as_written(
    score: float, contributions: list[float], strengths: list[float]
) -> None:
    steps = steps_of(score)
    told = told_parts(list(enumerate(contributions)), score, steps)
    reasons = [Reason("because_you_bought", contribution=value) for _, value in told]
    boosts = [Boost(f"rule {at}", strength) for at, strength in enumerate(strengths)]
    reasons += boost_reasons(boosts, abs(score), steps)
    reasons, baseline = with_baseline(reasons, score, steps)
    assert all(0 < value < 1.1 * MOST_OF_SCORE * abs(score) for _, value in told)
    numbers = (rounded(score), *(each.contribution for each in reasons), baseline)
    whole, *parts = json.loads(msgspec.json.encode(numbers), parse_float=Decimal)
    check_sum(whole, parts)
    assert float(whole) == pytest.approx(score, rel=1e-5, abs=1e-22)


@pytest.mark.parametrize("strength", [0.0, 1.5])
def test_reasons_and_baseline_sum_to_the_score(
    own_url: str, any_model: Path, strength: float
) -> None:
    vary(own_url)
    rules = (
        Rule(name="shoes", action="boost", category="shoe", strength=strength),
        Rule(name="cotton", action="boost", tag="cotton", strength=-strength / 2),
    )
    with over(own_url, any_model, rules if strength else ()) as service:
        answer = service.recommend(DATA.users.id(7), ALL)
    assert answer.fallback is None
    assert any(each.reasons for each in answer.recommendations)
    check_sums(answer)
    assert answer.recommendations[-1].source == "new"
    for each in answer.recommendations[:-1]:
        of_rules = [reason for reason in each.reasons if reason.rule is not None]
        is_shoe, is_cotton = each.product.category == "shoe", each.product.tag is not None
        assert len(of_rules) == (is_shoe + is_cotton if strength else 0)
        assert list(each.reasons[len(each.reasons) - len(of_rules) :]) == of_rules


def test_with_all_reasons_told_the_baseline_is_the_models_own(
    shop_url: str, any_model: Path
) -> None:
    """An independent truth: the exact parts that the model itself says, summed by hand."""
    with over(shop_url, any_model, max_reasons=20) as service:
        question = Question(limit=5, include_seen=True)
        places = service.recommend(DATA.users.id(7), question).recommendations
        model = service._models.current()
        history = model.history(Behaviors.of(service._shop.history(DATA.users.id(7))))
    for each in places:
        told = model.explain(history, model.items.row(each.product.product_id))
        positive = np.sort(told.contributions[told.contributions > 0])[::-1][:20]
        assert [reason.contribution for reason in each.reasons] == pytest.approx(
            positive.tolist(), rel=1e-4, abs=2e-5 * abs(each.score)
        )
        expected = told.score - float(positive.sum())
        assert each.baseline == pytest.approx(expected, rel=1e-4, abs=2e-5 * abs(each.score))


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.integers(0, N_ITEMS - 1), min_size=1, max_size=12, unique=True),
    behavior=st.sampled_from(["visit", "purchase", "rating"]),
    max_reasons=st.sampled_from([0, 1, 3, 20]),
    strengths=st.tuples(st.floats(-10, 10), st.floats(-10, 10)) | st.none(),
    diversity=st.sampled_from([0.0, 0.7]),
)
def test_the_sums_of_any_basket_are_exact(
    shop_url: str,
    any_model: Path,
    rows: list[int],
    behavior: EventType,
    max_reasons: int,
    strengths: tuple[float, float] | None,
    diversity: float,
) -> None:
    rules = [
        Rule(name=f"{at}", action="boost", brand="Parang", strength=strength)
        for at, strength in enumerate(strengths or ())
    ]
    question = Question(limit=100, include_seen=True, diversity=diversity)
    with over(shop_url, any_model, tuple(rules), max_reasons) as service:
        answer = service.recommend_basket([DATA.items.id(row) for row in rows], question, behavior)
    check_sums(answer)


def test_no_reason_is_a_product_that_the_user_never_met(shop_url: str, any_model: Path) -> None:
    own = {DATA.items.id(int(row)) for row in DATA.item_rows[DATA.user_rows == 7]}
    with over(shop_url, any_model) as service:
        for each in service.recommend(DATA.users.id(7), ALL).recommendations:
            assert {reason.product_id for reason in each.reasons} <= own


@pytest.mark.parametrize("strength", [0.0, 2.5])
def test_where_nothing_else_explains_a_score_it_is_the_baseline(
    shop_url: str, any_model: Path, strength: float
) -> None:
    """Of a list of what most like, and of a product that the model lacks, nobody knows parts."""
    rules = (Rule(name="all", action="boost", brand="Parang", strength=strength),)
    with over(shop_url, any_model, rules if strength else ()) as service:
        answer = service.recommend(NEW_USER, ALL)
    assert answer.fallback == "popular"
    check_sums(answer)
    for each in answer.recommendations:
        assert all(reason.rule == "all" for reason in each.reasons)
        if not strength:
            assert (each.reasons, each.baseline) == ((), each.score)


def test_where_no_reasons_are_wanted_there_is_no_baseline(shop_url: str, any_model: Path) -> None:
    with over(shop_url, any_model) as service:
        silent = service.recommend(DATA.users.id(7), Question(explain=False)).recommendations
        told = service.recommend(DATA.users.id(7)).recommendations
    assert {each.baseline for each in silent} == {None}
    assert [each.product for each in silent] == [each.product for each in told]
    assert [each.score for each in silent] == [each.score for each in told]
