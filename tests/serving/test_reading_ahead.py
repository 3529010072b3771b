"""Of a larger catalogue, the details: what is read of them, when, and what is kept."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from selera.contracts.ids import Id
from selera.contracts.tables import PRODUCT
from selera.database import Shop
from selera.serving import catalogue as module
from selera.serving import rounds
from selera.serving.catalogue import LiveCatalogue
from selera.serving.line import Line
from selera.serving.stock import Stock
from tests.serving.served_shop import N_ITEMS, engine_of, loaded

PIECE = 7
ROUND = -(-N_ITEMS // PIECE)
"""In so many pieces the whole catalogue is read."""


class AskedShop(Shop):
    """A real shop that notes of which products it was asked."""

    asked: list[set[Id]]
    hidden: Id | None = None

    def products(self, product_ids: Sequence[Id]) -> dict[Id, dict[str, Any]]:
        self.asked.append(set(product_ids))
        return super().products([id for id in product_ids if id != self.hidden])

    def change(self, statement: str) -> None:
        """Another program changes the table."""
        with self._engine.begin() as connection:
            connection.exec_driver_sql(f"UPDATE {PRODUCT.name} SET {statement}")

    def mark(self, statement: str, moment: int) -> None:
        """The same, and keeps the time of the change, as a shop should."""
        self.change(f"updated_at = '2030-01-01T00:{moment:02}:00Z', {statement}")


@pytest.fixture
def shop(own_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[AskedShop]:
    monkeypatch.setattr(module, "READ_AHEAD", 0)
    monkeypatch.setattr(module, "_PIECE", PIECE)
    with contextlib.closing(AskedShop.open(own_url)) as shop:
        shop.asked = []
        yield shop


def catalogue_of(shop: Shop, max_age_s: float = 1e9) -> LiveCatalogue:
    """A catalogue that has been read once, details and all."""
    catalogue = LiveCatalogue(shop, max_age_s, Line())
    catalogue.refresh()
    for _ in range(ROUND):
        assert not stock_of(catalogue).is_whole
        catalogue.read_ahead()
    assert stock_of(catalogue).is_whole
    return catalogue


def stock_of(catalogue: LiveCatalogue) -> Stock:
    assert catalogue._stock is not None
    return catalogue._stock


def let_all_be_due(catalogue: LiveCatalogue) -> None:
    """As after a long time."""
    catalogue._aged_from = catalogue._rounds._began_at = float("-inf")
    catalogue.refresh()


def names(catalogue: LiveCatalogue) -> list[str | None]:
    """The names of all products, as they are held."""
    details = stock_of(catalogue).details.values()
    return [None if each is None else each.product_name for each in details]


def ids_of(catalogue: LiveCatalogue) -> list[Id]:
    stock = stock_of(catalogue)
    return stock.ids.ids(range(len(stock.ids)))


def test_the_details_of_what_changed_alone_are_read_anew(own_url: str, shop: AskedShop) -> None:
    catalogue = catalogue_of(shop)
    first, second, third, *_ = ids_of(catalogue)
    shop.asked.clear()
    shop.mark(f"price = price + 1 WHERE product_id = {second}", 1)
    with engine_of(own_url) as engine, engine.begin() as connection:
        connection.exec_driver_sql(f"DELETE FROM {PRODUCT.name} WHERE product_id = {first}")
    catalogue.refresh()
    assert shop.asked == [{second}]
    assert stock_of(catalogue).is_whole
    assert list(catalogue.details([first, second, third])) == [second, third]
    assert catalogue.details([second])[second].price == shop.products([second])[second]["price"]
    shop.asked.clear()
    for _ in range(ROUND):
        catalogue.read_ahead()  # nothing is missing, and nothing due
    assert shop.asked == []


def test_it_ends_however_often_products_change(own_url: str, shop: AskedShop) -> None:
    catalogue = LiveCatalogue(shop, 1e9, Line())
    catalogue.refresh()
    first, second, *_ = ids_of(catalogue)
    for price in range(ROUND):
        catalogue.read_ahead()
        shop.mark(f"price = {price} WHERE product_id = {second}", price)
        catalogue.refresh()
    stock = stock_of(catalogue)
    assert stock.is_whole
    assert stock.details.keys() == set(ids_of(catalogue))
    told = stock.details[second]
    assert told is not None
    assert told.price == ROUND - 1


@pytest.mark.parametrize("inserted", [True, False])
def test_it_ends_where_rows_move_meanwhile(own_url: str, shop: AskedShop, inserted: bool) -> None:
    catalogue = LiveCatalogue(shop, 1e9, Line())
    catalogue.refresh()
    first, second, *_ = ids_of(catalogue)
    catalogue.read_ahead()
    with engine_of(own_url) as engine, engine.begin() as connection:
        connection.exec_driver_sql(
            f"DELETE FROM {PRODUCT.name} WHERE product_id IN ({first}, {second})"
        )
        if inserted:
            connection.exec_driver_sql(f"INSERT INTO {PRODUCT.name} (product_id) VALUES (-1)")
    catalogue.refresh()
    for _ in range(2 * ROUND):
        catalogue.read_ahead()
    stock = stock_of(catalogue)
    assert stock.is_whole
    assert stock.details.keys() == set(ids_of(catalogue))
    assert (-1 in stock.details) == inserted


def test_many_changes_at_once_are_read_piece_by_piece(
    shop: AskedShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MOST_AT_ONCE", 5)
    catalogue = catalogue_of(shop)
    changed = ids_of(catalogue)[3:13]
    shop.asked.clear()
    shop.mark(f"product_name = 'New' WHERE product_id BETWEEN {changed[0]} AND {changed[-1]}", 1)
    catalogue.refresh()
    assert shop.asked == []
    assert not stock_of(catalogue).is_whole
    assert catalogue.details(changed)[changed[0]].product_name == "New"  # shown, it is read
    for _ in range(ROUND):
        catalogue.read_ahead()
    assert stock_of(catalogue).is_whole
    assert names(catalogue).count("New") == len(changed)


@pytest.mark.parametrize("most", [N_ITEMS, 100_000])
def test_what_no_mark_tells_is_read_again_when_it_is_due(
    shop: AskedShop, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(module, "MOST_DETAILS", most)
    catalogue = catalogue_of(shop)
    shop.change("product_name = 'Renamed'")
    catalogue.refresh()
    for _ in range(ROUND):
        catalogue.read_ahead()
    assert "Renamed" not in names(catalogue)
    let_all_be_due(catalogue)
    for _ in range(ROUND):
        catalogue.read_ahead()
    assert set(names(catalogue)) == {"Renamed"}


def test_what_gets_due_during_a_round_is_in_the_rest_of_it_or_in_the_next(
    shop: AskedShop,
) -> None:
    catalogue = LiveCatalogue(shop, 1e9, Line())
    catalogue.refresh()
    for _ in range(ROUND - 1):
        catalogue.read_ahead()
    shop.change("product_name = 'Renamed'")
    let_all_be_due(catalogue)
    for _ in range(ROUND + 1):
        catalogue.read_ahead()
    assert set(names(catalogue)) == {"Renamed"}


def test_a_round_that_found_another_name_makes_new_shelves_when_it_ends(
    shop: AskedShop, model_path: Path
) -> None:
    """A list that is remembered for a user is one of its shelf."""
    catalogue, model = catalogue_of(shop), loaded(model_path)
    first = catalogue.shelf(model)
    for renamed in ("", f"product_name = 'Renamed' WHERE product_id = {ids_of(catalogue)[0]}"):
        if renamed:
            shop.change(renamed)
        let_all_be_due(catalogue)
        for _ in range(ROUND - 1):
            catalogue.read_ahead()
            assert catalogue.shelf(model) is first
        catalogue.read_ahead()
        assert (catalogue.shelf(model) is first) == (not renamed)
    second = catalogue.shelf(model)
    assert second.number != first.number
    assert second.places is first.places
    let_all_be_due(catalogue)
    for _ in range(ROUND):
        catalogue.read_ahead()
    assert catalogue.shelf(model) is second, "it was told once"


def test_rounds_are_as_rare_as_they_take_long(
    shop: AskedShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "SHARE_OF_TIME", 1e9)
    catalogue = catalogue_of(shop)
    shop.asked.clear()
    catalogue._aged_from = float("-inf")
    catalogue.refresh()
    catalogue.read_ahead()
    assert shop.asked == []
    let_all_be_due(catalogue)
    for _ in range(ROUND + 1):
        catalogue.read_ahead()
    assert len(shop.asked) == ROUND


def test_a_product_that_tells_nothing_is_asked_once_a_round(shop: AskedShop) -> None:
    shop.hidden = next(iter(shop.catalogue_columns().ids))
    catalogue = catalogue_of(shop)
    assert shop.hidden in stock_of(catalogue).details
    shop.asked.clear()
    assert catalogue.details([shop.hidden]) == {}
    assert shop.asked == []
