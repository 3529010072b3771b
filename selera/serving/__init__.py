"""Answers to a shop's questions, from a model and a database that are handed in: no web, no SQL."""

from .answers import (
    Health,
    ModelInfo,
    PopularAnswer,
    Product,
    Reason,
    RecommendAnswer,
    Recommendation,
    ScoredProduct,
    SimilarAnswer,
    UserAnswer,
    UserList,
    UserProfile,
)
from .config import DEFAULT_LIMIT, MAX_LIMIT, OnUnknown, ServingConfig
from .service import RecommendationService, ShopReader
from .slot import ModelSlot

__all__ = [
    "DEFAULT_LIMIT",
    "MAX_LIMIT",
    "Health",
    "ModelInfo",
    "ModelSlot",
    "OnUnknown",
    "PopularAnswer",
    "Product",
    "Reason",
    "RecommendAnswer",
    "Recommendation",
    "RecommendationService",
    "ScoredProduct",
    "ServingConfig",
    "ShopReader",
    "SimilarAnswer",
    "UserAnswer",
    "UserList",
    "UserProfile",
]
