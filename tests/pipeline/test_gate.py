"""The gate on the simulated shop: what is honest goes live, what is poisoned does not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from selera.artifact import open_artifact, write_artifact
from selera.contracts.behaviors import BUY_CODE, VISIT_CODE
from selera.contracts.errors import Kept
from selera.contracts.fingerprint import fingerprint
from selera.contracts.interactions import Interactions
from selera.etl import EtlConfig, load_training_csv
from selera.models import Recommender
from selera.pipeline.etl import etl
from selera.pipeline.gate import (
    GateConfig,
    Verdict,
    content_facts,
    judge_recipe,
)
from selera.pipeline.new_behaviors import judge_new_behaviors
from selera.pipeline.publish import published_version
from selera.pipeline.train import TrainConfig, train
from selera.shop import ShopConfig, seed_shop
from selera.state import Decisions, State
from selera.training import fit_recommender
from selera.training.targets import strongest_behavior

CONFIG = TrainConfig(model="itemknn")
NEVER = 2**60


@pytest.fixture(scope="module")
def csv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The training CSV of the sample shop."""
    folder = tmp_path_factory.mktemp("shop")
    url = f"sqlite:///{folder / 'shop.db'}"
    seed_shop(url, ShopConfig(), overwrite=False)
    etl(url, folder / "data-training.csv", EtlConfig())
    return folder / "data-training.csv"


@pytest.fixture(scope="module")
def shop(csv: Path) -> Interactions:
    return load_training_csv(csv).interactions


@pytest.fixture(scope="module")
def is_past(shop: Interactions) -> np.ndarray:
    """The first nine tenths in time: what the champion learnt from."""
    return shop.timestamps <= np.quantile(shop.timestamps, 0.9, method="lower")


@pytest.fixture(scope="module")
def champion(shop: Interactions, is_past: np.ndarray) -> Recommender:
    return fitted(shop.where(is_past))


def fitted(interactions: Interactions, config: TrainConfig = CONFIG) -> Recommender:
    """A model with the facts that a published one has."""
    model = fit_recommender(interactions, config.model, config, seed=config.seed)
    data = {**model.facts["data"], **content_facts(interactions)}
    return replace(model, facts={**model.facts, "data": data})


def verdict(
    champion: Recommender, interactions: Interactions, config: TrainConfig = CONFIG
) -> Verdict:
    """What the gate says of a training on these data."""
    ruling = judge_recipe(champion, interactions, config, trained_at=NEVER)
    model = fitted(interactions, config)
    behavior = strongest_behavior(interactions)
    return judge_new_behaviors(ruling, champion, model, config, behavior)


def ordered(interactions: Interactions) -> Interactions:
    keys = (interactions.timestamps, interactions.item_rows, interactions.user_rows)
    return interactions.where(np.lexsort(keys))  # type: ignore[arg-type]


def replaced(interactions: Interactions, share: float) -> Interactions:
    """The behaviors with a share of them replaced by random pairs."""
    rng = np.random.default_rng(1)
    chosen = rng.random(len(interactions)) < share
    users, items = interactions.user_rows.copy(), interactions.item_rows.copy()
    users[chosen] = rng.integers(0, interactions.n_users, chosen.sum())
    items[chosen] = rng.integers(0, interactions.n_items, chosen.sum())
    return ordered(replace(interactions, user_rows=users, item_rows=items))


def flooded(
    interactions: Interactions, n: int, behavior: int, *, n_users: int, n_items: int
) -> Interactions:
    """The behaviors with `n` more on the last day, at random by some users on the last items."""
    rng = np.random.default_rng(2)
    last = int(interactions.timestamps.max())
    more = {
        "user_rows": rng.integers(0, n_users, n),
        "item_rows": interactions.n_items - 1 - rng.integers(0, n_items, n),
        "behaviors": np.full(n, behavior),
        "values": np.ones(n),
        "timestamps": last - rng.integers(0, 86_400, n),
    }
    columns: dict[str, Any] = {}
    for name, added in more.items():
        old = getattr(interactions, name)
        columns[name] = np.concatenate([old, added.astype(old.dtype)])
    return ordered(replace(interactions, **columns, texts=None, text_places=None))


