"""Two models on the same users: which of them finds what the users chose next?

Both are asked as a request asks: with the behaviors of each user up to the cut, weighed by each
model's own rules, and no profile. The catalogue is that of the data: each ranks all items of it
that the model knows, none sampled, without what the user had. A target that one of them does not
know is a miss of that one. NDCG and the paired bootstrap are those of `metrics.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

import msgspec
import numpy as np
from numpy.typing import NDArray

from ..contracts.behaviors import BEHAVIORS, Behavior
from ..contracts.histories import NO_ITEM, Histories, ItemSets
from ..contracts.ids import UNKNOWN_ROW, IdMap
from ..contracts.interactions import Interactions
from ..models.recommender import Recommender
from ..models.review_text import without_stars
from ..models.signals import histories_of
from ..training.list_metrics import list_metrics
from ..training.splits import Split, rows_by_popularity
from ..training.targets import Targets, draw, find_targets, hidden_entries
from .judging import make_lists
from .metrics import Interval, relative_gain


class Duel(msgspec.Struct, frozen=True):
    """How a challenger did against a champion.

    metric : its name, "ndcg@10"
    n_users, n_targets : how many were asked, and what there was to hit
    champion, challenger : the means
    difference : challenger less champion as a share of the champion, with its interval
    """

    metric: str
    n_users: int
    n_targets: int
    champion: float
    challenger: float
    difference: Interval


@dataclass(frozen=True, slots=True)
class Asked:
    """What both models are asked: histories by the data's rows are taken from `past`.

    past : the behaviors up to the cut; users, items : their ids
    targets : in the rows of `past`, disjoint from it
    """

    past: Interactions
    targets: Targets


def cut_at(interactions: Interactions, moment: int, *, seed: int) -> Split:
    """What was until `moment` (UTC seconds, timeless behaviors included), and what came after.

    Item rows go by popularity in the past alone, and the ids follow: see `by_popularity`.
    """
    later = interactions.timestamps > moment
    split = Split("temporal", interactions.where(~later), interactions.where(later), moment)
    return renumbered(split, seed=seed)


def renumbered(split: Split, *, seed: int) -> Split:
    """The same as `by_popularity`, with ids that follow: a model that is fitted on it is whole."""
    train = split.train
    rows, order = rows_by_popularity(train.item_rows, train.n_items, seed)
    ids = cast("Sequence[int] | Sequence[str]", train.items.ids(order))
    items = IdMap.from_ids(ids)
    features = train.item_features
    features = features and features.gather(order)
    past, after = (
        replace(part, items=items, item_rows=rows[part.item_rows], item_features=features)
        for part in (train, split.test)
    )
    return replace(split, train=past, test=after)


def ask(
    split: Split, behavior: Behavior, *, max_users: int, seed: int, seen_by: Recommender | None
) -> Asked:
    """The liked and new pairs of test, without those that `seen_by` knows from its training."""
    targets = find_targets(split, behavior, max_users=max_users, seed=seed)
    if seen_by is not None and len(targets.users):
        targets = _without_seen(targets, split.train, seen_by)
    return Asked(split.train, targets)


def duel(
    champion: Recommender, challenger: Recommender, asked: Asked, *, n: int, seed: int
) -> Duel:
    """Ask both, and compare their NDCG@n. Raises ValueError where nobody is asked."""
    found = []
    for model in (champion, challenger):
        rows = known_rows(model, asked.past.items)
        histories = _own_histories(model, asked, rows)
        lists = _lists(model, histories, rows, n)
        found.append(list_metrics(lists, asked.targets.sets, (n,))[f"ndcg@{n}"])
    return _compared(found[0], found[1], asked.targets.sets, n, seed)


def recall_memory(
    champion: Recommender,
    before: Recommender,
    after: Recommender,
    behavior: Behavior,
    *,
    n: int,
    max_users: int,
    seed: int,
) -> Duel | None:
    """How well `after` still knows what the champion remembers of its latest time, beside `before`.

    The youngest tenth of the liked pairs in the champion's own memory is taken out of the histories
    and asked for. All three may have learnt from these pairs, so the values say nothing about the
    quality of the lists; their difference says what `after` lost. None where there is no such pair.
    """
    remembered = _memory(champion, behavior, max_users=max_users, seed=seed)
    if remembered is None:
        return None
    histories, sets = remembered
    found = []
    for model in (before, after):
        rows = known_rows(model, champion.items)
        own = translated(histories, rows)
        lists = _lists(model, own, rows, n)
        found.append(list_metrics(lists, sets, (n,))[f"ndcg@{n}"])
    return _compared(found[0], found[1], sets, n, seed)


def known_rows(model: Recommender, items: IdMap) -> NDArray[np.int64]:
    """The model's own row of each item of `items`, int64 (n,); `UNKNOWN_ROW` for unknown ones."""
    return model.items.rows(items.ids(range(len(items))))


