"""Large catalogues: two stages find what scoring everything finds, by every kind of scorer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from selera.artifact import open_artifact, write_artifact
from selera.contracts.histories import Histories
from selera.contracts.protocols import Model
from selera.contracts.sparse import SparseMatrix
from selera.models.blend import BlendModel
from selera.models.factor import FactorModel
from selera.models.item_graph import ItemGraphModel
from selera.models.popularity import PopularityModel
from selera.models.rebuy import RebuyModel
from selera.models.recent import RecentFirst
from selera.models.retrieval import open_items, retrieve
from selera.models.session import SessionModel, SessionRules
from selera.models.spectral import SpectralFilterModel
from selera.models.taste import LARGE
from selera.models.topn import best_places
from selera.models.weighted_factor import WeightedFactorModel, WeightedSquares
from selera.training.retrieval import learn_index, with_index

N_ITEMS, N_FACTORS, N_USERS, N_SEEN = LARGE + 10_000, 16, 12, 12
RNG = np.random.default_rng(4)
CENTERS = RNG.standard_normal((80, N_FACTORS))
KINDS = RNG.integers(0, len(CENTERS), N_ITEMS)
FACTORS = (
    (CENTERS[KINDS] + 0.4 * RNG.standard_normal((N_ITEMS, N_FACTORS)))
    * RNG.lognormal(0, 0.5, (N_ITEMS, 1))
).astype(np.float32)


def histories() -> Histories:
    """Of users who like three kinds of items each, with times and purchases."""
    parts = []
    for _ in range(N_USERS):
        liked = np.flatnonzero(np.isin(KINDS, RNG.integers(0, len(CENTERS), 3)))
        parts.append(np.sort(RNG.choice(liked, N_SEEN, replace=False)))
    n = N_USERS * N_SEEN
    return Histories(
        indptr=np.arange(0, n + 1, N_SEEN),
        items=np.concatenate(parts).astype(np.int32),
        weights=RNG.uniform(0.5, 2, n).astype(np.float32),
        ratings=np.full(n, np.nan, np.float32),
        ages=RNG.uniform(0, 90, n).astype(np.float32),
        purchases=RNG.integers(0, 3, n).astype(np.float32),
        kinds=np.ones(n, np.uint8),
    )


TOLD = histories()


def edges(*, least: float = 0.0) -> SparseMatrix:
    """30 edges from each item, to others of its kind; below 0 some, where `least` is."""
    order, counts = np.argsort(KINDS, kind="stable"), np.bincount(KINDS)
    starts, sizes = (np.cumsum(counts) - counts)[KINDS], counts[KINDS]
    shifts = RNG.integers(0, sizes)[:, None] + np.arange(30)
    columns = np.sort(order[starts[:, None] + shifts % sizes[:, None]], axis=1)
    return SparseMatrix(
        np.arange(0, 30 * N_ITEMS + 1, 30),
        columns.ravel().astype(np.int32),
        RNG.uniform(least, 1, 30 * N_ITEMS).astype(np.float32),
        N_ITEMS,
    )


def weighted() -> WeightedFactorModel:
    energies, axes = np.linalg.eigh(FACTORS.T.astype(np.float64) @ FACTORS)
    turned = FACTORS @ axes.astype(np.float32)
    return WeightedFactorModel(turned, energies, WeightedSquares(0.01, 0.1, 0.7, 3.0, 1.0))


def rebuying() -> RebuyModel:
    rates = RNG.random(N_ITEMS).astype(np.float32)
    return RebuyModel(rates, 30 + rates, rates, 0.5, 180.0)


def sessions() -> SessionModel:
    """Two sessions for each user: the history, and what is near it."""
    items = np.concatenate([TOLD.items, (TOLD.items + 1) % N_ITEMS]).astype(np.int32)
    order = np.argsort(items, kind="stable")
    owners = np.repeat(np.arange(2 * N_USERS), N_SEEN)
    counts = np.bincount(items, minlength=N_ITEMS)
    return SessionModel(
        session_indptr=np.arange(0, len(items) + 1, N_SEEN),
        session_items=items,
        session_steps=np.tile(np.arange(N_SEEN), 2 * N_USERS).astype(np.int32),
        session_weights=np.full(2 * N_USERS, 0.3, np.float32),
        posting_indptr=np.concatenate([[0], np.cumsum(counts)]),
        postings=order,
        posting_sessions=owners[order].astype(np.int32),
        idf=np.full(N_ITEMS, 2.0, np.float32),
        rules=SessionRules(10, 20, 0.9, 0.9, 0.8),
    )


def popular() -> PopularityModel:
    return PopularityModel.prepared(RNG.pareto(2, N_ITEMS).astype(np.float32))


def blend() -> BlendModel:
    models: tuple[Model, ...] = (
        ItemGraphModel(edges()),
        FactorModel(FACTORS, FACTORS),
        popular(),
        rebuying(),
    )
    return BlendModel(
        names=("itemknn", "puresvd", "popularity", "rebuy"),
        components=tuple(map(RecentFirst, models, (0.5, 0.0, 0.0, 0.0))),
        weights=np.array([0.4, 0.3, 0.1, 0.2]),
        n_targets=0,
    )


MODELS: dict[str, Callable[[], Model]] = {
    "factor": lambda: FactorModel(FACTORS, FACTORS),
    "weighted_factor": weighted,
    "spectral_filter": lambda: SpectralFilterModel(edges(), FACTORS, FACTORS),
    "item_graph": lambda: ItemGraphModel(edges(least=-0.3)),
    "session": sessions,
    "rebuy": rebuying,
    "popularity": popular,
    "blend": blend,
}


@pytest.fixture(scope="module", params=MODELS)
def model(request: pytest.FixtureRequest) -> Model:
    return with_index(MODELS[request.param](), seed=1)


def open_masks() -> dict[str, NDArray[np.bool_]]:
    rng = np.random.default_rng(9)
    one_kind = KINDS == 3
    three = np.zeros(N_ITEMS, np.bool_)
    three[[5, 40_000, N_ITEMS - 1]] = True
    return {
        "all": np.ones(N_ITEMS, np.bool_),
        "most": rng.random(N_ITEMS) < 0.7,
        "some": rng.random(N_ITEMS) < 0.1,
        "one kind": one_kind,
        "three": three,
    }


@pytest.mark.parametrize("mask", open_masks())
def test_two_stages_find_what_scoring_everything_finds(model: Model, mask: str) -> None:
    allowed, hits, n_wanted = open_masks()[mask], 0, 0
    for user in range(N_USERS):
        history = TOLD.take(user, user + 1)
        open = open_items(model.taste(history), allowed, exclude_seen=True)
        items, scores = retrieve(model.taste(history), 10, open)
        every = model.score(history)[0]
        exact = best_places(np.where(open, every, np.float32(-np.inf)), 10)
        assert len(items) == min(10, np.count_nonzero(open))
        assert open[items].all()
        np.testing.assert_allclose(scores, every[items], atol=2e-3)
        # Equal scores are many in sparse models: what is as good as the tenth is a hit.
        hits += int(np.sum(every[items] >= every[exact[-1]] - 1e-5))
        n_wanted += len(exact)
    assert hits >= 0.99 * n_wanted


def test_scores_of_some_items_are_those_of_all(model: Model) -> None:
    some = np.array([3, 59_999, 17, *TOLD.items[:4]])
    for user in (0, 7):
        history = TOLD.take(user, user + 1)
        told = model.taste(history).of(some)
        assert told.dtype == np.float32
        np.testing.assert_allclose(told, model.score(history)[0, some], atol=2e-3)


def test_closed_moments_are_those_of_all_scores(model: Model) -> None:
    for user in (0, 7):
        history = TOLD.take(user, user + 1)
        mean, deviation = model.taste(history).moments()
        exact = model.score(history)[0].astype(np.float64)
        # The blend's own moments are those of a sample, which its docstring says.
        close = 0.1 if isinstance(model, BlendModel) else 1e-3
        assert mean == pytest.approx(exact.mean(), abs=close * exact.std())
        assert deviation == pytest.approx(exact.std(), rel=close)


def test_an_explanation_sums_to_the_score_of_the_first_stage(model: Model) -> None:
    taste = model.taste(TOLD.take(2, 3))
    items, scores = retrieve(taste, 10, np.ones(N_ITEMS, np.bool_))
    explanations = taste.explain(items)
    sums = explanations.baselines + explanations.contributions.sum(axis=1, dtype=np.float64)
    np.testing.assert_allclose(sums, scores, rtol=1e-3, atol=1e-4)


def test_who_has_no_history_gets_a_whole_list(model: Model) -> None:
    nobody = Histories.plain(np.zeros(2, np.int64), np.empty(0, np.int32))
    items, scores = retrieve(model.taste(nobody), 10, np.ones(N_ITEMS, np.bool_))
    assert len(set(items.tolist())) == 10
    assert np.isfinite(scores).all()


def test_a_boosted_item_outside_of_the_best_comes_to_the_top(model: Model) -> None:
    taste = model.taste(TOLD.take(4, 5))
    boost = np.zeros(N_ITEMS, np.float32)
    boost[31_234] = 1_000.0
    open = np.ones(N_ITEMS, np.bool_)
    plain, _ = retrieve(taste, 9, open & (boost == 0))
    items, scores = retrieve(taste, 10, open, boost)
    assert items.tolist() == [31_234, *plain.tolist()]
    expected = taste.of(np.array([31_234]))[0] + 1_000 * taste.moments()[1]
    assert scores[0] == pytest.approx(expected, rel=1e-5)


def test_boosts_of_many_items_are_exact(model: Model) -> None:
    boost = np.where(KINDS % 2 == 0, np.float32(-3), np.float32(0))
    taste = model.taste(TOLD.take(4, 5))
    items, _ = retrieve(taste, 10, np.ones(N_ITEMS, np.bool_), boost)
    lifted = taste.all() + boost * np.float32(taste.moments()[1])
    assert np.sum(lifted[items] >= np.sort(lifted)[-10] - 1e-3) >= 9


def test_similar_items_of_a_large_catalogue_are_filtered_inside(model: Model) -> None:
    allowed = np.zeros(N_ITEMS, np.bool_)
    allowed[::2] = True
    item = np.array([TOLD.items[0]], np.int32)
    top = model.similar(item, 10, allowed).list(0)
    assert all(row % 2 == 0 and row != item[0] for row, _ in top)
    assert [score for _, score in top] == sorted((score for _, score in top), reverse=True)
    if isinstance(model, FactorModel):
        lengths = np.linalg.norm(FACTORS, axis=1)
        cosines = FACTORS @ FACTORS[item[0]] / (lengths * lengths[item[0]])
        cosines[~allowed] = cosines[item[0]] = -1
        best = np.argsort(-cosines)[:10]
        assert len(set(best.tolist()) & {row for row, _ in top}) >= 9


def test_an_index_is_in_the_file_and_changes_no_answer(model: Model, tmp_path: Path) -> None:
    write_artifact(tmp_path / "m.pkl", {}, model.to_arrays(), run={})
    opened = type(model).from_arrays(open_artifact(tmp_path / "m.pkl").arrays)
    history = TOLD.take(1, 2)
    open = np.ones(N_ITEMS, np.bool_)
    one, other = (retrieve(each.taste(history), 10, open) for each in (model, opened))
    np.testing.assert_array_equal(one[0], other[0])
    np.testing.assert_array_equal(one[1], other[1])


def test_an_index_is_the_same_at_any_number_of_threads() -> None:
    one, other = (learn_index(FACTORS[:9000], seed=3, n_threads=n).to_arrays() for n in (1, 3))
    assert {name: array.tobytes() for name, array in one.items()} == {
        name: array.tobytes() for name, array in other.items()
    }


def test_a_small_catalogue_gets_no_index() -> None:
    small = FactorModel(FACTORS[:LARGE], FACTORS[:LARGE])
    assert with_index(small, seed=0) is small