@pytest.mark.slow
def test_an_honest_training_passes_without_a_second_fit(
    champion: Recommender, shop: Interactions
) -> None:
    stages: list[str] = []
    ruling = judge_recipe(
        champion, shop, CONFIG, trained_at=NEVER, progress=lambda stage, *_: stages.append(stage)
    )
    found = verdict(champion, shop)

    assert found.is_good
    assert found.duel is not None
    assert found.duel.n_users > 500
    assert found.duel.champion > 0.05
    assert (found.duel.difference.low, found.duel.difference.high) == (0.0, 0.0)
    assert ruling.before is champion
    assert stages == []


@pytest.mark.slow
def test_the_same_past_fitted_again_differs_by_nothing(
    champion: Recommender, shop: Interactions
) -> None:
    """The short cut says the truth: a fit on what the champion learnt from is the champion."""
    facts = {**champion.facts, "data": {**champion.facts["data"], "fingerprint": "unknown"}}
    found = verdict(replace(champion, facts=facts), shop)

    assert found.duel is not None
    assert found.duel.challenger == pytest.approx(found.duel.champion, abs=1e-9)


@pytest.mark.slow
def test_users_who_were_erased_do_not_hold_a_training_back(
    champion: Recommender, shop: Interactions
) -> None:
    found = verdict(champion, shop.where(shop.user_rows % 100 != 7))

    assert found.is_good, found.reason


@pytest.mark.slow
def test_random_pairs_in_place_of_three_rows_of_ten_are_held_back(
    champion: Recommender, shop: Interactions
) -> None:
    found = verdict(champion, replaced(shop, 0.3))

    assert not found.is_good
    assert "no longer holds" in found.reason


@pytest.mark.slow
def test_random_pairs_are_held_back_by_the_duel_alone(
    champion: Recommender, shop: Interactions
) -> None:
    config = TrainConfig(model="itemknn", gate=GateConfig(most_lost=1.0, memory_tolerance=1.0))
    found = verdict(champion, replaced(shop, 0.3), config)

    assert not found.is_good, found.reason
    assert found.duel is not None
    assert found.duel.difference.mean < -0.02


@pytest.mark.slow
@pytest.mark.parametrize(("n_users", "n_items"), [(1997, 30), (1997, 900)])
def test_a_flood_of_new_purchases_is_forgetful(
    champion: Recommender, shop: Interactions, n_users: int, n_items: int
) -> None:
    """The targets are poisoned, too: the duel says 0, and the memory says the truth."""
    flood = flooded(shop, 150_000, BUY_CODE, n_users=n_users, n_items=n_items)
    config = TrainConfig(model="itemknn", gate=GateConfig(surge_tolerance=1.0))
    found = verdict(champion, flood, config)

    assert not found.is_good
    assert "forgets" in found.reason


@pytest.fixture(scope="module", params=["blend", "svd"])
def contest(
    request: pytest.FixtureRequest, shop: Interactions, is_past: np.ndarray
) -> tuple[Recommender, TrainConfig]:
    """A champion that learnt from the past, and the recipe of it and of its challengers."""
    config = TrainConfig(model=request.param)
    return fitted(shop.where(is_past), config), config


@pytest.mark.slow
@pytest.mark.parametrize("n", [20_000, 100_000])
def test_a_flood_of_few_products_is_held_back(
    contest: tuple[Recommender, TrainConfig], shop: Interactions, n: int
) -> None:
    champion, config = contest
    found = verdict(champion, flooded(shop, n, BUY_CODE, n_users=1997, n_items=30), config)

    assert not found.is_good
    assert "few products are flooded" in found.reason
    assert re.search(r" in 3\d products, foremost \d+, \d+, \d+ ", found.reason)


