"""Beginning an experiment between two versions of a model, which stay as long as it runs."""

from __future__ import annotations

from pathlib import Path

from ..contracts.errors import VersionNotFound
from ..state import Experiment, Experiments
from .locks import exclusive
from .publish import versions_folder


def start_experiment(
    output: Path, book: Experiments, name: str, control: str, treatment: str, share: float
) -> Experiment:
    """Begin an experiment between two versions of the model `output`.

    A training that is about to remove one of them waits, and then spares it. Raises VersionNotFound
    for a version that is not there, and what `Experiments.start` raises.
    """
    folder = versions_folder(output)
    with exclusive(folder, "publication", wait=True):
        known = sorted(path.stem for path in folder.glob("*.pkl"))
        for version in (control, treatment):
            if version not in known:
                raise VersionNotFound(
                    f"There is no model version {version!r} in {folder}; there are: "
                    f"{', '.join(known) or 'none'}."
                )
        return book.start(name, control, treatment, share)
