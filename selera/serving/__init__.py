"""Answers to a shop's questions, from a model and a database that are handed in: no web, no SQL.

Settings are light to import; whoever answers pays for the rest.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .config import DEFAULT_LIMIT, MAX_LIMIT, OnUnknown, ServingConfig

if TYPE_CHECKING:
    from .answers import (
        Assignment,
        BatchAnswer,
        EventsAnswer,
        Health,
        ModelInfo,
        PopularAnswer,
        Product,
        Reason,
        RecommendAnswer,
        Recommendation,
        ScoredProduct,
        SimilarAnswer,
        TrendingAnswer,
        UserAnswer,
        UserList,
        UserProfile,
    )
    from .details import PRODUCT_FIELDS
    from .memory import Sources
    from .question import DEFAULT_QUESTION, Filters, Question
    from .service import RecommendationService, ShopReader
    from .slot import ModelSlot

__all__ = [
    "DEFAULT_LIMIT",
    "DEFAULT_QUESTION",
    "MAX_LIMIT",
    "PRODUCT_FIELDS",
    "Assignment",
    "BatchAnswer",
    "EventsAnswer",
    "Filters",
    "Health",
    "ModelInfo",
    "ModelSlot",
    "OnUnknown",
    "PopularAnswer",
    "Product",
    "Question",
    "Reason",
    "RecommendAnswer",
    "Recommendation",
    "RecommendationService",
    "ScoredProduct",
    "ServingConfig",
    "ShopReader",
    "SimilarAnswer",
    "Sources",
    "TrendingAnswer",
    "UserAnswer",
    "UserList",
    "UserProfile",
]

_HOMES = ("answers", "details", "memory", "question", "service", "slot")


def __getattr__(name: str) -> Any:
    """Import what needs NumPy when it is first asked for."""
    if name in __all__:
        for home in _HOMES:
            module = import_module(f".{home}", __name__)
            if hasattr(module, name):
                return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
