r"""Lists for users of whom nothing but the profile is known.

Popularity, changed by what users of the same gender, age or place like more, or less, than others::

    score_i = popularity_i * product over features v of the profile of  lift_iv ** strength

lift_iv is how much more often users with feature v like item i than all users do, shrunk towards 1
by the evidence (`training/profile.py`). The product is naive Bayes: given the item, the fields are
taken to be independent. A profile that tells nothing gives popularity itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ..contracts.protocols import Arrays


@dataclass(frozen=True, slots=True)
class ProfileModel:
    """The lifts of each feature, compressed by columns; those that are left out are 1.

    indptr : int64 (n_columns + 1,), column v is the slice indptr[v] : indptr[v + 1]
    items : int32 (nnz,), rising within a column
    lifts : float32 (nnz,), above 0, raised to the strength already
    """

    indptr: NDArray[np.int64]
    items: NDArray[np.int32]
    lifts: NDArray[np.float32]

    def telling(self, columns: NDArray[np.int32]) -> NDArray[np.int32]:
        """Those of a profile's columns that change anything."""
        told: NDArray[np.int32] = columns[self.indptr[columns + 1] > self.indptr[columns]]
        return told

    def score(
        self, popularity: NDArray[np.float32], columns: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        """Scores of all items for a profile with these columns, float32 (n_items,)."""
        scores = popularity.astype(np.float32, copy=True)
        for column in columns.tolist():
            part = slice(self.indptr[column], self.indptr[column + 1])
            scores[self.items[part]] *= self.lifts[part]
        return scores

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays named in the class docstring."""
        return {"indptr": self.indptr, "items": self.items, "lifts": self.lifts}

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        """The inverse of `to_arrays`; nothing is copied."""
        return cls(arrays["indptr"], arrays["items"], arrays["lifts"])
