"""The whole ETL: one snapshot in, `data-training.csv`, its rejects and its manifest out."""

from __future__ import annotations

import time
from pathlib import Path

import structlog

from ..contracts.behaviors import BEHAVIOR_SOURCES
from ..contracts.columns import SCHEMA_VERSION
from ..contracts.errors import DataError
from ..contracts.protocols import Progress, silent
from ..database import Snapshot
from .config import EtlConfig
from .extract import Extraction
from .files import NewFile, OutputPaths, scratch_folder
from .manifest import Manifest, encode_manifest
from .rejects import Rejects
from .report import EtlReport
from .tally import new_tallies, settle
from .transform import Transformation

log = structlog.get_logger(__name__)


DEFAULTS = EtlConfig()


def run_etl(
    snapshot: Snapshot, output: Path, config: EtlConfig = DEFAULTS, progress: Progress = silent
) -> EtlReport:
    """Write the training CSV at `output`, and its rejects and its manifest beside it.

    Each file appears whole or not at all: the rejects first, the CSV next, the manifest last. A
    file that would hold the same bytes as before is left untouched. Peak memory depends on
    `config.bucket_rows` and on the catalogue, not on the number of behaviors; the disk holds the
    behaviors once more for the time of the run. No two runs may write the same output at once.

    Raises DatabaseError where the database fails, DataError where a file cannot be written.
    """
    try:
        with scratch_folder(output) as scratch:
            return _run(snapshot, OutputPaths.beside(output), config, scratch, progress)
    except OSError as error:
        raise DataError(
            f"{output} cannot be written: {error}. Make room, or choose another file with --output."
        ) from error


def _run(
    snapshot: Snapshot, paths: OutputPaths, config: EtlConfig, scratch: Path, progress: Progress
) -> EtlReport:
    started = time.perf_counter()
    tallies = new_tallies()
    rejects = Rejects(scratch / "rejects", config.bucket_rows, tallies)
    extracted = Extraction(snapshot, config, tallies, rejects).run(scratch, progress)
    scale = config.scale() or extracted.ratings.scale()
    with NewFile(paths.rejected, scratch) as rejected, NewFile(paths.csv, scratch) as csv:
        Transformation(scale, tallies, rejects).run(extracted, csv, progress)
        rejects.write(rejected)
        tables = settle(tallies)
        changed = [rejected.publish(), csv.publish()]
    manifest = Manifest(
        schema_version=SCHEMA_VERSION,
        sha256=csv.sha256,
        n_rows=sum(tables[source.table.name].rows_out for source in BEHAVIOR_SOURCES),
        user_id_kind=extracted.user_id_kind,
        product_id_kind=extracted.product_id_kind,
        rating_scale=(scale.low, scale.high) if scale else None,
        time_zone=config.time_zone,
        tables=tables,
        seconds=round(time.perf_counter() - started, 3),
    )
    with NewFile(paths.manifest, scratch) as file:
        file.write(encode_manifest(manifest))
        file.publish()
    log.info("etl", rows=manifest.n_rows, changed=any(changed), seconds=manifest.seconds)
    return EtlReport(
        tables=tables,
        n_rows=manifest.n_rows,
        sha256=manifest.sha256,
        rating_scale=manifest.rating_scale,
        seconds=manifest.seconds,
        changed=any(changed),
    )
