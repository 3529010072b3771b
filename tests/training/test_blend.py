"""What the blend chooses where the right choice is known."""

from dataclasses import dataclass, field

import numpy as np
import pytest

from selera.contracts.behaviors import BUY_CODE
from selera.contracts.errors import ConfigError
from selera.contracts.histories import Histories
from selera.contracts.ids import IdMap
from selera.contracts.interactions import Interactions
from selera.contracts.protocols import Model
from selera.models.blend import BlendModel
from selera.models.item_graph import ItemGraphModel
from selera.models.popularity import PopularityModel
from selera.training.blend import FIXED_WEIGHTS, BlendConfig, fit_blend, told
from selera.training.evidence import Evidence, Holdout
from selera.training.recipes import fit_recommender
from selera.training.settings import TrainingConfig
from tests.dense import item_sets, sparse
from tests.tastes import checkerboard

N_USERS, N_ITEMS = 60, 20
START, DAY_S = 1_700_000_000, 86_400


def having(n_items: int) -> Histories:
    """User u has the items u .. u + n_items - 1, around the circle of all items."""
    held = [sorted((user + k) % N_ITEMS for k in range(n_items)) for user in range(N_USERS)]
    items = np.array(held, np.int32).ravel()
    return Histories.plain(n_items * np.arange(N_USERS + 1), items)


def evidence(*, returning: bool = False, holdout: bool = True) -> Evidence:
    """Each user has two items and then takes the next one, or else again the first of the two."""
    users = np.arange(N_USERS)
    following = [{(user + 2) % N_ITEMS} for user in range(N_USERS)]
    again = [{user % N_ITEMS} for user in range(N_USERS)]
    new = item_sets(*following)
    had = item_sets(*(one | other for one, other in zip(following, again, strict=True)))
    held_out = Holdout(
        earlier=Evidence(having(2), N_ITEMS),
        users=users,
        new=new,
        returning_users=users,
        returning=had if returning else new,
    )
    return Evidence(having(3), N_ITEMS, holdout=held_out if holdout else None)


def steps(*distances: int) -> ItemGraphModel:
    """Having an item leads to those so many places further on the circle."""
    edges = np.zeros((N_ITEMS, N_ITEMS), np.float32)
    for distance in distances:
        edges[np.arange(N_ITEMS), (np.arange(N_ITEMS) + distance) % N_ITEMS] += 1
    return ItemGraphModel(sparse(edges))


@dataclass
class Rankers:
    """A trainer that hands out rankers that are known, and keeps what it was asked for."""

    known: dict[str, tuple[Model, ...]]
    asked: list[tuple[str, int, int]] = field(default_factory=list)

    def train(self, name: str, variant: int, part: Evidence) -> Model:
        self.asked.append((name, variant, len(part.histories.items)))
        return self.known[name][variant]

    def fit(self, told: Evidence, **settings: float) -> BlendModel:
        config = BlendConfig(
            components=tuple(self.known), n_candidates=10, **{"least_targets": 10, **settings}
        )
        return fit_blend(told, config, self.train, lambda name: len(self.known[name]))


KNOWS, GUESSES = steps(1, 2), steps(7)
POPULAR = PopularityModel(np.linspace(1, 0, N_ITEMS).astype(np.float32))
AGAIN = ItemGraphModel(sparse(np.eye(N_ITEMS, dtype=np.float32)))


@pytest.mark.parametrize(
    ("components", "expected"),
    [(("ease", "ials"), {"ease", "ials"}), (("itemknn", "rebuy"), {"itemknn", "rebuy"})],
)
def test_fixed_weights_have_an_svd_and_a_ranker_of_new_products(
    components: tuple[str, ...], expected: set[str]
) -> None:
    config = TrainingConfig(blend=BlendConfig(components=components))
    ranker = fit_recommender(checkerboard(), "blend", config, seed=0).ranker
    assert isinstance(ranker, BlendModel)
    assert ranker.n_targets == 0
    assert set(ranker.names) == expected
    assert ranker.weights.sum() == pytest.approx(1)


