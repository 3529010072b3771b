"""What one room asks of another without importing it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from .behaviors import BehaviorRow
from .between import Between, nothing
from .catalogue import CatalogueColumns
from .events import Changes, Event, EventOutcome
from .histories import Explanation, Explanations, Histories, TopN
from .ids import Id, IdKind
from .interactions import RatingScale
from .sparse import SparseMatrix

Arrays = Mapping[str, NDArray[Any]]
Profile = Mapping[str, Any]
Product = Mapping[str, Any]


class Algebra(Protocol):
    """Who multiplies: NumPy while a request is answered, compiled kernels where there is time."""

    def times_dense(
        self, histories: Histories, weights: NDArray[np.float32], matrix: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Rows X @ matrix, float32 (batch, k): X holds `weights`, float32 (nnz,), at the items."""
        ...

    def times_sparse(
        self, histories: Histories, weights: NDArray[np.float32], matrix: SparseMatrix
    ) -> NDArray[np.float32]:
        """Rows X @ matrix, dense float32 (batch, n_columns); X as in `times_dense`."""
        ...


class Scorer(Protocol):
    """Whatever scores items for histories."""

    def score(self, histories: Histories, algebra: Algebra = ...) -> NDArray[np.float32]:
        """Scores of all items, float32 (batch, n_items)."""
        ...


class Taste(Protocol):
    """What a model makes of one history: folded in once, asked whatever an answer needs."""

    @property
    def history(self) -> Histories:
        """The history behind it."""
        ...

    @property
    def n_items(self) -> int:
        """Number of items that can be scored."""
        ...

    def all(self) -> NDArray[np.float32]:
        """Scores of all items, float32 (n_items,), as `Scorer.score` gives them."""
        ...

    def of(self, items: NDArray[np.integer[Any]]) -> NDArray[np.float32]:
        """Scores of some items, float32 (m,): these columns of `all`, without the others."""
        ...

    def best(self, n: int, open: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Rows, each once, among which are the n best `open` items, bool (n_items,).

        Never fewer than n where so many are open. Exact, but for large catalogues whose factors are
        searched by clusters: there the best are found with a recall that `benchmarks/` measures.
        """
        ...

    def moments(self) -> tuple[float, float]:
        """Mean and standard deviation of the scores of all items; 0 where all are the same."""
        ...

    def explain(self, items: NDArray[np.integer[Any]]) -> Explanations:
        """The exact additive parts of the scores of distinct items."""
        ...


class Model(Scorer, Protocol):
    """A frozen scorer: it answers from histories alone, and is nothing but arrays."""

    name: ClassVar[str]

    def taste(self, history: Histories) -> Taste:
        """One history, folded in: what a request asks."""
        ...

    def similar(
        self, items: NDArray[np.int32], n: int, allowed: NDArray[np.bool_] | None = None
    ) -> TopN:
        """The n nearest items of each given item, itself left out; of the allowed ones alone."""
        ...

    def likeness(self, items: NDArray[np.integer[Any]]) -> NDArray[np.float32] | None:
        """How alike some items are, cosines, float32 (m, m); None where the model cannot say."""
        ...

    def explain(self, history: Histories, item: int) -> Explanation:
        """The exact additive parts of one user's score for one item."""
        ...

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Everything that the model is."""
        ...

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        """The inverse of `to_arrays`; nothing is copied."""
        ...


class Rater(Protocol):
    """A frozen predictor of stars: it answers from histories alone, and is nothing but arrays."""

    name: ClassVar[str]

    @property
    def scale(self) -> RatingScale:
        """Predictions lie in it."""
        ...

    def predict(self, histories: Histories, items: NDArray[np.int32]) -> NDArray[np.float32]:
        """Predicted stars of the given items for each history, float32 (batch, len(items))."""
        ...

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Everything that the rater is."""
        ...

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        """The inverse of `to_arrays`; nothing is copied."""
        ...


class HistoryReader(Protocol):
    """Where the profile and the behaviors of one user come from at request time."""

    def user(self, user_id: Id) -> tuple[Profile | None, Sequence[BehaviorRow]]:
        """The user's profile row, None where there is none, and all usable behaviors.

        These are in the order of the CSV.
        """
        ...

    def user_at_once(self, user_id: Id) -> tuple[Profile | None, Sequence[BehaviorRow]] | None:
        """The same where it takes a moment of which nobody notices; None where it may take more."""
        ...


class Catalogue(Protocol):
    """Where product details come from at request time."""

    user_id_kind: IdKind
    product_id_kind: IdKind

    def products(self, product_ids: Sequence[Id]) -> Mapping[Id, Product]:
        """Details of those products that exist."""
        ...


class CatalogueSource(Catalogue, Protocol):
    """A catalogue that can be told as a whole."""

    def catalogue_columns(self, between: Between = nothing) -> CatalogueColumns:
        """All products, in the order of their ids; those whose id cannot be used are left out.

        `between` is called between pieces of the reading.
        """
        ...


class EventWriter(Protocol):
    """Who writes events into the shop's tables."""

    def write(self, events: Sequence[Event]) -> list[EventOutcome]:
        """Store what is new and usable, all in one transaction; outcomes in the order of `events`.

        Raises DatabaseError where the database does not take them: then none is stored.
        """
        ...


class ChangeFeed(Protocol):
    """Who tells what changed in the shop's tables; one thread asks."""

    def poll(self) -> Changes:
        """What changed since the last call; everything at the first one.

        Raises DatabaseError where the database does not answer; nothing is lost by that.
        """
        ...


class Progress(Protocol):
    """Told how far a long work is; `total` is None while nobody knows it."""

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        """Stage `stage` has done `done` of `total` steps."""
        ...


def silent(stage: str, done: int, total: int | None) -> None:
    """A `Progress` that tells nobody."""
