"""One example of each answer, shown in the API's documentation; typed, so it cannot be wrong."""

from __future__ import annotations

from typing import Any

import msgspec

from ..contracts.events import EventOutcome
from ..contracts.rules import Rule
from ..pipeline.receipt import HolderReceipt, Receipt
from ..pipeline.versions import Swap, Version
from ..serving import (
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
from ..state import Decision, Experiment
from ..state.sequential import compare_rates
from .about import ABOUT, Live
from .office import ModelList, RuleList, Token, Trial, TrialList
from .problems import FieldError, Problem, ProblemKind

_USER = UserProfile(3, "Dewi Lestari", "female", 31, "Bandung")
_BATIK = Product(
    17, "Batik shirt", "clothing", "cotton", "Indonesia", 125000.0, "Parang", "IDR", 12
)
_SARONG = Product(9, "Sarong", "clothing", "woven", "Indonesia", 98000.0, "Parang", "IDR", 40)
_MODEL = ModelInfo(
    version="20261122T100000.417Z-3f9c2b",
    algorithm="svd",
    trained_at="2026-11-22T10:00:00Z",
    data_sha256="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
)
_REASON = Reason("because_you_bought", 9, "Sarong", 0.34)

_LIST = RecommendAnswer(
    user=_USER,
    recommendations=[Recommendation(1, 0.83, 4.6, _BATIK, "svd", (_REASON,), 0.49)],
    fallback=None,
    model=_MODEL,
    recommendation_id="6f1c0b2e5d5e4d0f9b1f6f0f3c2a7e11",
)
_RULE = Rule(name="summer", action="pin", product_ids=(17,))
_EXPERIMENT = Experiment(
    "blend-2",
    "20261122T100000.417Z-3f9c2b",
    "20261123T100000.052Z-d32bca",
    0.5,
    "2026-11-23T10:05:00Z",
)
_KEPT = Decision(
    version="20261123T100000.052Z-d32bca",
    decided_at="2026-11-23T10:00:04Z",
    action="kept_aside",
    reason="NDCG@10 of the challenger is 9.1 % lower, at best 4.0 % lower",
    champion="20261122T100000.417Z-3f9c2b",
    relative_difference=-0.091,
    low=-0.142,
    high=-0.04,
    metric="ndcg@10",
    n_users=812,
)

EXAMPLES: dict[str, msgspec.Struct] = {
    type(example).__name__: example
    for example in (
        _LIST,
        BatchAnswer([_LIST], [999_999]),
        TrendingAnswer([ScoredProduct(1, 7.4, _BATIK)], 7.0, _MODEL),
        EventsAnswer(1, 0, 0, [EventOutcome("order-7781-1", "stored")]),
        ModelList(
            [
                Version(
                    "20261123T100000.052Z-d32bca",
                    "blend",
                    "2026-11-23T10:00:00Z",
                    4_718_592,
                    False,
                    _KEPT,
                    {"ndcg@10": 0.118},
                )
            ]
        ),
        Swap("20261122T100000.417Z-3f9c2b", "20261123T100000.052Z-d32bca", True),
        _RULE,
        RuleList([_RULE]),
        TrialList(
            [
                Trial(
                    _EXPERIMENT,
                    (4012, 203),
                    (3988, 251),
                    compare_rates((4012, 203), (3988, 251)),
                )
            ]
        ),
        Token(3, "eyJ1c2VyX2lkIjozfQ.aSLb4A.7hD0p3wq1kKx", 900),
        Receipt(
            3,
            True,
            True,
            "2026-11-23T10:20:00Z",
            1.8,
            (HolderReceipt("shop database", "erased", {"data_user_profile": 1}),),
        ),
        SimilarAnswer(_SARONG, [ScoredProduct(1, 0.91, _BATIK)], None, _MODEL),
        PopularAnswer([ScoredProduct(1, 1.0, _SARONG), ScoredProduct(2, 0.87, _BATIK)], _MODEL),
        UserAnswer(_USER, {"visit": 41, "buy": 4, "rating": 9, "review": 2}),
        UserList([1, 2, 3], limit=3, offset=0, total=2000),
        Health("ready", _MODEL, 912.4, False),
        Live("live", ABOUT.version, 86_400.0),
        ABOUT,
    )
}
"""By the name of the struct."""


BODY_EXAMPLES: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "Asking": [
        ("several users", {"user_ids": [3, 4], "limit": 5, "in_stock": True}),
        ("a basket", {"product_ids": [9, 17], "behavior": "purchase", "category": ["clothing"]}),
    ],
    "ToldEvents": [
        (
            "a purchase that a list led to",
            {
                "events": [
                    {
                        "type": "purchase",
                        "user_id": 3,
                        "product_id": 17,
                        "event_id": "order-7781-1",
                        "at": "2026-11-23T10:12:00+07:00",
                        "quantity": 2,
                        "transaction_value": 250000,
                        "currency": "IDR",
                        "recommendation_id": "6f1c0b2e5d5e4d0f9b1f6f0f3c2a7e11",
                    }
                ]
            },
        ),
        (
            "a visit and a rating",
            {
                "events": [
                    {"type": "visit", "user_id": 3, "product_id": 9},
                    {"type": "rating", "user_id": 3, "product_id": 17, "rating": 5},
                ]
            },
        ),
    ],
    "Rule": [
        ("pin a product", {"name": "summer", "action": "pin", "product_ids": [17]}),
        (
            "boost a category for a week",
            {
                "name": "summer",
                "action": "boost",
                "category": "clothing",
                "strength": 0.5,
                "starts_at": "2026-12-01T00:00:00+07:00",
                "ends_at": "2026-12-08T00:00:00+07:00",
            },
        ),
    ],
}
"""By the name of the body's struct: what an example is for, and what is sent."""


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