@pytest.mark.slow
@pytest.mark.parametrize(("share", "n_items"), [(0.3, 50), (0.1, 1)])
def test_an_honest_sale_or_a_new_hit_passes(
    contest: tuple[Recommender, TrainConfig],
    shop: Interactions,
    is_past: np.ndarray,
    share: float,
    n_items: int,
) -> None:
    """Three purchases more for each ten since the champion, or one for each ten, of some items."""
    champion, config = contest
    n_bought = np.count_nonzero(~is_past & (shop.behaviors == BUY_CODE))
    honest = flooded(shop, round(n_bought * share), BUY_CODE, n_users=1997, n_items=n_items)
    found = verdict(champion, honest, config)

    assert found.is_good, found.reason


@pytest.mark.slow
@pytest.mark.parametrize("behavior", [VISIT_CODE, BUY_CODE])
def test_a_bot_with_a_million_behaviors_does_no_harm(
    champion: Recommender, shop: Interactions, behavior: int
) -> None:
    """One user with one product is one pair, however often: what passes is as good as before."""
    flood = flooded(shop, 1_000_000, behavior, n_users=1, n_items=1)
    honest, bot = fitted(shop), fitted(flood)
    found = verdict(champion, flood)

    assert found.is_good
    users = np.arange(100, 400)
    lists = [each.recommend(each.histories.gather(users), 10).items for each in (honest, bot)]
    shared = [len(set(a) & set(b)) for a, b in zip(*map(np.ndarray.tolist, lists), strict=True)]
    assert np.mean(shared) > 7


@pytest.mark.slow
def test_a_worse_recipe_is_held_back_by_either_comparison(
    champion: Recommender, shop: Interactions, is_past: np.ndarray
) -> None:
    worse = TrainConfig(model="popularity")

    fresh, recipes = verdict(champion, shop, worse), verdict(champion, shop.where(is_past), worse)

    for found, where in ((fresh, "since then"), (recipes, "both recipes fitted on the rest")):
        assert not found.is_good
        assert where in found.reason
        assert found.duel is not None
        high = found.duel.difference.high
        assert high is not None
        assert high < -0.1
    better = fitted(shop.where(is_past), worse)
    assert verdict(better, shop).is_good


@pytest.mark.slow
def test_equal_recipes_on_equal_data_have_nothing_to_compare(
    champion: Recommender, shop: Interactions, is_past: np.ndarray
) -> None:
    found = verdict(champion, shop.where(is_past))

    assert found == Verdict(
        True, "fewer than 100 users chose anything new since, and the recipe is the same"
    )


@pytest.mark.slow
def test_another_shop_is_held_back(
    champion: Recommender, shop: Interactions, is_past: np.ndarray
) -> None:
    rng = np.random.default_rng(3)
    strangers = replace(
        shop, item_rows=rng.permutation(shop.n_items).astype(np.int32)[shop.item_rows]
    )

    found = verdict(champion, ordered(strangers))

    assert not found.is_good
    assert "no longer holds 9" in found.reason


def test_the_fingerprint_is_of_the_behaviors_and_not_of_their_rows(tmp_path: Path) -> None:
    head = "user_id,product_id,behavior,at,rating,visit_count,transaction_value,quantity,"
    head += "review_text,gender,age,location,category,tag,source_country,price,brand"
    rows = [
        f"{user},{item},buy,2024-01-0{item}T00:00:00Z" + "," * 13
        for user, item in ((1, 1), (1, 2), (2, 2), (3, 1))
    ]

    def of(*chosen: str) -> str:
        (tmp_path / "some.csv").write_text("\n".join([head, *chosen]) + "\n")
        return fingerprint(load_training_csv(tmp_path / "some.csv").interactions)

    assert of(*rows) == of(*reversed(rows))
    others = {
        of(*rows[:3]),
        of(*rows, rows[0]),
        of(*rows[:3], rows[3].replace("buy", "visit")),
        of(*rows[:3], rows[3].replace("2024", "2023")),
        of(*rows[:3], rows[3].replace("3,1", "3,3", 1)),
        of(*rows[:3], rows[3].replace("3,1", "a,1", 1)),
    }
    assert len(others | {of(*rows)}) == 7
    loaded = load_training_csv(tmp_path / "some.csv").interactions
    (tmp_path / "past.csv").write_text("\n".join([head, *rows[:2]]) + "\n")
    past = load_training_csv(tmp_path / "past.csv").interactions
    assert loaded.n_items == 2
    assert fingerprint(loaded.where(loaded.user_rows == 99)) == "0" * 16 != fingerprint(past)


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Decisions]:
    with State.open(tmp_path / "state.db") as state:
        yield Decisions(state)


