"""From one reading of the catalogue to the next: what tells something else, and what is kept."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from selera.contracts.catalogue import NO_CODE, WORDS, CatalogueColumns, Words
from selera.contracts.ids import Id, IdMap
from selera.serving.stock import Stock, changes_between

Product = dict[str, Any]
Told = dict[Id, Product]

_words = st.sampled_from([None, "a", "b", "c"])
_product = st.fixed_dictionaries(
    dict.fromkeys(WORDS, _words)
    | {
        "price": st.sampled_from([None, 0.0, 1.5]),
        "stock": st.sampled_from([None, 1.0]),
        "mark": st.integers(-1, 1),
    }
)


def _catalogue(of_id: st.SearchStrategy[Any]) -> st.SearchStrategy[Told]:
    return st.dictionaries(of_id, _product, max_size=6)


def _stock(products: Told, *, has_stock: bool = True, has_marks: bool = True) -> Stock:
    """A catalogue of these products, in the order of their ids."""
    ids = sorted(products, key=lambda id: id if isinstance(id, int) else str(id))
    rows = [products[id] for id in ids]

    def words(name: str) -> Words:
        texts = tuple(dict.fromkeys(row[name] for row in rows if row[name] is not None))
        codes = [NO_CODE if row[name] is None else texts.index(row[name]) for row in rows]
        return Words(texts, np.array(codes, dtype=np.int32))

    def numbers(name: str) -> np.ndarray[Any, Any]:
        return np.array([np.nan if row[name] is None else row[name] for row in rows], np.float64)

    is_int = all(isinstance(id, int) for id in ids)
    columns = CatalogueColumns(
        np.array(ids, dtype=np.int64) if is_int else [str(id) for id in ids],
        **{name: words(name) for name in WORDS},
        price=numbers("price"),
        stock=numbers("stock") if has_stock else None,
        marks=np.array([row["mark"] for row in rows], np.int64) if has_marks else None,
    )
    return Stock(columns, IdMap.from_ids(columns.ids), {})


def _expected(before: Told, after: Told) -> tuple[set[Id], set[Id]]:
    told = {id for id, product in after.items() if before.get(id) != product}
    return told, before.keys() - after.keys()


@given(_catalogue(st.integers(-3, 6)), _catalogue(st.integers(-3, 6)))
def test_what_changed_is_found_by_product(before: Told, after: Told) -> None:
    changes = changes_between(_stock(before), later := _stock(after))
    told, gone = _expected(before, after)
    assert set(later.ids.ids(changes.told)) == told
    assert set(changes.gone) == gone
    assert changes.are_none == (before == after)


@given(_catalogue(st.sampled_from("pqrstü")), _catalogue(st.sampled_from("pqrstü")))
def test_so_it_is_where_ids_are_texts(before: Told, after: Told) -> None:
    if not before or not after:
        return  # a map of no ids has none to tell their kind by
    changes = changes_between(_stock(before), later := _stock(after))
    told, gone = _expected(before, after)
    assert (set(later.ids.ids(changes.told)), set(changes.gone)) == (told, gone)


def test_a_column_that_came_or_went_changes_every_product() -> None:
    row = dict.fromkeys(WORDS, "a") | {"price": 1.0, "stock": 2.0, "mark": 3}
    full, bare = _stock({1: row, 2: row}), _stock({1: row, 2: row}, has_stock=False)
    unmarked = _stock({1: row, 2: row}, has_marks=False)
    for before, after in ((full, bare), (bare, full), (full, unmarked), (unmarked, full)):
        assert changes_between(before, after).told.tolist() == [0, 1]


def test_equal_ids_stay_one_object() -> None:
    row = dict.fromkeys(WORDS, "a") | {"price": 1.0, "stock": 2.0, "mark": 3}
    held, read = _stock({1: row, 2: row}), _stock({1: row, 2: row | {"price": 2.0}})
    assert changes_between(held, read).ids is held.ids
    assert changes_between(held, more := _stock({1: row, 2: row, 3: row})).ids is more.ids
