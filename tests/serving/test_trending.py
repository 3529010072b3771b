"""Trending: what gains most users of late, against what its own past lets expect."""

from pathlib import Path

import numpy as np
import pytest

from selera.artifact import write_artifact
from selera.contracts.behaviors import BUY_CODE, VISIT_CODE
from selera.contracts.ids import IdMap
from selera.contracts.interactions import Interactions
from selera.serving import Question
from selera.training import PureSvdConfig, TrainingConfig, fit_recommender
from tests.serving.following import opened
from tests.serving.served_shop import FIRST_PRODUCT, N_ITEMS, ROW_GONE
from tests.tastes import DAY_S, START

N_USERS = 200
END = START + 60 * DAY_S
RISING, STEADY, ROBOTS = 3, 7, 11


def publish_rising(path: Path, *, times: bool = True) -> None:
    """A model of sixty days: one item rises of late, one is met all the time, one by a robot."""
    generator = np.random.default_rng(4)
    rows = [
        (int(user), int(item), VISIT_CODE, END - int(day * DAY_S))
        for user, item, day in zip(
            generator.integers(0, N_USERS, 3000),
            generator.integers(0, N_ITEMS, 3000),
            generator.uniform(0, 60, 3000),
            strict=True,
        )
        if item not in (RISING, ROBOTS)
    ]
    rows += [(user, RISING, BUY_CODE, END - user * 600) for user in range(40)]
    rows += [(user, STEADY, BUY_CODE, END - user * DAY_S // 3) for user in range(150)]
    rows += [(199, ROBOTS, VISIT_CODE, END - visit * 60) for visit in range(1000)]
    rows.sort(key=lambda row: row[3])
    users, items, behaviors, timestamps = (np.array(column) for column in zip(*rows, strict=True))
    if not times:
        timestamps = np.full(len(rows), -(2**63))
    interactions = Interactions(
        users=IdMap.from_ids(range(1, N_USERS + 1)),
        items=IdMap.from_ids(range(FIRST_PRODUCT, FIRST_PRODUCT + N_ITEMS)),
        user_rows=users.astype(np.int32),
        item_rows=items.astype(np.int32),
        behaviors=behaviors.astype(np.uint8),
        values=np.ones(len(rows), np.float32),
        timestamps=timestamps.astype(np.int64),
        rating_scale=None,
    )
    config = TrainingConfig(puresvd=PureSvdConfig(n_factors=4))
    model = fit_recommender(interactions, "svd", config, seed=1)
    write_artifact(path, *model.to_parts(), run={"version": "v", "trained_at": ""})


@pytest.fixture(scope="module")
def rising(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rising") / "system-recomendation.pkl"
    publish_rising(path)
    return path


def test_what_rises_leads_and_a_robot_does_not(shop_url: str, rising: Path) -> None:
    with opened(shop_url, rising, started=False) as service:
        answer = service.trending(Question(limit=N_ITEMS))
        popular = service.popular(Question(limit=1)).popular
    rows = [each.product.product_id - FIRST_PRODUCT for each in answer.trending]
    assert rows[0] == RISING
    assert popular[0].product.product_id == FIRST_PRODUCT + STEADY
    assert ROBOTS in rows
    assert rows.index(ROBOTS) > 5
    assert ROW_GONE not in rows
    assert answer.window_days == 7.0
    assert [each.rank for each in answer.trending] == list(range(1, len(rows) + 1))
    scores = [each.score for each in answer.trending]
    assert scores == sorted(scores, reverse=True)


def test_scores_are_the_excess_over_what_the_past_lets_expect(shop_url: str, rising: Path) -> None:
    """The same sums over the pairs of users and items, written out by hand."""
    with opened(shop_url, rising, started=False) as service:
        answer = service.trending(Question(limit=N_ITEMS))
        histories = service._models.current().histories
    recent, before = [0.0] * N_ITEMS, [0.0] * N_ITEMS
    for item, age in zip(histories.items.tolist(), histories.ages.tolist(), strict=True):
        recent[item] += age <= 7
        before[item] += 7 < age <= 28
    m = sum(before) / N_ITEMS / 4
    usual = [(each + m) / 3 for each in before]
    n_met = sum(each > 0 for each in recent) - (recent[ROW_GONE] > 0)
    for place in answer.trending[:n_met]:
        item = place.product.product_id - FIRST_PRODUCT
        expected = usual[item] * sum(recent) / sum(usual)
        score = (recent[item] - expected) / expected**0.5
        assert place.score == pytest.approx(score, rel=1e-4)
        assert recent[item] > 0
    last = answer.trending[n_met - 1].score
    assert {place.score for place in answer.trending[n_met:]} == {min(0.0, last)}


def test_where_no_time_is_known_nothing_rises_and_popular_products_are_listed(
    shop_url: str, tmp_path: Path
) -> None:
    publish_rising(tmp_path / "model.pkl", times=False)
    with opened(shop_url, tmp_path / "model.pkl", started=False) as service:
        answer = service.trending()
        popular = service.popular().popular
    assert answer.window_days is None
    assert [each.product for each in answer.trending] == [each.product for each in popular]
    assert {each.score for each in answer.trending} == {0.0}
