"""The manifest beside `data-training.csv`: what went into it, and how it is to be read."""

from __future__ import annotations

from pathlib import Path

import msgspec

from ..contracts.columns import SCHEMA_VERSION
from ..contracts.ids import IdKind
from ..contracts.interactions import RatingScale


class TableCounts(msgspec.Struct, frozen=True):
    """What became of one table: `rows_in` = `rows_out` + the sum of `rejected`, always.

    rejected : rows by the rule that they broke
    emptied : by column, unusable values of rows that are used without them
    latest : the latest time of a row that was used, ISO 8601 UTC; None where no row has a time
    """

    rows_in: int
    rows_out: int
    rejected: dict[str, int]
    emptied: dict[str, int]
    latest: str | None = None


class Manifest(msgspec.Struct, frozen=True):
    """What the CSV alone does not say. `sha256` tells whether it belongs to the CSV beside it."""

    schema_version: int
    sha256: str
    n_rows: int
    user_id_kind: IdKind
    product_id_kind: IdKind
    rating_scale: tuple[float, float] | None
    time_zone: str
    tables: dict[str, TableCounts]
    seconds: float

    def scale(self) -> RatingScale | None:
        """The scale of the ratings; None where nobody rated."""
        return RatingScale(*self.rating_scale) if self.rating_scale else None


def encode_manifest(manifest: Manifest) -> bytes:
    """The manifest as JSON that a person can read."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"


def read_manifest(path: Path, sha256: str) -> Manifest | None:
    """The manifest at `path` if it belongs to the CSV with this hash, else None.

    The CSV alone is the truth, so a manifest that is missing, damaged, of another version or of
    another CSV is no error.
    """
    manifest = read_any_manifest(path)
    if manifest is None or manifest.schema_version != SCHEMA_VERSION:
        return None
    return manifest if manifest.sha256 == sha256 else None


def read_any_manifest(path: Path) -> Manifest | None:
    """The manifest at `path`, whatever CSV it belongs to; None where it is missing or damaged."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Manifest)
    except (OSError, msgspec.DecodeError):
        return None