def write_part(csv: Path, path: Path, until: str, *, random_share: float = 0.0) -> None:
    """The rows up to a time, as text compares it, a share of them with random products."""
    rows = pl.read_csv(csv, infer_schema=False).filter(pl.col("at") <= until)
    rng = np.random.default_rng(4)
    chosen = pl.Series(rng.random(rows.height) < random_share)
    products = rows["product_id"].gather(rng.integers(0, rows.height, rows.height))
    rows = rows.with_columns(
        product_id=pl.when(chosen).then(products).otherwise(pl.col("product_id"))
    )
    rows.write_csv(path)


@pytest.mark.slow
def test_a_whole_life_honest_poisoned_forced(csv: Path, tmp_path: Path, book: Decisions) -> None:
    data, output = tmp_path / "data-training.csv", tmp_path / "model.pkl"
    write_part(csv, data, "2026-04-30")
    first = train(data, output, CONFIG, book=book)
    write_part(csv, data, "2026-05-31")
    second = train(data, output, CONFIG, book=book)
    assert second.gate.is_good
    assert "same recipe on the same past" in second.gate.reason

    write_part(csv, data, "2026-06-30", random_share=0.3)
    with pytest.raises(Kept, match=r"kept aside as .* stays .* selera models promote .*--force"):
        train(data, output, CONFIG, book=book)

    assert published_version(output) == second.version
    kept = book.all()[0]
    assert (kept.action, kept.champion) == ("kept_aside", second.version)
    assert (output.parent / "models" / f"{kept.version}.pkl").exists()
    forced = train(data, output, CONFIG, book=book, force=True)
    assert published_version(output) == forced.version
    actions = [each.action for each in book.all()]
    assert actions == ["published", "kept_aside", "published", "published", "published"]
    assert book.all()[-2].version == first.version


@pytest.mark.slow
def test_the_book_tells_which_products_are_flooded(
    csv: Path, tmp_path: Path, book: Decisions
) -> None:
    data, output = tmp_path / "data-training.csv", tmp_path / "model.pkl"
    config = TrainConfig(model="svd")
    write_part(csv, data, "2026-05-31")
    first = train(data, output, config, book=book)
    rows = pl.read_csv(csv, infer_schema=False)
    fakes = rows.filter(pl.col("behavior") == "visit").unique("user_id", maintain_order=True)
    fakes = fakes.with_columns(at=pl.lit("2026-06-30T00:00:00Z"))
    flood = [fakes.with_columns(product_id=pl.lit(str(product))) for product in range(1, 21)]
    pl.concat([rows, *flood]).write_csv(data)

    with pytest.raises(Kept, match="few products are flooded"):
        train(data, output, config, book=book)

    kept = book.all()[0]
    assert (kept.action, kept.champion) == ("kept_aside", first.version)
    assert re.search(r"(\d\d)% are beyond .* foremost (\d\d?, ){2}\d\d? \(", kept.reason)
    assert published_version(output) == first.version


@pytest.mark.slow
def test_a_champion_that_cannot_be_opened_is_replaced(csv: Path, tmp_path: Path) -> None:
    data, output = tmp_path / "data-training.csv", tmp_path / "model.pkl"
    write_part(csv, data, "2025-06-30")
    output.write_bytes(b"no model")
    config = TrainConfig(model="popularity")

    damaged = train(data, output, config)
    assert damaged.gate.reason == "the published model cannot be opened"

    artifact = open_artifact(output)
    arrays = {name: array for name, array in artifact.arrays.items() if "indptr" not in name}
    output.unlink()
    write_artifact(output, artifact.metadata, arrays, run=artifact.run)
    assert train(data, output, config).gate.reason == "the published model cannot be opened"
