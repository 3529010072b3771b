"""Re-buy: rates and intervals by hand, and the laws of what is bought again."""

import dataclasses

import numpy as np
import pytest

from selera.contracts.behaviors import BUY_CODE, NO_TIME, VISIT_CODE
from selera.contracts.histories import Histories
from selera.contracts.ids import IdMap
from selera.contracts.interactions import Interactions
from selera.models.rebuy import RebuyModel
from selera.models.signals import SignalConfig, histories_of
from selera.training.rebuy import RebuyConfig, fit_rebuy

DAY_S = 86_400
HALF_LIFE = 100.0
MILK, DRILL, SOAP = range(3)
NOW = 400
Act = tuple[int, int, float]


def acts(*bought: Act, visited: tuple[Act, ...] = (), timed: bool = True) -> Interactions:
    """Purchases and visits as (user, item, day)."""
    all_acts = [(*act, BUY_CODE) for act in bought] + [(*act, VISIT_CODE) for act in visited]
    users, items, days, codes = (np.array(column) for column in zip(*all_acts, strict=True))
    order = np.lexsort((days, items, users))
    times = (days * DAY_S).astype(np.int64)[order]
    return Interactions(
        users=IdMap.from_ids(list(range(int(users.max()) + 1))),
        items=IdMap.from_ids([10, 20, 30]),
        user_rows=users[order].astype(np.int32),
        item_rows=items[order].astype(np.int32),
        behaviors=codes[order].astype(np.uint8),
        values=np.ones(len(order), np.float32),
        timestamps=times if timed else np.full(len(order), NO_TIME),
        rating_scale=None,
    )


def weighed(interactions: Interactions, now: int = NOW) -> Histories:
    config = SignalConfig(buy_half_life=HALF_LIFE)
    return histories_of(interactions, now=now * DAY_S, config=config)


SHOP = acts(
    *((user, MILK, float(day)) for user in range(4) for day in range(300, 390, 10)),
    *((user, DRILL, 20.0 + 365 * again) for user in range(4) for again in range(2 if user else 1)),
    *((user, SOAP, 200.0) for user in range(4)),
)


@pytest.fixture(scope="module")
def model() -> RebuyModel:
    return fit_rebuy(SHOP, 3, RebuyConfig(shrinkage=1.0, readiness=0.1), half_life=HALF_LIFE)


def test_rates_and_intervals_are_shrunk_means(model: RebuyModel) -> None:
    n_gaps, n_bought = np.array([32, 3, 0]), np.array([36, 7, 4])
    rate = 35 / 47
    log_gap = (32 * np.log(10) + 3 * np.log(365)) / 35
    logs = np.array([32 * np.log(10), 3 * np.log(365), 0]) + log_gap
    np.testing.assert_allclose(model.rates, (n_gaps + rate) / (n_bought + 1), rtol=1e-6)
    np.testing.assert_allclose(model.intervals, np.exp(logs / (n_gaps + 1)), rtol=1e-5)
    assert model.totals.tolist() == [32, 3, 0]


def test_lines_of_one_visit_to_the_shop_are_one_purchase() -> None:
    twice = fit_rebuy(acts((0, MILK, 1.0), (0, MILK, 1.3)), 3, RebuyConfig(), half_life=9)
    assert twice.rates.max() == 0
    again = fit_rebuy(acts((0, MILK, 1.0), (0, MILK, 1.6)), 3, RebuyConfig(), half_life=9)
    assert again.rates.min() > 0


def test_who_bought_more_often_scores_higher(model: RebuyModel) -> None:
    often = acts((0, MILK, 300.0), (0, MILK, 350.0), (0, MILK, 380.0), (1, MILK, 380.0))
    scores = model.score(weighed(often))
    assert scores[0, MILK] > scores[1, MILK] > 0


def test_a_durable_bought_just_now_is_below_one_that_is_due(model: RebuyModel) -> None:
    scores = model.score(weighed(acts((0, DRILL, 399.5), (1, DRILL, 300.0))))
    assert scores[1, DRILL] > scores[0, DRILL] > 0


def test_of_two_bought_on_the_same_day_the_one_that_is_bought_again_leads(
    model: RebuyModel,
) -> None:
    scores = model.score(weighed(acts((0, MILK, 350.0), (0, SOAP, 350.0))))[0]
    assert scores[MILK] > scores[SOAP] > 0
    assert scores[DRILL] == 0


def test_a_later_visit_does_not_hide_when_the_item_was_bought(model: RebuyModel) -> None:
    alone = model.score(weighed(acts((0, DRILL, 340.0))))[0]
    visited = model.score(weighed(acts((0, DRILL, 340.0), visited=((0, DRILL, 399.9),))))[0]
    np.testing.assert_allclose(visited, alone, rtol=1e-4)


@pytest.mark.parametrize("day", [float(NOW), NOW + 3.0])
@pytest.mark.parametrize("times", [1, 2])
def test_what_was_visited_and_bought_just_now_is_held_back(
    model: RebuyModel, day: float, times: int
) -> None:
    bought = ((0, DRILL, day),) * times
    scores = model.score(weighed(acts(*bought, visited=((0, DRILL, day),))))[0]
    assert scores[DRILL] == pytest.approx(0, abs=1e-6)


def test_no_purchase_is_younger_than_the_latest_behavior(model: RebuyModel) -> None:
    """The count of many old purchases is above 1, and so tells no age."""
    often = tuple((0, DRILL, float(day)) for day in (310, 330, 350, 360))
    alone = model.score(weighed(acts(*often)))[0]
    visited = model.score(weighed(acts(*often, visited=((0, DRILL, 360.0),))))[0]
    np.testing.assert_allclose(visited, alone, rtol=1e-4)


def test_what_was_only_visited_scores_zero(model: RebuyModel) -> None:
    scores = model.score(weighed(acts((0, MILK, 350.0), visited=((0, SOAP, 399.0),))))[0]
    assert scores[SOAP] == 0


def test_purchases_without_a_time_count_as_ready(model: RebuyModel) -> None:
    scores = model.score(weighed(acts((0, MILK, 0.0), timed=False)))[0]
    assert scores[MILK] == pytest.approx(model.rates[MILK])


def test_an_explanation_names_the_item_itself(model: RebuyModel) -> None:
    history = weighed(acts((0, MILK, 350.0), (0, SOAP, 350.0)))
    explanation = model.explain(history, MILK)
    assert explanation.contributions[1] == 0
    assert explanation.score == pytest.approx(float(model.score(history)[0, MILK]))
    assert model.explain(history, DRILL).score == 0


def test_similar_are_what_is_bought_again_most_often(model: RebuyModel) -> None:
    top = model.similar(np.array([MILK], np.int32), 3)
    assert top.list(0) == [(DRILL, 3.0), (SOAP, 0.0)]


def test_where_nothing_is_bought_again_or_known_all_scores_are_zero() -> None:
    once = acts((0, MILK, 100.0), (1, DRILL, 200.0))
    for known in (once, None, dataclasses.replace(once, behaviors=once.behaviors * 0)):
        model = fit_rebuy(known, 3, RebuyConfig(), half_life=HALF_LIFE)
        assert model.score(weighed(once)).max() == 0
        assert (model.intervals > 0).all()


def test_arrays_make_the_same_model_again(model: RebuyModel) -> None:
    again = RebuyModel.from_arrays(model.to_arrays())
    np.testing.assert_array_equal(again.score(weighed(SHOP)), model.score(weighed(SHOP)))
