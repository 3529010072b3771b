"""Public data sets as shops: `import_dataset` reads one and fills the six tables."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ..contracts.errors import ConfigError
from ..contracts.protocols import Progress, silent
from .storing import Batch, store

if TYPE_CHECKING:
    from .importers.reading import Imported

ROWS_PER_BATCH = 50_000

IMPORTERS: Mapping[str, str] = {
    "ml-100k": "ml_100k",
    "retailrocket": "retailrocket",
    "online-retail": "online_retail",
    "complete-journey": "complete_journey",
}
"""Which module of `importers` reads which data set; they load Polars, so only when asked for."""


def import_dataset(
    name: str, path: Path, url: str, *, overwrite: bool, progress: Progress = silent
) -> dict[str, int]:
    """Fill the shop at `url` with the data set `name` from the folder `path`; rows per table.

    Raises `ConfigError` for an unknown name, `DataError` where a file is missing or broken (nothing
    is written then), `SeedRefused` where tables are not ours or hold rows and `overwrite` is false.
    """
    if name not in IMPORTERS:
        raise ConfigError(f"No data set is called {name!r}. Choose one of {', '.join(IMPORTERS)}.")
    module = importlib.import_module(f".importers.{IMPORTERS[name]}", __package__)
    imported: Imported = module.read(path)
    batches = _batches(imported, progress)
    return store(url, batches, overwrite=overwrite, text_ids=imported.text_ids)


def _batches(imported: Imported, progress: Progress) -> Iterator[Batch]:
    total = sum(map(len, imported.frames.values()))
    done = 0
    for table, frame in imported.frames.items():
        for rows in frame.iter_slices(ROWS_PER_BATCH):
            yield table, rows.to_dict(as_series=False)
            done += len(rows)
            progress("import", done, total)
