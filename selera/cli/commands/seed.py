"""`selera seed`, the program create_and_seed_db.py: a simulated shop to try everything on."""

from __future__ import annotations

import time

import rich_click as click

from ..options import (
    current_settings,
    database_option,
    json_option,
    overwrite_option,
    setting,
)
from ..output import counted, say, say_json, say_rows
from ..progress import shown_progress


@click.command()
@database_option
@setting("shop.n_users", "--users", type=int, help="Number of users.", default="2000")
@setting("shop.n_products", "--products", type=int, help="Number of products.", default="1000")
@setting("shop.seed", "--seed", type=int, help="Equal seeds give equal shops.", default="42")
@overwrite_option
@json_option
def seed(overwrite: bool, as_json: bool) -> None:
    """Make the six tables of a shop and fill them with a simulated one.

    Only tables that Selera made itself are ever touched, and rows only with --overwrite.
    """
    settings = current_settings()
    started = time.perf_counter()
    from ...shop import ShopConfig, seed_shop

    config = settings.section("shop", ShopConfig)
    with shown_progress() as progress:
        rows = seed_shop(settings.files.database, config, overwrite=overwrite, progress=progress)
    seconds = time.perf_counter() - started
    if as_json:
        say_json({"rows": rows, "seconds": round(seconds, 3)})
        return
    say_rows(rows)
    n_rows, n_tables = counted(sum(rows.values()), "row"), counted(len(rows), "table")
    say(f"Seeded {n_rows} in {n_tables} in {seconds:.1f} s.")
