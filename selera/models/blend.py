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

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from ..contracts.histories import Explanation, Explanations, Histories, TopN
from ..contracts.protocols import Algebra, Arrays
from ..contracts.protocols import Taste as AnyTaste
from .algebra import NUMPY
from .clusters import DIRECT
from .few import first_of
from .kinds import SCORERS
from .recent import RecentFirst, recent_first
from .taste import LARGE, Taste, explained, moments_of

_LEAST_CANDIDATES = 300
_SAMPLE = 8192


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

    def taste(self, history: Histories) -> BlendTaste:
        """One history, faded as each component asks, and folded in by each."""
        faded = {part.exponent: recent_first(history, part.exponent) for part in self.components}
        tastes = [part.model.taste(faded[part.exponent]) for part in self.components]
        return BlendTaste(history, tastes, self.weights.tolist())

    def similar(
        self, items: NDArray[np.int32], n: int, allowed: NDArray[np.bool_] | None = None
    ) -> TopN:
        """The allowed items that the first component finds nearest."""
        return self.components[0].similar(items, n, allowed)

    def likeness(self, items: NDArray[np.integer[Any]]) -> NDArray[np.float32] | None:
        """As the first component says that has factors; None where none has."""
        said = (component.model.likeness(items) for component in self.components)
        return next((each for each in said if each is not None), None)

    def explain(self, history: Histories, item: int) -> Explanation:
        """What each item of one history adds to the score of `item`, over all components."""
        return explained(self.taste(history), item)

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


class BlendTaste(Taste):
    """What each component makes of a history, standardized by its own moments over all items.

    In a large catalogue the candidates are the best few hundred of each component, and the blend's
    own moments those of a fixed sample of the items: every k-th.
    """

    __slots__ = ("_moments", "_tastes", "_weights")

    def __init__(
        self, history: Histories, tastes: Sequence[AnyTaste], weights: Sequence[float]
    ) -> None:
        super().__init__(history, tastes[0].n_items)
        self._tastes, self._weights = tastes, weights
        self._moments = [taste.moments() for taste in tastes]

    def _blend(self, parts: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """The weighted terms of what the components say of some items, float32 (m,)."""
        total = np.zeros_like(parts[0])
        for part, weight, (mean, deviation) in zip(
            parts, self._weights, self._moments, strict=True
        ):
            if deviation > 0:
                total += np.float32(weight) * _tempered(part, mean, deviation)
        return total

    def _all(self) -> NDArray[np.float32]:
        return self._blend([taste.all() for taste in self._tastes])

    def of(self, items: NDArray[np.integer[Any]]) -> NDArray[np.float32]:
        """Scores of some items, float32 (m,)."""
        if self.n_items <= LARGE:
            return super().of(items)
        return self._blend([taste.of(items) for taste in self._tastes])

    def best(self, n: int, open: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Rows of the n best open items; in a large catalogue, of the best of each component."""
        if self.n_items <= LARGE:
            return super().best(n, open)
        if np.count_nonzero(open) <= DIRECT:
            return np.flatnonzero(open)
        wanted = max(_LEAST_CANDIDATES, 4 * n)
        speaking = [
            taste.best(wanted, open)
            for taste, (_, deviation) in zip(self._tastes, self._moments, strict=True)
            if deviation > 0
        ]
        return np.unique(np.concatenate(speaking or [first_of(open, n)]))

    def moments(self) -> tuple[float, float]:
        """Mean and standard deviation of the scores of all items, or of a sample of them."""
        if self.n_items <= LARGE:
            return super().moments()
        return moments_of(self.of(np.arange(0, self.n_items, max(1, self.n_items // _SAMPLE))))

    def explain(self, items: NDArray[np.integer[Any]]) -> Explanations:
        """The exact additive parts of the scores of distinct items, over all components."""
        baselines = np.zeros(len(items))
        contributions = np.zeros((len(items), len(self.history.items)))
        for taste, weight, (mean, deviation) in zip(
            self._tastes, self._weights, self._moments, strict=True
        ):
            if deviation > 0:
                above = np.abs(taste.of(items).astype(np.float64) - mean)
                scales = np.zeros(len(items))
                np.divide(weight, np.sqrt(above * deviation), out=scales, where=above > 0)
                part = taste.explain(items)
                baselines += scales * (part.baselines - mean)
                contributions += scales[:, None] * part.contributions
        return Explanations(baselines, self.history.items, contributions.astype(np.float32))


def tempered(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """sign(z) sqrt(|z|) of each row's standardized scores z; 0 where all of a row are equal."""
    terms = np.zeros_like(scores)
    for user, row in enumerate(scores):
        mean, deviation = moments_of(row)
        if deviation > 0:
            terms[user] = _tempered(row, mean, deviation)
    return terms


def _tempered(scores: NDArray[np.float32], mean: float, deviation: float) -> NDArray[np.float32]:
    z = scores - np.float32(mean)
    z /= np.float32(deviation)
    terms: NDArray[np.float32] = np.copysign(np.sqrt(np.abs(z)), z)
    return terms


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
