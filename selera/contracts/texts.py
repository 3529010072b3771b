"""Many texts in two flat arrays: what reviews say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

MOST_CHARACTERS = 1000
"""What is read of a text: its beginning says enough."""


@dataclass(frozen=True, slots=True)
class Texts:
    """Texts, one after the other.

    characters : uint8 (n_bytes,), UTF-8, lone surrogates as they are
    offsets : int64 (n + 1,), text t is the slice offsets[t] : offsets[t + 1]
    """

    characters: NDArray[np.uint8]
    offsets: NDArray[np.int64]

    @classmethod
    def of(cls, texts: Sequence[str]) -> Self:
        """Keep the beginnings of these texts."""
        encoded = [text[:MOST_CHARACTERS].encode("utf-8", "surrogatepass") for text in texts]
        offsets = np.cumsum([0, *map(len, encoded)]).astype(np.int64)
        return cls(np.frombuffer(b"".join(encoded), dtype=np.uint8), offsets)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def read(self, places: Iterable[int]) -> list[str]:
        """The texts at these places, in their order."""
        data, offsets = self.characters.data, self.offsets.tolist()
        kept = [bytes(data[offsets[at] : offsets[at + 1]]) for at in places]
        return [text.decode("utf-8", "surrogatepass") for text in kept]
