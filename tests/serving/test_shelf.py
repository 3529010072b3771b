"""Choices of products: few or many, of few or many texts, they are the same choice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from selera.artifact import open_artifact
from selera.contracts.catalogue import NO_CODE, CatalogueColumns, Words
from selera.contracts.ids import UNKNOWN_ROW, IdMap
from selera.models import Recommender
from selera.serving.filters import having, having_tag
from selera.serving.shelf import Shelf

N_PRODUCTS, N_TEXTS = 400, 40


def a_column() -> Words:
    """Texts "0" to "39", the tag "x" beside every third, and products without one."""
    codes = np.random.default_rng(5).integers(NO_CODE, N_TEXTS, N_PRODUCTS).astype(np.int32)
    texts = [f"{code}, x" if code % 3 == 0 else str(code) for code in range(N_TEXTS)]
    return Words(tuple(texts), codes)


@pytest.mark.parametrize("n", [0, 1, 2, 3, 30])
def test_products_of_few_or_many_texts_are_found(n: int) -> None:
    words = a_column()
    wanted = [*words.texts[10 : 10 + n], "a text of no product"]
    expected = [code != NO_CODE and words.texts[code] in wanted for code in words.codes.tolist()]
    assert having(words, wanted).tolist() == expected
    assert having_tag(words, wanted).tolist() == expected


@pytest.mark.parametrize("tags", [["x"], ["x", "1"], ["4"], ["y"]])
def test_products_with_a_tag_among_others_are_found(tags: list[str]) -> None:
    words = a_column()
    told = ["" if code == NO_CODE else words.texts[code] for code in words.codes.tolist()]
    expected = [not set(tags).isdisjoint(text.split(", ")) for text in told]
    assert having_tag(words, tags).tolist() == expected


@pytest.fixture(scope="module")
def shelf(model_path: Path) -> Shelf:
    """The model's products in another order, some of them gone, among hundreds of new ones."""
    artifact = open_artifact(model_path)
    model = Recommender.from_parts(artifact.metadata, artifact.arrays, artifact.run)
    rng = np.random.default_rng(7)
    known = np.array(model.items.ids(np.arange(len(model.items))), dtype=np.int64)
    ids = np.concatenate([rng.permutation(known)[5:], known.max() + 1 + np.arange(N_PRODUCTS)])
    ids = rng.permutation(ids)
    nothing = Words((), np.full(len(ids), NO_CODE, dtype=np.int32))
    unknown = np.full(len(ids), np.nan)
    columns = CatalogueColumns(ids, nothing, nothing, nothing, nothing, unknown, None)
    return Shelf(columns, IdMap.from_ids(ids), model)


def test_a_shelf_knows_where_each_product_is_in_the_model(shelf: Shelf) -> None:
    assert np.count_nonzero(shelf.places == UNKNOWN_ROW) == 5
    for row, item in enumerate(shelf.items.tolist()):
        assert (item == UNKNOWN_ROW) == (row in shelf.new.rows)
        assert item == UNKNOWN_ROW or shelf.places[item] == row
    assert len(shelf.new.rows) == N_PRODUCTS


@pytest.mark.parametrize("n", [0, 1, 5, 6, 7, 20, 300, -1])
def test_few_or_many_products_are_the_same_choice_in_the_model_and_among_the_new(
    shelf: Shelf, n: int
) -> None:
    chosen = np.zeros(len(shelf.columns), dtype=np.bool_)
    chosen[np.random.default_rng(n + 1).permutation(len(chosen))[:n]] = True
    rows = shelf.places.tolist()
    expected = [row != UNKNOWN_ROW and bool(chosen[row]) for row in rows]
    assert shelf.of_items(chosen).tolist() == expected
    new = [place for place, row in enumerate(shelf.new.rows.tolist()) if chosen[row]]
    assert shelf.new_of(chosen).tolist() == new
