"""The recommender: everything that one model file holds, and all the questions it answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from ..contracts.behaviors import Behaviors
from ..contracts.histories import Explanation, Histories, TopN
from ..contracts.ids import IdMap
from ..contracts.interactions import RatingScale
from ..contracts.protocols import Arrays, Model, Product, Rater, Taste
from .behaviors import history_of
from .blend import BlendModel
from .cold_start import ColdStart
from .kinds import RATERS, SCORERS
from .popularity import PopularityModel
from .retrieval import open_items, retrieve, retrieve_top
from .review_text import ReviewTextModel
from .signals import SignalConfig

NO_HISTORY = Histories.plain(np.zeros(2, np.int64), np.empty(0, np.int32))
"""Of somebody who did nothing."""

RANKERS: dict[str, type[Model]] = {**SCORERS, BlendModel.name: BlendModel}


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Recommender:
    """A ranker, a rater, popularity, the two id maps, and the rules that weigh a history.

    items, users : the ids of the model's rows
    ranker : orders items for a history
    rater : predicts stars; None where nobody rated anything
    popularity : orders items for those without a history
    rating_scale : the shop's stars; None where nobody rated anything
    signals : what behaviors are worth
    histories : of the users in training, in their row order: "a stored user is a history"
    reference_time : UTC seconds from which ages count, about the latest behavior in training
    facts : algorithm, hyperparameters, metrics, data, libraries: what the training says of itself
    run : version, trained_at, seconds: what differs between two trainings on equal data
    cold_start : answers for users and products without behavior, from their fields
    review_text : the stars of a review that has none; None where texts tell none, or need not
    """

    items: IdMap
    users: IdMap
    ranker: Model
    rater: Rater | None
    popularity: PopularityModel
    rating_scale: RatingScale | None
    signals: SignalConfig
    histories: Histories
    reference_time: int
    facts: Mapping[str, Any]
    run: Mapping[str, Any]
    cold_start: ColdStart = ColdStart()
    review_text: ReviewTextModel | None = None

    @property
    def version(self) -> str:
        """The name of this very model."""
        return str(self.run.get("version", "unpublished"))

    @property
    def trained_at(self) -> str:
        """When its training ended, ISO 8601 UTC."""
        return str(self.run.get("trained_at", ""))

    @property
    def algorithm(self) -> str:
        """The name under which it was asked for."""
        return str(self.facts["algorithm"])

    @property
    def is_popularity(self) -> bool:
        """Whether it tells neither users nor products apart: all of its lists are popular ones."""
        return isinstance(self.ranker, PopularityModel)

    @property
    def data_sha256(self) -> str:
        """The hash of the CSV that it learnt from."""
        return str(self.facts["data"]["sha256"])

    def history(self, behaviors: Behaviors) -> Histories:
        """Weigh one user's behaviors as in training.

        Items that the model lacks, and stars outside of the scale, are left out as by the ETL.
        """
        return history_of(
            behaviors,
            self.items,
            scale=self.rating_scale,
            now=self.reference_time,
            config=self.signals,
            review_text=self.review_text,
        )

    def taste(self, history: Histories) -> Taste:
        """One history, folded into the ranker: what all questions of one answer are put to."""
        return self.ranker.taste(history)

    def is_personal(self, taste: Taste) -> bool:
        """Whether there is anything personal to say; `knows` of one history."""
        return bool(taste.history.weights.any()) and taste.moments()[1] > 0

    def score(self, histories: Histories) -> NDArray[np.float32]:
        """The ranker's scores of all items, float32 (batch, n_items)."""
        return self.ranker.score(histories)

    def knows(self, histories: Histories) -> NDArray[np.bool_]:
        """Whether there is anything personal to say, bool (batch,).

        Not for a history without liking, nor where the ranker scores all items the same: then
        popular items are the better answer.
        """
        scores = self.score(histories)
        liked = np.bincount(histories.rows, histories.weights, minlength=len(histories)) > 0
        known: NDArray[np.bool_] = liked & (scores.max(axis=1) > scores.min(axis=1))
        return known

    def best(
        self,
        taste: Taste,
        n: int,
        *,
        allowed: NDArray[np.bool_] | None = None,
        exclude_seen: bool = True,
        boost: NDArray[np.float32] | None = None,
    ) -> list[tuple[int, float]]:
        """The n best (item row, score) pairs for one taste.

        `allowed`, bool (n_items,), bounds the items before they are ranked, so a filter that leaves
        three items gives exactly those three. `boost`, float32 (n_items,), is added in units of the
        deviation of the user's own scores. Exact, or in two stages (`retrieval.py`).
        """
        items, scores = retrieve(taste, n, open_items(taste, allowed, exclude_seen), boost)
        return list(zip(items.tolist(), scores.tolist(), strict=True))

    def recommend(
        self,
        histories: Histories,
        n: int,
        *,
        allowed: NDArray[np.bool_] | None = None,
        exclude_seen: bool = True,
        boost: NDArray[np.float32] | None = None,
    ) -> TopN:
        """The lists of `best` for each history."""
        tastes = [self.taste(histories.take(user, user + 1)) for user in range(len(histories))]
        return retrieve_top(tastes, n, allowed=allowed, exclude_seen=exclude_seen, boost=boost)

    def score_new(self, taste: Taste, products: Sequence[Product]) -> NDArray[np.float32] | None:
        """Scores of products that the model lacks, on the scale of those of `best`.

        float32 (len(products),); None where nothing is known of products.
        """
        return self.cold_start.score_new(taste, products)

    def popular(
        self,
        n: int,
        *,
        allowed: NDArray[np.bool_] | None = None,
        profile: NDArray[np.int32] | None = None,
        boost: NDArray[np.float32] | None = None,
    ) -> list[tuple[int, float]]:
        """The n most popular (item row, score) pairs.

        `profile` as in `popular_taste`, `allowed` and `boost` as in `best`.
        """
        return self.best(self.popular_taste(NO_HISTORY, profile), n, allowed=allowed, boost=boost)

    def popular_taste(self, history: Histories, profile: NDArray[np.int32] | None = None) -> Taste:
        """The taste of most users, for somebody with this history.

        `profile`, columns as `ColdStart.telling` gives them, makes it that of users of such a
        profile.
        """
        model = self.popularity
        if profile is not None and len(profile):
            model = PopularityModel(self.cold_start.popularity(model.item_scores, profile))
        return model.taste(history)

    def similar(
        self, item: int, n: int, *, allowed: NDArray[np.bool_] | None = None
    ) -> list[tuple[int, float]]:
        """The n allowed items (row, score) most like the item at row `item`."""
        return self.ranker.similar(np.array([item], dtype=np.int32), n, allowed).list(0)

    def likeness(self, items: NDArray[np.integer[Any]]) -> NDArray[np.float32] | None:
        """How alike some items are, cosines, float32 (m, m); None where the ranker cannot say."""
        return self.ranker.likeness(items)

    def predict_ratings(
        self, histories: Histories, items: NDArray[np.int32]
    ) -> NDArray[np.float32] | None:
        """Predicted stars, float32 (batch, len(items)); None where nobody rated anything."""
        return None if self.rater is None else self.rater.predict(histories, items)

    def explain(self, history: Histories, item: int) -> Explanation:
        """The exact parts of the score of `item` for one history; for more, ask the taste."""
        return self.ranker.explain(history, item)

    def check(self) -> None:
        """Answer one question of each kind: a model that cannot is found out before users do.

        Raises whatever a broken array makes NumPy raise.
        """
        rows = np.arange(min(len(self.items), 2), dtype=np.int32)
        ones = np.ones(len(rows), dtype=np.float32)
        history = Histories.plain(np.array([0, len(rows)]), rows, weights=ones, ratings=ones)
        items = self.recommend(history, 1, exclude_seen=False).items[0]
        self.items.ids(items)
        self.popular(1)
        self.similar(int(rows[0]), 1)
        self.predict_ratings(history, items)
        self.explain(history, int(items[0]))

    def to_parts(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Metadata (what JSON can say) and arrays, as a model file holds them; users last."""
        scale = self.rating_scale
        metadata = {
            **self.facts,
            "ranker": self.ranker.name,
            "rater": self.rater and self.rater.name,
            "rating_scale": scale and [scale.low, scale.high],
            "signals": msgspec.to_builtins(self.signals),
            "reference_time": self.reference_time,
            "features": self.cold_start.spaces(),
        }
        parts: dict[str, Mapping[str, NDArray[Any]]] = {
            "items": self.items.to_arrays(),
            "ranker": self.ranker.to_arrays(),
            "popularity": self.popularity.to_arrays(),
            "rater": {} if self.rater is None else self.rater.to_arrays(),
            **self.cold_start.to_arrays(),
            "review_text": {} if self.review_text is None else self.review_text.to_arrays(),
            "users": self.users.to_arrays(),
            "users.histories": _history_arrays(self.histories),
        }
        arrays = {
            f"{part}.{name}": array for part, held in parts.items() for name, array in held.items()
        }
        return metadata, arrays

    @classmethod
    def from_parts(
        cls, metadata: Mapping[str, Any], arrays: Arrays, run: Mapping[str, Any]
    ) -> Recommender:
        """The inverse of `to_parts`; nothing is copied."""
        facts = {key: value for key, value in metadata.items() if key not in _OWN_KEYS}
        rater, scale = _part(arrays, "rater"), metadata["rating_scale"]
        texts = _part(arrays, "review_text")
        return cls(
            items=IdMap.from_arrays(_part(arrays, "items")),
            users=IdMap.from_arrays(_part(arrays, "users")),
            ranker=RANKERS[metadata["ranker"]].from_arrays(_part(arrays, "ranker")),
            rater=RATERS[metadata["rater"]].from_arrays(rater) if metadata["rater"] else None,
            popularity=PopularityModel.from_arrays(_part(arrays, "popularity")),
            rating_scale=RatingScale(*scale) if scale else None,
            signals=msgspec.convert(metadata["signals"], SignalConfig),
            histories=Histories(**_part(arrays, "users.histories")),
            reference_time=metadata["reference_time"],
            facts=facts,
            run=run,
            cold_start=ColdStart.from_parts(
                metadata.get("features", {}), _part(arrays, "profiles"), _part(arrays, "new_items")
            ),
            review_text=ReviewTextModel.from_arrays(texts) if texts else None,
        )


_OWN_KEYS = frozenset({"ranker", "rater", "rating_scale", "signals", "reference_time", "features"})


def _history_arrays(histories: Histories) -> dict[str, NDArray[Any]]:
    return {each.name: getattr(histories, each.name) for each in fields(histories)}


def _part(arrays: Arrays, part: str) -> dict[str, NDArray[Any]]:
    """The arrays of one part, without its name; a part's name may hold a dot, an array's not."""
    return {
        name.removeprefix(f"{part}."): array
        for name, array in arrays.items()
        if name.rpartition(".")[0] == part
    }