def translated(histories: Histories, rows: NDArray[np.int64]) -> Histories:
    """The histories with other item rows; what has none (`UNKNOWN_ROW`) is left out."""
    known = histories.where(rows[histories.items] != UNKNOWN_ROW)
    items = rows[known.items].astype(np.int32)
    order = np.lexsort((items, known.rows))
    columns = {
        name: getattr(known, name)[order]
        for name in ("weights", "ratings", "ages", "purchases", "kinds")
    }
    return Histories(known.indptr, items[order], **columns)


def _own_histories(model: Recommender, asked: Asked, rows: NDArray[np.int64]) -> Histories:
    """The histories of the asked users as the model weighs them, in its own item rows."""
    past, users = asked.past, asked.targets.users
    of_asked = np.isin(past.user_rows, users) & (rows[past.item_rows] != UNKNOWN_ROW)
    past = past.where(of_asked)
    own = replace(
        past,
        items=model.items,
        item_rows=rows[past.item_rows].astype(np.int32),
        item_features=None,
        rating_scale=model.rating_scale,
    )
    if model.review_text is not None and own.texts is not None and own.text_places is not None:
        bare = without_stars(own.pairs, own.behaviors, own.values)
        bare = bare[own.text_places[bare] >= 0]
        texts = own.texts.read(own.text_places[bare].tolist())
        own = replace(own, values=model.review_text.fill(own.values, bare, texts))
    histories = histories_of(own, now=model.reference_time, config=model.signals)
    return histories.gather(users)


def _lists(
    model: Recommender, histories: Histories, rows: NDArray[np.int64], n: int
) -> NDArray[np.int32]:
    """The model's lists in the rows of the data, int32 (m, n); `rows` are its own of each item."""
    back = np.full(len(model.items) + 1, NO_ITEM, dtype=np.int32)  # the last place is for NO_ITEM
    known = np.flatnonzero(rows != UNKNOWN_ROW)
    back[rows[known]] = known
    hidden = hidden_entries(histories, "new")
    users = np.arange(len(histories))
    candidates = back[:-1] != NO_ITEM
    lists, _ = make_lists(model, histories, n, hidden=hidden, users=users, candidates=candidates)
    return back[lists]


def _compared(
    champion: NDArray[np.float64],
    challenger: NDArray[np.float64],
    sets: ItemSets,
    n: int,
    seed: int,
) -> Duel:
    return Duel(
        metric=f"ndcg@{n}",
        n_users=len(champion),
        n_targets=len(sets.items),
        champion=float(champion.mean()),
        challenger=float(challenger.mean()),
        difference=relative_gain(challenger, champion, seed=seed),
    )


def _without_seen(targets: Targets, past: Interactions, model: Recommender) -> Targets:
    """The targets that are in no history of the model's training."""
    users = model.users.rows(past.users.ids(targets.users))
    known = users != UNKNOWN_ROW
    seen = translated(
        model.histories.gather(users[known]), _inverse(known_rows(model, past.items), model)
    )
    width = past.n_items
    seen_pairs = np.flatnonzero(known)[seen.rows] * width + seen.items
    sets = targets.sets.where(~np.isin(targets.sets.rows * width + targets.sets.items, seen_pairs))
    kept = np.flatnonzero(sets.sizes)
    return Targets(targets.users[kept], sets.gather(kept), targets.n_unavailable)


def _inverse(rows: NDArray[np.int64], model: Recommender) -> NDArray[np.int64]:
    """For each of the model's own items its row in the data, int64; `UNKNOWN_ROW` without one."""
    back = np.full(len(model.items), UNKNOWN_ROW, dtype=np.int64)
    known = np.flatnonzero(rows != UNKNOWN_ROW)
    back[rows[known]] = known
    return back


_MEMORY_SHARE = 0.1


def _memory(
    champion: Recommender, behavior: Behavior, *, max_users: int, seed: int
) -> tuple[Histories, ItemSets] | None:
    """Histories of the champion without its youngest liked pairs, and these pairs as sets."""
    histories = champion.histories
    ages = histories.ages[_is_liked(histories, behavior)]
    if not len(ages):
        return None
    youngest = np.quantile(ages, _MEMORY_SHARE, method="lower")
    users = np.unique(histories.rows[_is_liked(histories, behavior) & (histories.ages <= youngest)])
    own = histories.gather(users[draw(len(users), max_users, seed)])
    is_target = _is_liked(own, behavior) & (own.ages <= youngest)
    asked = own.where(is_target)
    return own.where(~is_target), ItemSets(asked.indptr, asked.items)


def _is_liked(histories: Histories, behavior: Behavior) -> NDArray[np.bool_]:
    """The entries of known time in which the user showed the behavior and liked the item."""
    kind = 1 << BEHAVIORS.index(behavior)
    shown = (histories.kinds & kind > 0) & (histories.weights > 0)
    liked: NDArray[np.bool_] = shown & ~np.isnan(histories.ages)
    return liked
