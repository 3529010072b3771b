"""One user's behaviors, as a request tells them, in the arrays that are weighed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..contracts.behaviors import RATING_CODE, REVIEW_CODE, Behaviors
from ..contracts.histories import Histories
from ..contracts.ids import UNKNOWN_ROW, IdMap
from ..contracts.interactions import RatingScale
from .review_text import ReviewTextModel, without_stars
from .signals import SignalConfig, build_histories


def history_of(
    behaviors: Behaviors,
    items: IdMap,
    *,
    scale: RatingScale | None,
    now: int,
    config: SignalConfig,
    review_text: ReviewTextModel | None,
) -> Histories:
    """The weighed history of one user; what the ETL would leave out is left out here.

    That is: products that `items` lacks, and stars outside of the scale; of a rating all of it, of
    a review the stars alone.
    """
    rows = items.rows(behaviors.product_ids)
    codes, values, timestamps = behaviors.codes, behaviors.values, behaviors.timestamps
    # A visit count is no stars: it may lie outside of any scale.
    impossible = _outside_of(scale, values)
    values[impossible & (codes == REVIEW_CODE)] = np.nan
    usable = (rows != UNKNOWN_ROW) & ~(impossible & (codes == RATING_CODE))
    if review_text is not None:
        bare = without_stars(np.where(usable, rows, UNKNOWN_ROW), codes, values)
        texts = dict(behaviors.texts)
        values = review_text.fill(values, bare, [texts.get(at, "") for at in bare.tolist()])
    return build_histories(
        1,
        len(items),
        np.zeros(np.count_nonzero(usable), dtype=np.int32),
        rows[usable].astype(np.int32),
        codes[usable],
        values[usable],
        timestamps[usable],
        scale=scale,
        now=now,
        config=config,
    )


def _outside_of(scale: RatingScale | None, stars: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Where the stars are none of this shop's; all are, where nobody rated in training."""
    return ~np.isnan(stars) if scale is None else (stars < scale.low) | (stars > scale.high)
