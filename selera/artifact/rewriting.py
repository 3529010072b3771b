"""Rewrite a model file with some of its arrays changed: a new file under the same name.

Everything that does not change is copied from the mapped file as it is, array by array, so that a
file of any size takes next to no memory. Whoever has mapped the old file keeps it.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..contracts.errors import ArtifactError
from .reading import open_artifact, verify_artifact
from .writing import Pieces, sync_folder, write_pieces


def rewrite_artifact(path: Path, changed: Mapping[str, Pieces], *, run: Mapping[str, Any]) -> None:
    """Replace the arrays `changed`, by name, in the model file at `path`; add `run` to its own.

    Metadata, order and all other arrays stay, bit by bit, and so do the permissions; the checksums
    are made anew. The file is replaced as a whole, read back in full before that, or left as it
    was; the new one is on the disk when this returns. Raises ArtifactError where it is no usable
    model file or lacks an array, OSError where the disk says no.
    """
    artifact = open_artifact(path)
    if strange := sorted(changed.keys() - artifact.arrays.keys()):
        raise ArtifactError(f"{path} has no arrays named {', '.join(strange)}")
    pieces = {name: changed.get(name, (array,)) for name, array in artifact.arrays.items()}
    temporary = path.with_name(f".{path.name}.rewritten.tmp")
    try:
        write_pieces(temporary, artifact.metadata, pieces, run={**artifact.run, **run})
        verify_artifact(temporary)
        shutil.copymode(path, temporary)
        temporary.replace(path)
        sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)
