r"""Stars of a review from its text, in any language.

A text is lower-cased and normalized (NFKC, case folded, white space as one blank), and cut into all
runs of 2 to 5 characters that do not cross a blank; a blank may stand at either end of a run, which
tells the beginning and the end of a word. Scripts without blanks need nothing else. Every run is
hashed to one of the buckets, so that no word of a text is stored::

    stars = mean + sum over distinct buckets b of the text of  weight_b / sqrt(their number)

clipped to the scale. `training/review_text.py` learns the weights. Source of the features: hashed
character n-grams within word boundaries, as scikit-learn's `char_wb`; Weinberger et al., "Feature
hashing for large scale multitask learning", ICML 2009, without the sign.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ..contracts.behaviors import RATING_CODE, REVIEW_CODE
from ..contracts.protocols import Arrays
from ..contracts.texts import MOST_CHARACTERS

LENGTHS = (2, 3, 4, 5)
"""Of the runs of characters."""

_BLANK = ord(" ")
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, slots=True)
class ReviewTextModel:
    """The weights of the buckets.

    weights : float32 (n_buckets,), stars; n_buckets is a power of two
    numbers : float32 (3,), the mean, and the lowest and the highest stars of the scale
    """

    weights: NDArray[np.float32]
    numbers: NDArray[np.float32]

    def predict(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Predicted stars of each text, float32 (len(texts),); the mean for an empty one.

        A text gets the same stars alone and in any company, to the last bit.
        """
        rows, buckets = text_buckets(texts, len(self.weights))
        sums = np.bincount(rows, self.weights[buckets].astype(np.float64), len(texts))
        lengths = np.bincount(rows, minlength=len(texts))
        mean, low, high = self.numbers.tolist()
        stars = mean + sums / np.sqrt(np.maximum(lengths, 1))
        clipped: NDArray[np.float32] = np.clip(stars, low, high).astype(np.float32)
        return clipped

    def fill(
        self, values: NDArray[np.float32], places: NDArray[np.int64], texts: Sequence[str]
    ) -> NDArray[np.float32]:
        """The values with predicted stars at `places`, where the text there says anything."""
        telling = np.array([bool(text.strip()) for text in texts], dtype=np.bool_)
        filled = values.copy()
        filled[places[telling]] = self.predict(texts)[telling]
        return filled

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays named in the class docstring."""
        return {"weights": self.weights, "numbers": self.numbers}

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        """The inverse of `to_arrays`; nothing is copied."""
        return cls(arrays["weights"], arrays["numbers"])


def without_stars(
    pairs: NDArray[np.int64], behaviors: NDArray[np.uint8], values: NDArray[np.float32]
) -> NDArray[np.int64]:
    """Positions of the reviews whose (user, item) pair has no stars of any kind, int64 (m,).

    pairs : int64 (n,), what tells the pairs apart; behaviors, values : as in `Interactions`
    """
    reviews = behaviors == REVIEW_CODE
    starred = (reviews | (behaviors == RATING_CODE)) & ~np.isnan(values)
    bare = np.flatnonzero(reviews & np.isnan(values))
    return bare[~np.isin(pairs[bare], pairs[starred])]


def text_buckets(
    texts: Sequence[str], n_buckets: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The distinct buckets of each text: rows rising, and buckets rising within a row."""
    cut = [normalized(text) for text in texts]
    characters = np.frombuffer("".join(cut).encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    owners = np.repeat(np.arange(len(cut)), [len(text) for text in cut])
    is_blank = characters == _BLANK
    codes = characters.astype(np.uint64)
    hashes, crossed = codes, np.zeros(len(codes), dtype=np.bool_)
    found = []
    for length in range(2, max(LENGTHS) + 1):
        end = length - 1
        hashes = _mixed(hashes[:-1] * _MULTIPLIER + codes[end:])
        inner = is_blank[end - 1 : -1] if length > 2 else np.zeros(len(hashes), dtype=np.bool_)
        crossed = crossed[: len(hashes)] | inner
        both = is_blank[: len(hashes)] & is_blank[end:] & (length == 2)
        starts = np.flatnonzero(~crossed & ~both)
        buckets = (hashes[starts] & np.uint64(n_buckets - 1)).astype(np.int64)
        found.append(owners[starts] * n_buckets + buckets)
    hits = np.sort(np.concatenate(found))
    is_first = np.append(True, hits[1:] != hits[:-1])[: len(hits)]
    rows, buckets = np.divmod(hits[is_first], n_buckets)
    return rows, buckets


def normalized(text: str) -> str:
    """The text as it is cut: folded, one blank between words and around the whole."""
    told = unicodedata.normalize("NFKC", text[:MOST_CHARACTERS]).casefold()
    return f" {' '.join(told.split())} "


def _mixed(hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Hashes whose low bits depend on all bits."""
    mixed: NDArray[np.uint64] = hashes ^ (hashes >> np.uint64(29))
    return mixed