@pytest.mark.parametrize("holdout", [False, True])
def test_with_few_held_out_choices_the_weights_are_fixed(holdout: bool) -> None:
    rankers = Rankers(dict.fromkeys(("covisits", *FIXED_WEIGHTS), (GUESSES,)))
    model = rankers.fit(evidence(holdout=holdout), least_targets=N_USERS + 1)
    assert model.names == ("ease", "vstan", "popularity", "puresvd", "rebuy")
    total = sum(FIXED_WEIGHTS.values())
    np.testing.assert_allclose(model.weights, [each / total for each in FIXED_WEIGHTS.values()])
    assert model.n_targets == 0
    assert {n for _, _, n in rankers.asked} == {3 * N_USERS}  # on all of the evidence


def test_without_a_component_of_fixed_weight_all_weigh_the_same() -> None:
    rankers = Rankers({"itemknn": (KNOWS,), "covisits": (GUESSES,)})
    model = rankers.fit(evidence(holdout=False))
    assert model.names == ("itemknn", "covisits")
    assert model.weights.tolist() == [0.5, 0.5]


def test_the_ranker_that_knows_what_comes_next_has_the_most_weight() -> None:
    rankers = Rankers({"itemknn": (GUESSES,), "ease": (KNOWS,), "popularity": (POPULAR,)})
    model = rankers.fit(evidence())
    assert model.names[int(model.weights.argmax())] == "ease"
    assert model.weights.sum() == pytest.approx(1)
    assert (model.weights > 0).all()
    assert model.n_targets == N_USERS


def test_choices_are_tried_on_the_earlier_state_and_fitted_on_all() -> None:
    rankers = Rankers({"itemknn": (GUESSES,), "ease": (KNOWS,)})
    model = rankers.fit(evidence())
    tried, fitted = rankers.asked[:2], rankers.asked[2:]
    assert tried == [("itemknn", 0, 2 * N_USERS), ("ease", 0, 2 * N_USERS)]
    assert fitted == [(name, 0, 3 * N_USERS) for name in model.names]


def test_the_settings_that_do_best_are_kept() -> None:
    rankers = Rankers({"ease": (GUESSES, KNOWS, POPULAR)})
    rankers.fit(evidence())
    assert rankers.asked[-1] == ("ease", 1, 3 * N_USERS)


def test_of_settings_that_do_equally_well_the_first_are_kept() -> None:
    rankers = Rankers({"ease": (KNOWS, KNOWS)})
    rankers.fit(evidence())
    assert rankers.asked[-1] == ("ease", 0, 3 * N_USERS)


@pytest.mark.parametrize("solver", ["ials", "puresvd", "gfcf"])
def test_an_svd_solver_is_always_among_the_components(solver: str) -> None:
    known: dict[str, tuple[Model, ...]] = {"ease": (KNOWS,), solver: (GUESSES,)}
    model = Rankers(known).fit(evidence(), least_weight=0.1)
    assert model.names == ("ease", solver)
    np.testing.assert_allclose(model.weights, [1 / 1.1, 0.1 / 1.1])


def test_of_several_svd_solvers_without_weight_the_best_stays() -> None:
    nearly = steps(1, 2, 7)
    known: dict[str, tuple[Model, ...]] = {
        "ease": (KNOWS,),
        "ials": (GUESSES,),
        "gfcf": (nearly,),
        "puresvd": (POPULAR,),
    }
    model = Rankers(known).fit(evidence(), least_weight=0.4)
    assert model.names == ("ease", "gfcf")


@pytest.mark.parametrize("least_weight", [0.34, 0.5])
def test_components_that_all_have_little_to_say_leave_the_heaviest(least_weight: float) -> None:
    known: dict[str, tuple[Model, ...]] = {
        name: (steps(1, 2, distance),) for distance, name in enumerate("abcd", start=5)
    }
    model = Rankers(known).fit(evidence(), least_weight=least_weight)
    assert model.names
    assert model.weights.sum() == pytest.approx(1)


def test_rebuying_is_weighed_in_where_purchases_repeat() -> None:
    model = Rankers({"ease": (KNOWS,), "rebuy": (AGAIN,)}).fit(evidence(returning=True))
    assert model.names == ("ease", "rebuy")
    assert model.weights[1] > 0
    best = model.score(having(2).take(0, 1))[0].argsort()[-4:]  # of a user who has 0 and 1
    assert set(best.tolist()) == {0, 1, 2, 3}


