"""The blend: its terms by hand, and its laws on three small models that were really fitted."""

import numpy as np
import pytest

from selera.contracts.protocols import Model
from selera.models.blend import BlendModel, tempered
from selera.models.popularity import PopularityModel
from selera.models.recent import RecentFirst
from selera.models.signals import SignalConfig, histories_of, reference_time
from selera.training.algebra import KERNELS
from selera.training.itemknn import ItemKnnConfig, fit_itemknn
from selera.training.popularity import fit_popularity
from selera.training.puresvd import PureSvdConfig, fit_puresvd
from tests.tastes import checkerboard

SHOP = checkerboard()
TOLD = histories_of(SHOP, now=reference_time(SHOP), config=SignalConfig())
EXPONENTS = (0.5, 1.0, 0.0)
WEIGHTS = np.array([0.5, 0.3, 0.2])


def blend(*, last: PopularityModel | None = None) -> BlendModel:
    rankers: tuple[Model, ...] = (
        fit_itemknn(TOLD, SHOP.n_items, ItemKnnConfig()),
        fit_puresvd(TOLD, SHOP.n_items, PureSvdConfig(n_factors=4), seed=0),
        last or fit_popularity(TOLD, SHOP.n_items),
    )
    return BlendModel(
        names=("itemknn", "puresvd", "popularity"),
        components=tuple(map(RecentFirst, rankers, EXPONENTS)),
        weights=WEIGHTS,
        n_targets=123,
    )


def test_terms_are_signed_roots_of_standardized_scores() -> None:
    terms = tempered(np.array([[1, 1, 1, 5], [4, 2, 2, 0]], np.float32))
    root = 3**0.25  # the first row has mean 2 and deviation sqrt(3)
    np.testing.assert_allclose(terms[0], [-1 / root, -1 / root, -1 / root, root], rtol=1e-6)
    top = 2**0.25  # mean 2, deviation sqrt(2)
    np.testing.assert_allclose(terms[1], [top, 0, 0, -top], rtol=1e-6)


def test_terms_do_not_depend_on_the_scale_of_the_scores() -> None:
    scores = np.random.default_rng(0).normal(size=(5, 40)).astype(np.float32)
    np.testing.assert_allclose(tempered(1000 * scores + 7), tempered(scores), atol=2e-3)


def test_a_row_of_equal_scores_says_nothing() -> None:
    assert tempered(np.full((2, 7), 0.1, np.float32)).tolist() == [[0] * 7] * 2


def test_the_score_is_the_weighted_sum_of_the_terms() -> None:
    model = blend()
    expected = sum(
        weight * tempered(component.score(TOLD)).astype(np.float64)
        for weight, component in zip(WEIGHTS, model.components, strict=True)
    )
    np.testing.assert_allclose(model.score(TOLD), expected, atol=1e-5)
    np.testing.assert_allclose(model.score(TOLD, KERNELS), expected, atol=1e-3)


def test_a_component_that_scores_all_items_alike_says_nothing() -> None:
    constant = PopularityModel(np.full(SHOP.n_items, 0.3, np.float32))
    model = blend(last=constant)
    two = BlendModel(model.names[:2], model.components[:2], WEIGHTS[:2], 0)
    np.testing.assert_array_equal(model.score(TOLD), two.score(TOLD))
    history = TOLD.take(5, 6)
    one, other = model.explain(history, 5), two.explain(history, 5)
    assert one.baseline == other.baseline
    np.testing.assert_array_equal(one.contributions, other.contributions)


@pytest.mark.parametrize("user", [0, 5, 39])
def test_an_explanation_sums_to_the_score(user: int) -> None:
    model, history = blend(), TOLD.take(user, user + 1)
    scores = model.score(history)[0]
    for item in range(SHOP.n_items):
        explanation = model.explain(history, item)
        assert explanation.score == pytest.approx(float(scores[item]), abs=1e-4)
        np.testing.assert_array_equal(explanation.items, history.items)


def test_who_has_no_history_gets_the_popular_order() -> None:
    model, nothing = blend(), TOLD.take(0, 1).where(np.zeros(int(TOLD.indptr[1]), np.bool_))
    scores = model.score(nothing)
    np.testing.assert_allclose(scores, 0.2 * tempered(model.components[2].score(nothing)))


def test_the_first_component_says_what_is_similar() -> None:
    asked = np.array([3, 8], np.int32)
    one, other = blend().similar(asked, 5), blend().components[0].model.similar(asked, 5)
    np.testing.assert_array_equal(one.items, other.items)
    np.testing.assert_array_equal(one.scores, other.scores)


def test_a_blend_comes_back_from_its_arrays() -> None:
    model = blend()
    again = BlendModel.from_arrays(model.to_arrays())
    assert again.names == model.names
    assert [each.exponent for each in again.components] == list(EXPONENTS)
    assert again.weights.tolist() == WEIGHTS.tolist()
    assert again.n_targets == 123
    np.testing.assert_array_equal(again.score(TOLD), model.score(TOLD))
