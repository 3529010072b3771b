r"""The blend: a weighted sum of what several rankers say, each in its own standard deviations.

For user u with scores s_c of component c over all n items::

    z_c(u, i) = (s_c(u, i) - mean_c(u)) / deviation_c(u)
    score(u, i) = sum over c of  weight_c * sign(z_c) * sqrt(|z_c|)

mean_c(u) and deviation_c(u) are those of the user's own n scores, so a component speaks as loudly
to a user with three visits as to one with three hundred. The root tempers single enthusiasts: an
item that two components find good beats one that a single component finds splendid. A component
that scores all items the same for a user says nothing.

A component's explanation is additive in the history, and so is the blend's: contributions and
baseline of a component are scaled by the one factor that takes its score to its term.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from ..contracts.histories import Explanation, Histories, TopN
from ..contracts.protocols import Algebra, Arrays
from .algebra import NUMPY
from .kinds import SCORERS
from .recent import RecentFirst


@dataclass(frozen=True, slots=True)
class BlendModel:
    """Several rankers and their weights.

    names : of the algorithms that made the components, for people
    components : the rankers, each asked with recent items first; the first one answers `similar`
    weights : float64 (n_components,)
    n_targets : held-out items on which the weights were chosen; 0 where they are the default ones
    """

    name: ClassVar[str] = "blend"

    names: tuple[str, ...]
    components: tuple[RecentFirst, ...]
    weights: NDArray[np.float64]
    n_targets: int

    def score(self, histories: Histories, algebra: Algebra = NUMPY) -> NDArray[np.float32]:
        """Scores of all items, float32 (batch, n_items)."""
        total: NDArray[np.float32] | None = None
        for weight, component in zip(self.weights.tolist(), self.components, strict=True):
            term = tempered(component.score(histories, algebra))
            term *= np.float32(weight)
            total = term if total is None else np.add(total, term, out=total)
        assert total is not None
        return total

    def similar(self, items: NDArray[np.int32], n: int) -> TopN:
        """The items that the first component finds nearest."""
        return self.components[0].similar(items, n)

    def explain(self, history: Histories, item: int) -> Explanation:
        """What each item of one history adds to the score of `item`, over all components."""
        return self.explainer(history)(item)

    def explainer(self, history: Histories) -> Callable[[int], Explanation]:
        """`explain` for many items of one history; each component prepares only once."""
        scores = [component.score(history) for component in self.components]
        explainers = [component.explainer(history) for component in self.components]
        moments = [tuple(float(each[0, 0]) for each in _moments(scored)) for scored in scores]

        def explain(item: int) -> Explanation:
            baseline = 0.0
            contributions = np.zeros(len(history.items), dtype=np.float64)
            for place, explain_part in enumerate(explainers):
                mean, deviation = moments[place]
                above = float(scores[place][0, item]) - mean
                if deviation > 0 and above != 0:
                    scale = float(self.weights[place]) / np.sqrt(abs(above) * deviation)
                    part = explain_part(item)
                    baseline += scale * (part.baseline - mean)
                    contributions += scale * part.contributions
            return Explanation(baseline, history.items, contributions.astype(np.float32))

        return explain

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays of each component, its place before their names; names and kinds as text."""
        arrays = {
            f"{place}/{name}": array
            for place, component in enumerate(self.components)
            for name, array in component.model.to_arrays().items()
        }
        kinds = [component.model.name for component in self.components]
        return arrays | {
            "names": _text(self.names),
            "kinds": _text(kinds),
            "exponents": np.array([component.exponent for component in self.components]),
            "weights": self.weights,
            "n_targets": np.array([self.n_targets]),
        }

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        """The inverse of `to_arrays`; nothing is copied."""
        kinds, exponents = _words(arrays["kinds"]), arrays["exponents"].tolist()
        return cls(
            names=_words(arrays["names"]),
            components=tuple(
                RecentFirst(SCORERS[kind].from_arrays(_part(arrays, place)), exponent)
                for place, (kind, exponent) in enumerate(zip(kinds, exponents, strict=True))
            ),
            weights=arrays["weights"],
            n_targets=int(arrays["n_targets"][0]),
        )


def tempered(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """sign(z) sqrt(|z|) of each row's standardized scores z; 0 where all of a row are equal."""
    mean, deviation = _moments(scores)
    z = scores - mean
    z /= np.where(deviation == 0, np.float32(np.inf), deviation)
    terms: NDArray[np.float32] = np.copysign(np.sqrt(np.abs(z)), z)
    return terms


def _moments(scores: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean and standard deviation of each row, float32 (batch, 1) each."""
    mean = scores.mean(axis=1, keepdims=True, dtype=np.float64)
    deviation = scores.std(axis=1, keepdims=True, dtype=np.float64)
    equal = scores.max(axis=1, keepdims=True) == scores.min(axis=1, keepdims=True)
    return mean.astype(np.float32), np.where(equal, 0, deviation).astype(np.float32)


def _text(words: tuple[str, ...] | list[str]) -> NDArray[np.uint8]:
    return np.frombuffer("\n".join(words).encode(), dtype=np.uint8)


def _words(text: NDArray[np.uint8]) -> tuple[str, ...]:
    return tuple(text.tobytes().decode().split("\n"))


def _part(arrays: Arrays, place: int) -> dict[str, NDArray[Any]]:
    prefix = f"{place}/"
    return {
        name.removeprefix(prefix): array
        for name, array in arrays.items()
        if name.startswith(prefix)
    }