def test_rebuying_is_left_out_where_nothing_is_bought_again() -> None:
    model = Rankers({"ease": (KNOWS,), "rebuy": (AGAIN,)}).fit(evidence())
    assert model.names == ("ease",)


@pytest.mark.parametrize(("most", "n_targets"), [(1000, 60), (60, 60), (59, 30), (7, 7), (1, 1)])
def test_no_more_users_than_allowed_choose(most: int, n_targets: int) -> None:
    model = Rankers({"ease": (KNOWS,), "ials": (GUESSES,)}).fit(evidence(), max_users=most)
    assert model.n_targets == n_targets <= most


def test_people_are_told_what_was_chosen_and_on_how_much() -> None:
    components = Rankers({"ease": (KNOWS,), "ials": (GUESSES,)}).fit(evidence()).components
    chosen = BlendModel(("ease", "ials"), components, np.array([0.25, 0.75]), 1234)
    assert told(chosen) == "ials 0.75, ease 0.25; chosen on 1,234 held-out choices"
    fixed = BlendModel(("ease", "ials"), components, np.array([0.5, 0.5]), 0)
    assert told(fixed) == (
        "ease 0.50, ials 0.50; fixed weights, too few held-out choices to learn them"
    )


def blended(*components: str, least_targets: int = 20) -> TrainingConfig:
    return TrainingConfig(
        blend=BlendConfig(components=components, least_targets=least_targets, n_candidates=10)
    )


@pytest.mark.parametrize(
    ("components", "got"),
    [
        (("ease", "esae", "blend"), "ease, esae, blend"),
        (("ease", "ials", "ease"), "ease, ials, ease"),
        ((), "none"),
        (("rebuy",), "rebuy"),  # it says nothing of new products
    ],
)
def test_components_that_make_no_blend_are_refused_by_name(
    components: tuple[str, ...], got: str
) -> None:
    with pytest.raises(ConfigError, match=rf"blend\.components must be .*vstan.*; got {got}$"):
        fit_recommender(checkerboard(), "blend", blended(*components), seed=0)


def test_the_same_data_and_seed_give_the_same_blend() -> None:
    config = blended("itemknn", "puresvd", "ials", "popularity", "rebuy")
    one, other = (
        fit_recommender(checkerboard(), "blend", config, seed=3).ranker.to_arrays()
        for _ in range(2)
    )
    assert {name: array.tobytes() for name, array in one.items()} == {
        name: array.tobytes() for name, array in other.items()
    }
    assert one["n_targets"][0] > 0


def weekly(*, repeats: bool) -> Interactions:
    """Each user buys three new products a week, or one where the other two are always the same."""
    acts = [
        (
            user,
            (3 * user + k + (0 if repeats and k < 2 else 3 * week)) % 40,
            START + DAY_S * (7 * week + user % 7) + user,
        )
        for user in range(50)
        for week in range(12)
        for k in range(3)
    ]
    users, items, times = (np.array(column) for column in zip(*sorted(acts), strict=True))
    return Interactions(
        users=IdMap.from_ids(list(range(50))),
        items=IdMap.from_ids(list(range(40))),
        user_rows=users.astype(np.int32),
        item_rows=items.astype(np.int32),
        behaviors=np.full(len(acts), BUY_CODE, np.uint8),
        values=np.ones(len(acts), np.float32),
        timestamps=times.astype(np.int64),
        rating_scale=None,
    )


@pytest.mark.parametrize("repeats", [True, False])
def test_rebuying_has_a_say_in_shops_where_users_buy_the_same_again(repeats: bool) -> None:
    shop = weekly(repeats=repeats)
    model = fit_recommender(shop, "blend", blended("itemknn", "rebuy"), seed=0)
    assert isinstance(model.ranker, BlendModel)
    assert model.ranker.names == (("itemknn", "rebuy") if repeats else ("itemknn",))
    assert model.ranker.n_targets > 0
    assert model.facts["notes"] == [told(model.ranker)]
