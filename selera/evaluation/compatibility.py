"""Protocols of published tables, by name: how they hold out, and what they judge by.

They are here so that our numbers can stand beside published ones. For a shop the default protocol
says more: in all of these except the tail of a line, a model learns from what came later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

from ..contracts.errors import ConfigError
from ..contracts.pairs import Order, PlainData
from ..training.rankers import RANKERS
from ..training.raters import RATERS
from ..training.recipes import RECIPES
from .carving import one_left_out, random_part, tail
from .folds import Fold, five_folds, given, one_of_each, random_tenth

Cut = Callable[[PlainData, int], Iterator[Fold]]
Carve = Callable[[Fold, int], Fold]
Files = Literal["data", "train and test", "movielens"]

TOP_20, TOP_10 = (10, 20), (10,)


class PlainProtocol(NamedTuple):
    """How a published table is played.

    description : {one} stands for which item is held out, see `described`
    kind : what models do, predict stars or make lists
    files : what it is given: one file to cut, two files, or a fold of the folder of MovieLens 100K
    primary : the metric that models are compared by, and settings are chosen by
    ns : lengths of the lists
    cut, carve : the folds, and the validation part of a fold; `carve` is for unordered lines where
        lines may be ordered
    """

    description: str
    kind: Literal["stars", "lists"]
    files: Files
    primary: str
    ns: tuple[int, ...]
    cut: Cut
    carve: Carve
    is_deprecated: bool = False

    def described(self, order: Order) -> str:
        """The description, for data with times or without any."""
        return self.description.format(one="The latest" if order == "times" else "A random")


def _of_users(share: float) -> Carve:
    def carve(fold: Fold, seed: int) -> Fold:
        return random_part(fold, seed, share_of_users=share)

    return carve


_SHARE_OF_USERS = {1: 0.5, 2: 0.7, 3: 0.9, 4: 1.0, 5: 1.0}
"""The share of all users who have a rating in u1.test .. u5.test: the folds are not alike."""

PROTOCOLS: dict[str, PlainProtocol] = {
    "surprise-5fold": PlainProtocol(
        "Random 5-fold cross-validation: each fifth of the ratings is predicted once from the "
        "other four.",
        "stars",
        "data",
        "rmse",
        (),
        five_folds,
        random_part,
    ),
    **{
        f"ml100k-u{k}": PlainProtocol(
            f"Official fold u{k} of MovieLens 100K: u{k}.test is predicted from the other ratings.",
            "stars",
            "movielens",
            "rmse",
            (),
            given,
            _of_users(share),
        )
        for k, share in _SHARE_OF_USERS.items()
    },
    "random-90-10": PlainProtocol(
        "A random tenth of the ratings is predicted from the other nine.",
        "stars",
        "data",
        "rmse",
        (),
        random_tenth,
        random_part,
    ),
    "lightgcn-split": PlainProtocol(
        "Train and test files as they are: all items of train ranked for each user, those that the "
        "user has in train left out.",
        "lists",
        "train and test",
        "ndcg@20",
        TOP_20,
        given,
        random_part,
    ),
    "leave-one-out-100": PlainProtocol(
        "{one} item of each user is ranked among 100 random others that the user never had. "
        "DEPRECATED: sampled metrics order models differently from full ranking.",
        "lists",
        "data",
        "ndcg@10",
        TOP_10,
        one_of_each,
        one_left_out,
        is_deprecated=True,
    ),
}
"""Every protocol except the default one."""


def protocol_named(name: str) -> PlainProtocol:
    """The protocol of this name. Raises ConfigError, which names the known ones."""
    if name not in PROTOCOLS:
        raise ConfigError(f"there is no protocol {name!r}; choose one of: {', '.join(PROTOCOLS)}")
    return PROTOCOLS[name]


def algorithm_of(model: str, kind: Literal["stars", "lists"]) -> str:
    """What a model does of this kind: the rater or ranker of a recipe, or that of the name itself.

    Raises ConfigError, which names the known ones.
    """
    if model in RECIPES:
        return RECIPES[model].rater if kind == "stars" else RECIPES[model].ranker
    known = RATERS if kind == "stars" else RANKERS
    if model not in known:
        names = ", ".join(dict.fromkeys([*RECIPES, *known]))
        raise ConfigError(f"there is no model {model!r}; choose one of: {names}")
    return model


def comparable_models(kind: Literal["stars", "lists"] | None) -> tuple[str, ...]:
    """Recipes that differ in what they do of this kind, or, for None, in anything.

    Without the one that needs single purchases, where there are only pairs.
    """
    first: dict[object, str] = {}
    for name, recipe in RECIPES.items():
        if kind is None:
            first.setdefault(recipe, name)
        elif name != "rebuy":
            first.setdefault(algorithm_of(name, kind), name)
    return tuple(first.values())


def carver(protocol: PlainProtocol, *, is_ordered: bool) -> Carve:
    """How validation is carved from a fold's train: the tail of lines that stand in order."""
    if protocol.files == "train and test" and is_ordered:
        return lambda fold, _seed: tail(fold)
    return protocol.carve
