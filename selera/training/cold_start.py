"""Everything that is learnt for users and products without behavior."""

from __future__ import annotations

from ..models.cold_start import ColdStart
from .evidence import Evidence
from .new_items import fit_new_items
from .profile import fit_profile
from .settings import TrainingConfig


def fit_cold_start(evidence: Evidence, config: TrainingConfig) -> ColdStart:
    """Learn what the features say; a part of which nothing is known stays empty.

    Features without a space are none here: nobody could encode the next profile or product.
    """
    users, items = evidence.user_features, evidence.item_features
    user_space = None if users is None else users.space
    item_space = None if items is None else items.space
    profiles = None if user_space is None else fit_profile(evidence, config.profile)
    new_items = None if item_space is None else fit_new_items(evidence, config.new_items)
    return ColdStart(
        user_space=None if profiles is None else user_space,
        profiles=profiles,
        item_space=None if new_items is None else item_space,
        new_items=new_items,
    )
