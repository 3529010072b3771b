"""What a recommender says of users and items without behavior: from profile and product fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ..contracts.feature_space import FeatureSpace
from ..contracts.features import Cells, Features, encoded
from ..contracts.protocols import Arrays, Product, Profile, Taste
from .new_items import NewItemModel
from .profile import ProfileModel

_NO_COLUMNS = np.empty(0, dtype=np.int32)


@dataclass(frozen=True, slots=True)
class ColdStart:
    """Two models and the features that each asks for; both of a pair are None, or neither.

    user_space, profiles : which features a profile has, and what they say of taste
    item_space, new_items : which features a product has, and what scores them for a user
    """

    user_space: FeatureSpace | None = None
    profiles: ProfileModel | None = None
    item_space: FeatureSpace | None = None
    new_items: NewItemModel | None = None

    def telling(self, profile: Profile) -> NDArray[np.int32]:
        """The columns of a profile that say something of taste, int32; empty where none does."""
        if self.user_space is None or self.profiles is None:
            return _NO_COLUMNS
        return self.profiles.telling(self.user_space.encode(profile))

    def telling_of(self, profiles: Features | None, user: int) -> NDArray[np.int32]:
        """`telling` of a user whose profile is encoded already; empty where nothing is known."""
        if profiles is None or self.profiles is None:
            return _NO_COLUMNS
        return self.profiles.telling(profiles.of(user))

    def popularity(
        self, popularity: NDArray[np.float32], columns: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        """Popularity as users with these columns of a profile see it, float32 (n_items,)."""
        return popularity if self.profiles is None else self.profiles.score(popularity, columns)

    def described(self, cells: Mapping[str, Cells], n_products: int) -> Features | None:
        """The features of products that the model lacks; None where nothing is known of them."""
        if self.item_space is None or self.new_items is None:
            return None
        return encoded(self.item_space, cells, n_products)

    def score_described(self, taste: Taste, new: Features) -> NDArray[np.float32]:
        """Scores of products as `described` tells them, float32 (len(new),).

        They are on the scale of the scores of `taste`, so that both make one list. Only for what
        `described` gave.
        """
        assert self.new_items is not None
        known = taste.of(self.new_items.items)
        scores: NDArray[np.float32] = self.new_items.extend(known[None], new)[0]
        return scores

    def score_new(self, taste: Taste, products: Sequence[Product]) -> NDArray[np.float32] | None:
        """Scores of products that the model lacks, float32 (len(products),).

        They are on the scale of the scores of `taste`, so that both make one list. None where
        nothing is known of products.
        """
        names = {name for product in products for name in product}
        each = np.arange(len(products))
        cells = {name: Cells([product.get(name) for product in products], each) for name in names}
        new = self.described(cells, len(products))
        return None if new is None else self.score_described(taste, new)

    def spaces(self) -> dict[str, Any]:
        """The feature spaces, as JSON can say them."""
        spaces = {"users": self.user_space, "items": self.item_space}
        return {name: space and space.to_builtins() for name, space in spaces.items()}

    def to_arrays(self) -> dict[str, dict[str, NDArray[Any]]]:
        """The arrays of both models, by the name of the part; empty where there is none."""
        return {
            "profiles": {} if self.profiles is None else self.profiles.to_arrays(),
            "new_items": {} if self.new_items is None else self.new_items.to_arrays(),
        }

    @classmethod
    def from_parts(cls, spaces: Mapping[str, Any], profiles: Arrays, new_items: Arrays) -> Self:
        """The inverse of `spaces` and `to_arrays`; nothing is copied."""
        users, items = spaces.get("users"), spaces.get("items")
        return cls(
            user_space=FeatureSpace.from_builtins(users) if users else None,
            profiles=ProfileModel.from_arrays(profiles) if profiles else None,
            item_space=FeatureSpace.from_builtins(items) if items else None,
            new_items=NewItemModel.from_arrays(new_items) if new_items else None,
        )
