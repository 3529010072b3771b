r"""Session neighbors: who did the same of late, and what did they do around it?

The VSTAN of Ludewig, Mauro, Latifi & Jannach 2020 (*Empirical analysis of session-based
recommendation algorithms*), which adds to the STAN of Garg et al. 2019, found by the index of
VMIS-kNN (Kersbergen, Sprangers & Schelter 2022): each item knows the latest m sessions that hold
it. For the query q, the most recent items of the history, and a session s::

    sim(q, s) = recency[s] / sqrt(|s|) * sum over j in q and s of  a_j * idf[j]
    score(i)  = sum over the k nearest s that hold i of
                sim(q, s) * b(s) * c(s, i)

    a_j     = query_decay ** (how many steps ago the user met j)
    b(s)    = anchor_decay ** (steps ago of the last shared item of q and s)
    c(s, i) = neighbor_decay ** (steps within s between i and the last shared item)

Items met at the same time share a step; where no time is known all of a history is one step, and
nothing decays. Where we differ: decays are powers of a rate per step, not exp(-steps / lambda); the
query's length divides nothing, as it orders nothing; and idf weighs the shared items only (the
paper also tries it on the scored ones). The user's own sessions vote like all others, mostly for
what the user knows already: where that may be recommended it is a reminder.

**Exact parts.** sim is a sum over the shared items, and what it is multiplied by depends on the
query only through which items it holds and when. With neighbors and last shared items as they are,
the score is a sum over the items of the history: `explain` gives its summands.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from ..contracts.histories import Explanation, Explanations, Histories, TopN
from ..contracts.protocols import Algebra, Arrays
from .algebra import NUMPY
from .few import FewTaste
from .taste import explained
from .topn import best_places, top_n


class SessionRules(msgspec.Struct, frozen=True):
    """How a query is compared with sessions; see the module's text.

    n_query : items of the history that make the query, the most recent
    n_neighbors : sessions that vote
    """

    n_query: int
    n_neighbors: int
    query_decay: float
    anchor_decay: float
    neighbor_decay: float


class _Query(NamedTuple):
    """The most recent liked items of one history, newest first; ties: the lower row first.

    places : int64 (m,), where in the history they are
    steps : int64 (m,), distinct times since, 0 for the newest
    """

    places: NDArray[np.int64]
    steps: NDArray[np.int64]


class _Neighborhood(NamedTuple):
    """The nearest sessions of one query, and how each shared item led to them.

    sessions : int64 (k,), rows
    anchors : int64 (k,), the step within the session of the last shared item
    votes : float64 (k,), what an item at that step gets
    owners, shares : int64, float64 (n,), place in the history and part of the vote of each meeting
        of a query item with a neighbor
    met : int64 (n,), the neighbor of each meeting, 0 .. k-1
    """

    sessions: NDArray[np.int64]
    anchors: NDArray[np.int64]
    votes: NDArray[np.float64]
    owners: NDArray[np.int64]
    shares: NDArray[np.float64]
    met: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class SessionModel:
    """Scores by what the nearest sessions hold around the items that they share with the user.

    session_indptr : int64 (n_sessions + 1,), session s is the slice indptr[s] : indptr[s + 1]
    session_items : int32 (nnz,), oldest first
    session_steps : int32 (nnz,), from 0 for the oldest; items met at the same time share one
    session_weights : float32 (n_sessions,), recency / sqrt(length)
    posting_indptr : int64 (n_items + 1,)
    postings : int64 (n_postings,), positions in `session_items` of an item, the latest sessions
    posting_sessions : int32 (n_postings,), the sessions that these lie in
    idf : float32 (n_items,)
    rules : decays and sizes
    user_sessions : int64 (n_users + 1,), the sessions of user u are user_sessions[u] :
        user_sessions[u + 1], so that they can be erased; None where that was not kept
    """

    name: ClassVar[str] = "session"

    session_indptr: NDArray[np.int64]
    session_items: NDArray[np.int32]
    session_steps: NDArray[np.int32]
    session_weights: NDArray[np.float32]
    posting_indptr: NDArray[np.int64]
    postings: NDArray[np.int64]
    posting_sessions: NDArray[np.int32]
    idf: NDArray[np.float32]
    rules: SessionRules
    user_sessions: NDArray[np.int64] | None = None

    @property
    def n_items(self) -> int:
        """Number of items that are scored."""
        return len(self.idf)

    def score(self, histories: Histories, algebra: Algebra = NUMPY) -> NDArray[np.float32]:
        """Scores of all items, float32 (batch, n_items); 0 for what no neighbor holds."""
        scores = np.zeros((len(histories), self.n_items), dtype=np.float32)
        for user in range(len(histories)):
            history = histories.take(user, user + 1)
            scores[user] = self._score(self._neighborhood(history))
        return scores

    def _score(self, near: _Neighborhood) -> NDArray[np.float64]:
        """Scores of all items by one neighborhood, float64 (n_items,)."""
        items, owners, decays = self._contents(near)
        return np.bincount(items, near.votes[owners] * decays, self.n_items).astype(np.float64)

    def _contents(
        self, near: _Neighborhood
    ) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.float64]]:
        """The items of all neighbors, whose each of them is, and c(s, i)."""
        places, owners = _places(self.session_indptr, near.sessions)
        distances = np.abs(self.session_steps[places] - near.anchors[owners])
        decays = self.rules.neighbor_decay ** distances.astype(np.float64)
        return self.session_items[places], owners, decays

    def _neighborhood(self, history: Histories) -> _Neighborhood:
        """The sessions nearest to one history; ties: the earlier row first."""
        query = _recent(history, self.rules.n_query)
        items = history.items[query.places]
        found, met = _places(self.posting_indptr, items)
        sessions, firsts, which = _groups(self.posting_sessions[found])
        strengths = self.rules.query_decay ** query.steps.astype(np.float64) * self.idf[items]
        parts = strengths[met] * self.session_weights[self.posting_sessions[found]]
        similarities = np.bincount(which, parts, len(sessions))
        nearest = best_places(similarities.astype(np.float32), self.rules.n_neighbors)
        # Meetings stand in the order of the query: the first of a session is its last shared item.
        lasts = firsts[nearest]
        fades = self.rules.anchor_decay ** query.steps[met[lasts]].astype(np.float64)
        ranks = np.full(len(sessions), -1)
        ranks[nearest] = np.arange(len(nearest))
        kept = ranks[which] >= 0
        voters = ranks[which][kept]
        return _Neighborhood(
            sessions=sessions[nearest],
            anchors=self.session_steps[self.postings[found[lasts]]].astype(np.int64),
            votes=similarities[nearest] * fades,
            owners=query.places[met[kept]],
            shares=parts[kept] * fades[voters],
            met=voters,
        )

    def similar(
        self, items: NDArray[np.int32], n: int, allowed: NDArray[np.bool_] | None = None
    ) -> TopN:
        """The n allowed items most often in the sessions of each item, by cosine; itself left out.

        Counted are the latest sessions that the index keeps of the item.
        """
        odds = np.expm1(self.idf.astype(np.float64))  # all sessions / those with the item
        scores = np.full((len(items), self.n_items), -np.inf, dtype=np.float32)
        for row, item in enumerate(items.tolist()):
            postings = slice(int(self.posting_indptr[item]), int(self.posting_indptr[item + 1]))
            places, _ = _places(self.session_indptr, self.posting_sessions[postings])
            together = np.bincount(self.session_items[places], minlength=self.n_items)
            met = np.flatnonzero(together)
            cosines = together[met] * np.sqrt(odds[met] * odds[item]) / len(self.session_weights)
            scores[row, met] = cosines
            scores[row, item] = -np.inf
        if allowed is not None:
            scores[:, ~allowed] = -np.inf
        return top_n(scores, n)

    def taste(self, history: Histories) -> SessionTaste:
        """One history, and the sessions nearest to it."""
        near = self._neighborhood(history)
        return SessionTaste(history, self.n_items, near, *self._contents(near))

    def likeness(self, items: NDArray[np.integer[Any]]) -> NDArray[np.float32] | None:
        """None: it has no factors to compare items by."""
        return None

    def explain(self, history: Histories, item: int) -> Explanation:
        """What each item of one history adds to the score of `item`; the baseline is 0."""
        return explained(self.taste(history), item)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """The sessions, the index and the rules."""
        arrays = {name: getattr(self, name) for name in _ARRAYS}
        if self.user_sessions is not None:
            arrays["user_sessions"] = self.user_sessions
        return arrays | {"rules": np.array(msgspec.structs.astuple(self.rules), dtype=np.float64)}

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        """The inverse of `to_arrays`; nothing is copied."""
        n_query, n_neighbors, *decays = arrays["rules"].tolist()
        rules = SessionRules(int(n_query), int(n_neighbors), *decays)
        held = {name: arrays[name] for name in _ARRAYS}
        return cls(**held, rules=rules, user_sessions=arrays.get("user_sessions"))


_ARRAYS = SessionModel.__slots__[:-2]


class SessionTaste(FewTaste):
    """The votes of the nearest sessions: a term for each item of each of them."""

    __slots__ = ("_decays", "_near")

    def __init__(
        self,
        history: Histories,
        n_items: int,
        near: _Neighborhood,
        items: NDArray[np.int32],
        owners: NDArray[np.int64],
        decays: NDArray[np.float64],
    ) -> None:
        counts = np.bincount(owners, minlength=len(near.sessions))
        super().__init__(history, n_items, items, near.votes[owners] * decays, counts)
        self._near, self._decays = near, decays

    def explain(self, items: NDArray[np.integer[Any]]) -> Explanations:
        """The exact additive parts: each vote is a sum over the items that led to the session."""
        near, n_entries = self._near, len(self.history.items)
        n_near = len(near.sessions)
        decays = self.sums_by_owner(self._decays, items, n_near)  # (m, k)
        places = near.met * n_entries + near.owners
        shares = np.bincount(places, near.shares, n_near * n_entries).reshape(n_near, n_entries)
        parts = (decays @ shares).astype(np.float32)
        return Explanations(np.zeros(len(items)), self.history.items, parts)


def _recent(history: Histories, n: int) -> _Query:
    """The n liked items that one user met last; those without a time are the oldest."""
    liked = np.flatnonzero(history.weights > 0)
    ages = np.nan_to_num(history.ages[liked], nan=np.inf)
    order = np.argsort(ages, kind="stable")[:n]
    return _Query(liked[order], _steps(ages[order]))


def _steps(ages: NDArray[np.float32]) -> NDArray[np.int64]:
    """How many distinct ages come before each of sorted `ages`, int64 (m,)."""
    changes = ages[1:] != ages[:-1]
    return np.concatenate([[0], np.cumsum(changes)])[: len(ages)].astype(np.int64)


def _groups(
    values: NDArray[np.int32],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """The distinct values, rising, where each stands first, and which of them each value is.

    `np.unique` in one sort of plain numbers, which is several times faster than sorting places.
    """
    size = max(len(values), 1)
    keys = np.sort(values.astype(np.int64) * size + np.arange(len(values)))
    sorted_values, places = np.divmod(keys, size)
    starts = np.ones(len(values), dtype=np.bool_)
    starts[1:] = sorted_values[1:] != sorted_values[:-1]
    which = np.empty(len(values), dtype=np.int64)
    which[places] = np.cumsum(starts) - 1
    return sorted_values[starts], places[starts], which


def _places(
    indptr: NDArray[np.int64], rows: NDArray[np.integer[Any]]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where the entries of the given rows lie, one row after another, and whose each of them is."""
    starts = indptr[rows]
    counts = indptr[rows + 1] - starts
    ends = np.cumsum(counts)
    owners = np.repeat(np.arange(len(rows)), counts)
    n_entries = int(ends[-1]) if len(ends) else 0
    return np.arange(n_entries) + (starts - (ends - counts))[owners], owners
