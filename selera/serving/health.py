"""Whether the service is well: it has model and catalogue, and the shop's database answers."""

from __future__ import annotations

from typing import Literal, Protocol

from ..contracts.errors import DatabaseError
from ..contracts.ids import Id
from ..models import Recommender
from .answers import Health
from .config import ServingConfig
from .memory import Memory
from .slot import age_s, model_info


class UserIds(Protocol):
    """What a shop is asked to see that it answers."""

    def user_ids(self, offset: int, limit: int) -> list[Id]:
        """Ids in the profile table, in their order."""
        ...


def health_of(model: Recommender, memory: Memory, shop: UserIds, config: ServingConfig) -> Health:
    """The model that answers and its age; degraded where the database is silent.

    Raises DatabaseError where the catalogue, which no list can do without, could not be read yet.
    """
    memory.shelf(model)
    status: Literal["ready", "degraded"] = "ready" if _answers(memory, shop) else "degraded"
    age = age_s(model.trained_at)
    is_stale = age is not None and age > 3600 * config.stale_after_hours
    return Health(status, model_info(model), age, is_stale)


def _answers(memory: Memory, shop: UserIds) -> bool:
    """Whether the shop's database tells of a user; one known to be silent is not asked."""
    if not memory.answers:
        return False
    try:
        shop.user_ids(0, 1)
    except DatabaseError:
        return False
    return True
