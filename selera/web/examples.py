"""One example of each answer, shown in the API's documentation; typed, so it cannot be wrong."""

from __future__ import annotations

import msgspec

from ..serving import (
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
from .about import ABOUT, Live
from .problems import FieldError, Problem, ProblemKind

_USER = UserProfile(3, "Dewi Lestari", "female", 31, "Bandung")
_BATIK = Product(
    17, "Batik shirt", "clothing", "cotton", "Indonesia", 125000.0, "Parang", "IDR", 12
)
_SARONG = Product(9, "Sarong", "clothing", "woven", "Indonesia", 98000.0, "Parang", "IDR", 40)
_MODEL = ModelInfo(
    version="20261122T100000Z-3f9c2b1a",
    algorithm="svd",
    trained_at="2026-11-22T10:00:00Z",
    data_sha256="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
)
_REASON = Reason("because_you_bought", 9, "Sarong", 0.34)

EXAMPLES: dict[str, msgspec.Struct] = {
    type(example).__name__: example
    for example in (
        RecommendAnswer(
            user=_USER,
            recommendations=[Recommendation(1, 0.83, 4.6, _BATIK, "svd", [_REASON])],
            fallback=None,
            model=_MODEL,
            recommendation_id="6f1c0b2e5d5e4d0f9b1f6f0f3c2a7e11",
        ),
        SimilarAnswer(_SARONG, [ScoredProduct(1, 0.91, _BATIK)], None, _MODEL),
        PopularAnswer([ScoredProduct(1, 1.0, _SARONG), ScoredProduct(2, 0.87, _BATIK)], _MODEL),
        UserAnswer(_USER, {"visit": 41, "buy": 4, "rating": 9, "review": 2}),
        UserList([1, 2, 3], limit=3, offset=0, total=2000),
        Health("ready", _MODEL, 912.4),
        Live("live", ABOUT.version, 86_400.0),
        ABOUT,
    )
}
"""By the name of the struct."""


def example_problem(kind: ProblemKind) -> Problem:
    """How this kind of error looks."""
    wrong = [FieldError("limit", "must be a whole number from 1 to 100, got '0'")]
    return Problem(
        type=kind.type,
        title=kind.title,
        status=kind.status,
        detail=kind.detail or kind.title,
        instance="/recommend/3",
        code=kind.code,
        request_id="0d9c8a3f7f5b4a54a8a5f0f6d2f1c0aa",
        errors=wrong if kind.code == "invalid_parameter" else msgspec.UNSET,
    )
