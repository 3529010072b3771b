"""Settings of the evaluation."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta


class EvaluationConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a recipe is judged before it is published.

    n : length of the judged lists
    n_cuts : temporal cut-offs, rolled back from the end of the data
    test_share : share of the behaviors that follows each cut-off and is held out
    max_users : users judged at each cut-off at most, drawn at random
    """

    n: Annotated[int, Meta(ge=1, le=1000)] = 10
    n_cuts: Annotated[int, Meta(ge=1, le=20)] = 3
    test_share: Annotated[float, Meta(gt=0.0, lt=1.0)] = 0.1
    max_users: Annotated[int, Meta(ge=1)] = 5000
