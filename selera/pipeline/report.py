"""What a training tells of itself."""

from __future__ import annotations

from typing import Any

import msgspec

from ..evaluation import Evaluation, lines
from .gate import Verdict


class TrainReport(msgspec.Struct, frozen=True):
    """What a training did.

    version : the name of the published version
    n_behaviors, n_users, n_items : what it learnt from
    gate : why it may be published
    evaluation : None where there was too little to hold something out
    """

    version: str
    model: str
    output: str
    data_sha256: str
    n_behaviors: int
    n_users: int
    n_items: int
    gate: Verdict
    evaluation: Evaluation | None
    seconds: float

    def lines(self) -> list[str]:
        """The report for a person; the last line is the summary."""
        if self.evaluation is None:
            judged = ["Evaluation: not possible, too few behaviors to hold some of them out."]
        else:
            judged = lines(self.evaluation)
        return [
            *judged,
            *self._warning(),
            f"Gate: passed, {self.gate.reason}.",
            f"Trained {self.model} on {_counted(self.n_behaviors, 'behavior')} of "
            f"{_counted(self.n_users, 'user')} with {_counted(self.n_items, 'product')} and "
            f"published {self.output} as {self.version} in {self.seconds:.1f} s.",
        ]

    def _warning(self) -> list[str]:
        """What to do where the evaluation is sure that popularity would rank better."""
        results = [] if self.evaluation is None else self.evaluation.results
        gains = [each.gain for each in results if each.model == self.model]
        if not any(gain and gain.high is not None and gain.high < 0 for gain in gains):
            return []
        return [
            f"Warning: {self.model} ranks worse than popularity on this shop. To publish "
            "popularity instead: selera train --model popularity; for every later training, set "
            'model = "popularity" under [training] in selera.toml.'
        ]

    def to_dict(self) -> dict[str, Any]:
        """The report as plain builtins."""
        built: dict[str, Any] = msgspec.to_builtins(self)
        return built


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun if count == 1 else f'{noun}s'}"
