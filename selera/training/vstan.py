r"""VSTAN: cut histories into sessions and index them by their items; nothing else is learnt.

A session is what one user did without a pause of more than `session_gap` days, cut to its latest
`session_length` items. Where more than a quarter would stand alone, though their users have
others, the gap is doubled until they do not: customers who come once a week have sessions of weeks.
The recency of a session is 2 ** (-age / session_half_life), its age that of its newest item, 0 for
one without times. Each item keeps the `n_sessions` latest sessions that hold it, which bounds the
work of a request, and idf[i] = log(1 + number of sessions / number of those with i).

Scoring, sources and where we differ: see `models/session.py`. A history knows the latest time of
each (user, item) only, so an item lies in the last of the user's sessions that it was in.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from ..contracts.histories import Histories
from ..models.session import SessionModel, SessionRules

Count = Annotated[int, Meta(ge=1)]
Days = Annotated[float, Meta(gt=0.0)]
Decay = Annotated[float, Meta(gt=0.0, le=1.0)]

_MOST_ALONE = 0.25


class VstanConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How sessions are cut and indexed, and how they are compared with a query."""

    session_gap: Days = 1.0
    session_length: Count = 100
    session_half_life: Days = 30.0
    n_sessions: Count = 500
    n_neighbors: Count = 200
    n_query: Count = 100
    query_decay: Decay = 0.85
    anchor_decay: Decay = 0.9
    neighbor_decay: Decay = 0.8


def fit_vstan(histories: Histories, n_items: int, config: VstanConfig) -> SessionModel:
    """Sessions of all users and the index of their items; there is no randomness in it."""
    liked = histories.where(histories.weights > 0)
    rows, ages = liked.rows, np.nan_to_num(liked.ages, nan=np.inf).astype(np.float64)
    order = np.lexsort((liked.items, -ages, rows))
    sessions = _sessions(rows, ages[order], config.session_gap)
    kept = _from_the_end(sessions) < config.session_length
    items, ages, sessions = liked.items[order][kept], ages[order][kept], sessions[kept]
    indptr = np.concatenate([[0], np.cumsum(np.bincount(sessions))]).astype(np.int64)
    newest = ages[indptr[1:] - 1]
    timed_age = np.maximum(np.where(np.isinf(newest), 0.0, newest), 0.0)
    recency = np.exp2(-timed_age / config.session_half_life)
    postings, posting_indptr = _index(items, newest[sessions], n_items, config.n_sessions)
    n_with = np.bincount(items, minlength=n_items)
    owners = np.bincount(rows[kept][indptr[:-1]], minlength=len(histories))
    return SessionModel(
        session_indptr=indptr,
        session_items=items,
        session_steps=_steps(sessions, ages, indptr),
        session_weights=(recency / np.sqrt(np.diff(indptr))).astype(np.float32),
        posting_indptr=posting_indptr,
        postings=postings,
        posting_sessions=sessions[postings].astype(np.int32),
        idf=np.log1p(len(newest) / np.maximum(n_with, 1)).astype(np.float32),
        rules=SessionRules(
            n_query=config.n_query,
            n_neighbors=config.n_neighbors,
            query_decay=config.query_decay,
            anchor_decay=config.anchor_decay,
            neighbor_decay=config.neighbor_decay,
        ),
        user_sessions=np.concatenate([[0], np.cumsum(owners)]).astype(np.int64),
    )


def _sessions(rows: NDArray[np.int64], ages: NDArray[np.float64], gap: float) -> NDArray[np.int64]:
    """The session of each entry, from 0 in the order of the entries: users, oldest first."""
    others = rows[1:] == rows[:-1]
    # Between two unknown times there is no pause; between an unknown and a known one there is.
    pauses = np.where(others, 0.0, np.inf)
    moved = others & (ages[1:] != ages[:-1])
    pauses[moved] = ages[:-1][moved] - ages[1:][moved]
    longest = pauses[np.isfinite(pauses)].max(initial=0.0)
    least = (1 - _MOST_ALONE) * _touches(others).sum()
    while gap < longest and _touches(pauses <= gap).sum() < least:
        gap *= 2
    return np.concatenate([[0], np.cumsum(pauses > gap)])[: len(rows)].astype(np.int64)


def _touches(joined: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which entries are joined with the one before or after; `joined`, of each two neighbors."""
    touches: NDArray[np.bool_] = np.append(joined, False) | np.append(False, joined)
    return touches


def _from_the_end(sessions: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many entries of the same session follow each entry."""
    ends = np.cumsum(np.bincount(sessions))
    return ends[sessions] - 1 - np.arange(len(sessions))


def _steps(
    sessions: NDArray[np.int64], ages: NDArray[np.float64], indptr: NDArray[np.int64]
) -> NDArray[np.int32]:
    """The step of each entry within its session: entries of equal age share one."""
    moves = np.concatenate([[0], (ages[1:] != ages[:-1]) | (sessions[1:] != sessions[:-1])])
    steps = np.cumsum(moves[: len(ages)])
    within: NDArray[np.int32] = (steps - steps[indptr[:-1]][sessions]).astype(np.int32)
    return within


def _index(
    items: NDArray[np.int32], ages: NDArray[np.float64], n_items: int, most: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The entries of each item in the `most` latest sessions, and the pointers into them.

    ages : float64 (nnz,), of the session of each entry; ties: the earlier session
    """
    order = np.lexsort((ages, items))
    counts = np.bincount(items, minlength=n_items)
    starts = np.cumsum(counts) - counts
    kept = np.arange(len(order)) - starts[items[order]] < most
    indptr = np.concatenate([[0], np.cumsum(np.minimum(counts, most))]).astype(np.int64)
    return order[kept], indptr
