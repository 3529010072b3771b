"""The Bayesian rater: what it recovers, how sure it is, and what it promises of its seed."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from selera.contracts.errors import ConfigError
from selera.contracts.features import Features
from selera.contracts.histories import Histories
from selera.contracts.interactions import RatingScale
from selera.models.bayes import BayesModel
from selera.training.bayes import BayesConfig, BayesStars, fit_bayes
from selera.training.bayes_design import build_design
from selera.training.bayes_links import ProbitLink, truncated_normal
from selera.training.evidence import Evidence

SCALE = RatingScale(-10, 10)
CONFIG = BayesConfig(n_factors=3, n_sweeps=60, n_burn_in=15, n_kept_samples=20)
N_USERS, N_ITEMS, NOISE = 80, 60, 0.7


class World:
    """Ratings from biases, two factors and normal noise, half of them known."""

    def __init__(self, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        p, q = rng.normal(0, 1.0, (N_USERS, 2)), rng.normal(0, 1.0, (N_ITEMS, 2))
        biases = rng.normal(0, 0.6, (N_USERS, 1)) + rng.normal(0, 0.8, N_ITEMS)
        self.truth = 0.5 + biases + p @ q.T
        self.stars = self.truth + rng.normal(0, NOISE, self.truth.shape)
        self.known = rng.random(self.truth.shape) < np.linspace(0.1, 0.9, N_USERS)[:, None]
        self.asked = tuple(each.astype(np.int32) for each in np.nonzero(~self.known))

    def evidence(self, stars: np.ndarray | None = None, ages: np.ndarray | None = None) -> Evidence:
        stars = self.stars if stars is None else stars
        users, items = np.nonzero(self.known)
        histories = Histories.plain(
            np.concatenate([[0], np.cumsum(self.known.sum(axis=1))]).astype(np.int64),
            items.astype(np.int32),
            ratings=stars[users, items].astype(np.float32),
            ages=None if ages is None else ages[users, items].astype(np.float32),
        )
        return Evidence(histories, N_ITEMS)


def fit(
    evidence: Evidence, config: BayesConfig = CONFIG, scale: RatingScale = SCALE, **told: int
) -> BayesStars:
    return fit_bayes(evidence, config, scale=scale, **{"seed": 3, **told})


@pytest.fixture(scope="module")
def world() -> World:
    return World()


@pytest.fixture(scope="module")
def fitted(world: World) -> BayesStars:
    return fit(world.evidence())


def rmse(errors: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(errors, dtype=np.float64))))


def test_simulated_factors_are_recovered(world: World, fitted: BayesStars) -> None:
    errors = fitted.predict(*world.asked) - world.truth[world.asked]
    assert rmse(errors) < 0.4 * rmse(world.truth - world.truth.mean())
    scale = (SCALE.high - SCALE.low) / 4
    precisions = [sample.noise_precision for sample in fitted.samples]
    assert np.mean(precisions) ** -0.5 * scale == pytest.approx(NOISE, rel=0.15)


def test_the_deviation_says_how_far_off_the_prediction_is(world: World, fitted: BayesStars) -> None:
    stars, deviations = fitted.predict_with_deviation(*world.asked)
    surprises = (stars - world.stars[world.asked]) / deviations
    assert rmse(surprises) == pytest.approx(1.0, abs=0.12)
    assert (np.abs(surprises) < 1.645).mean() == pytest.approx(0.9, abs=0.04)


def test_many_pairs_at_once_are_predicted_alike(world: World, fitted: BayesStars) -> None:
    many = [np.tile(each, 5) for each in world.asked]
    assert len(many[0]) > 8192
    np.testing.assert_array_equal(fitted.predict(*many), np.tile(fitted.predict(*world.asked), 5))


def test_users_of_many_ratings_are_surer(world: World, fitted: BayesStars) -> None:
    _, deviations = fitted.predict_with_deviation(*world.asked)
    few, many = world.asked[0] < 20, world.asked[0] >= 60
    assert deviations[many].mean() < deviations[few].mean()


def test_a_folded_in_user_is_nearly_the_trained_one(world: World, fitted: BayesStars) -> None:
    histories = world.evidence().histories
    model = fitted.rater()
    all_items = np.arange(N_ITEMS, dtype=np.int32)
    folded, deviations = model.predict_with_deviation(histories, all_items)
    grid = np.indices(world.truth.shape).reshape(2, -1).astype(np.int32)
    trained = fitted.predict(*grid).reshape(world.truth.shape)
    unknown = ~world.known
    assert rmse((folded - trained)[unknown]) < 0.35 * rmse((trained - world.stars)[unknown])
    surprises = (folded - world.stars)[unknown] / deviations[unknown]
    assert rmse(surprises) == pytest.approx(1.0, abs=0.15)


@pytest.mark.parametrize("link", ["identity", "probit"])
def test_the_number_of_threads_changes_nothing(world: World, link: str) -> None:
    config = BayesConfig(n_factors=2, n_chains=3, n_sweeps=6, n_burn_in=1, link=link)
    evidence = world.evidence(stars=np.clip(np.rint(world.stars), -2, 2))
    answers = [
        fit(evidence, config, n_threads=n).rater().predict(evidence.histories, world.asked[1][:9])
        for n in (1, 2, 3)
    ]
    np.testing.assert_array_equal(answers[0], answers[1])
    np.testing.assert_array_equal(answers[0], answers[2])


def test_another_seed_is_another_chain(world: World, fitted: BayesStars) -> None:
    other = fit(world.evidence(), seed=4)
    assert (other.predict(*world.asked) != fitted.predict(*world.asked)).any()


def test_the_probit_predicts_levels_within_the_scale(world: World) -> None:
    stars = 1 + np.digitize(world.stars, [-1.5, 0.0, 1.0, 3.0])
    scale = RatingScale(1, 5)
    config = BayesConfig(n_factors=3, n_sweeps=60, n_burn_in=15, link="probit")
    fitted = fit(world.evidence(stars=stars.astype(float)), config, scale)
    predicted, deviations = fitted.predict_with_deviation(*world.asked)
    assert 1 <= predicted.min() < predicted.max() <= 5
    errors = predicted - stars[world.asked]
    assert rmse(errors) < 0.6 * stars.std()
    assert rmse(errors / deviations) == pytest.approx(1.0, abs=0.15)
    folded = fitted.rater().predict(
        world.evidence(stars=stars.astype(float)).histories, np.arange(N_ITEMS, dtype=np.int32)
    )
    assert 1 <= folded.min() < folded.max() <= 5
    assert rmse(folded[world.asked] - predicted) < 0.3


def test_cut_points_are_found_again() -> None:
    rng = np.random.default_rng(1)
    scores, cuts = rng.normal(0, 1, 4000), np.array([-1.0, 0.2, 0.9])
    link = ProbitLink(np.digitize(scores + rng.normal(0, 1, 4000), cuts).astype(np.int32), 4)
    drawn = []
    for _ in range(40):
        residuals = (link.targets - scores).astype(np.float32)
        link.draw(residuals, rng)
        drawn.append(link.cuts)
    np.testing.assert_allclose(np.mean(drawn, axis=0), cuts, atol=0.1)
    assert 0.01 < np.std(drawn, axis=0).max() < 0.06


def test_truncated_normal_values_lie_between_their_bounds() -> None:
    low = np.repeat([-np.inf, -1.0, 0.5, 9.0, -35.0], 2000)
    high = np.repeat([0.0, 2.0, np.inf, 9.5, -34.0], 2000)
    drawn = truncated_normal(low, high, np.random.default_rng(0).random(len(low)))
    assert ((drawn >= low) & (drawn <= high)).all()
    means = drawn.reshape(5, 2000).mean(axis=1)
    np.testing.assert_allclose(means, [-0.7979, 0.2296, 1.1411, 9.107, -34.029], atol=0.04)


def test_times_explain_what_nothing_else_does(world: World) -> None:
    rng = np.random.default_rng(5)
    ages = rng.uniform(0, 10, world.truth.shape)
    effects = rng.normal(0, 2, 10)
    evidence = world.evidence(stars=world.stars + effects[ages.astype(int)], ages=ages)
    fitted = fit(evidence)
    truth = (world.stars + effects[ages.astype(int)])[world.asked]
    timed = fitted.predict(*world.asked, ages[world.asked].astype(np.float32))
    assert rmse(timed - truth) < 0.6 * rmse(fitted.predict(*world.asked) - truth)
    alone = evidence.histories.take(70, 71)
    folded = fitted.rater().predict(alone, world.asked[1][world.asked[0] == 70])
    trained = fitted.predict(*(each[world.asked[0] == 70] for each in world.asked))
    assert rmse(folded[0] - trained) < 0.3


def test_product_fields_tell_of_products_without_ratings(world: World) -> None:
    kinds = np.arange(N_ITEMS) % 2
    stars = world.stars + 4.0 * kinds
    features = Features(("kind=a", "kind=b"), np.arange(N_ITEMS + 1), kinds.astype(np.int32))
    told = World()
    told.known[:, -10:] = False
    evidence = replace(told.evidence(stars=stars), item_features=features)
    cold = np.arange(N_ITEMS - 10, N_ITEMS, dtype=np.int32)
    fitted = fit(evidence, BayesConfig(n_factors=2, n_sweeps=60, n_kept_samples=100))
    predicted, deviations = fitted.rater().predict_with_deviation(evidence.histories, cold)
    by_kind = [predicted[:, kinds[cold] == kind].mean() for kind in (0, 1)]
    assert by_kind[1] - by_kind[0] > 2.0
    warm = fitted.rater().predict_with_deviation(evidence.histories, cold - 20)[1]
    assert deviations.mean() > warm.mean()


def test_the_design_holds_what_is_known_of_each_rating() -> None:
    nan = np.nan
    histories = Histories.plain(
        np.array([0, 2, 3, 4]),
        np.array([0, 1, 1, 0], np.int32),
        ratings=np.array([5, 3, 1, nan], np.float32),
        ages=np.array([3.5, nan, 0.2, 0.1], np.float32),
    )
    profile = Features(("sex=f", "sex=m"), np.array([0, 1, 1, 2]), np.array([1, 0], np.int32))
    evidence = Evidence(histories, 2, user_features=profile)
    design = build_design(evidence, days_per_bin=1.0, implicit=True)
    matrix = np.zeros((design.n_block_rows, len(design.groups)))
    columns = np.repeat(np.arange(len(design.groups)), np.diff(design.starts))
    matrix[design.feature_rows, columns] = design.values
    half = np.sqrt(0.5)
    users = [[1, 0, 0, half, half, 0, 1], [0, 1, 0, 0, 1, 0, 0], [0, 0, 1, 1, 0, 1, 0]]
    items = [[1, 0, half, 0, half], [0, 1, half, half, 0]]
    np.testing.assert_allclose(matrix[:3, :7], users)
    np.testing.assert_allclose(matrix[3:5, 7:12], items)
    np.testing.assert_allclose(matrix[5:, 12:], np.eye(3))
    assert np.count_nonzero(matrix) == 9 + 6 + 3
    assert design.rows.tolist() == [[0, 0, 1], [3, 4, 4], [7, 5, 6]]
    assert design.blocks.tolist() == [[0, 3, 7], [7, 9, 12], [12, 15, 15]]
    assert design.groups.tolist() == [0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 4, 5, 5, 5]
    assert np.flatnonzero(~design.informed).tolist() == [2, 5]


def test_a_model_file_holds_the_rater(world: World, fitted: BayesStars, tmp_path: Path) -> None:
    model = fitted.rater()
    np.savez(tmp_path / "rater.npz", **model.to_arrays())
    again = BayesModel.from_arrays(np.load(tmp_path / "rater.npz"))
    known = world.evidence().histories
    items = np.array([4, 0], np.int32)
    np.testing.assert_array_equal(again.predict(known, items), model.predict(known, items))
    assert len(model.means) == CONFIG.n_kept_samples


@pytest.mark.parametrize("link", ["identity", "probit"])
def test_one_rating_is_enough(link: str) -> None:
    one = Histories.plain(
        np.array([0, 1]), np.array([0], np.int32), ratings=np.array([4], np.float32)
    )
    config = BayesConfig(n_factors=2, n_sweeps=5, implicit=False, link=link)
    fitted = fit(Evidence(one, 2), config, RatingScale(1, 5))
    both = fitted.rater().predict(one, np.array([0, 1], np.int32))
    assert np.isfinite(both).all()


def test_a_probit_of_too_many_levels_is_refused(world: World) -> None:
    with pytest.raises(ConfigError, match=r"at most 20 different stars, and there are \d+"):
        fit(world.evidence(), BayesConfig(link="probit"))
