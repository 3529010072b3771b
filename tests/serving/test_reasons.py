"""Reasons: what they and the baseline add up to, whichever model is behind them."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from selera.contracts.rules import Rule
from selera.serving import Question, RecommendationService, ServingConfig
from tests.serving.following import opened
from tests.serving.served_shop import interactions_of, publish, vary

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
    for each in answer.recommendations:
        assert each.baseline is not None
        told = sum(reason.contribution for reason in each.reasons)
        assert each.baseline + told == pytest.approx(each.score, rel=1e-9, abs=1e-12)
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
        history = model.history(service._shop.history(DATA.users.id(7)))
    for each in places:
        told = model.explain(history, model.items.row(each.product.product_id))
        positive = np.sort(told.contributions[told.contributions > 0])[::-1][:20]
        assert [reason.contribution for reason in each.reasons] == pytest.approx(
            positive.tolist(), rel=1e-4, abs=2e-5 * abs(each.score)
        )
        expected = told.score - float(positive.sum())
        assert each.baseline == pytest.approx(expected, rel=1e-4, abs=2e-5 * abs(each.score))


def test_no_reason_is_a_product_that_the_user_never_met(shop_url: str, any_model: Path) -> None:
    own = {DATA.items.id(int(row)) for row in DATA.item_rows[DATA.user_rows == 7]}
    with over(shop_url, any_model) as service:
        for each in service.recommend(DATA.users.id(7), ALL).recommendations:
            assert {reason.product_id for reason in each.reasons} <= own


def test_where_no_reasons_are_wanted_there_is_no_baseline(shop_url: str, any_model: Path) -> None:
    with over(shop_url, any_model) as service:
        silent = service.recommend(DATA.users.id(7), Question(explain=False)).recommendations
        told = service.recommend(DATA.users.id(7)).recommendations
    assert {each.baseline for each in silent} == {None}
    assert [each.product for each in silent] == [each.product for each in told]
    assert [each.score for each in silent] == [each.score for each in told]
