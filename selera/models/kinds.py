"""The kinds of scorer that a model file can name. A new scorer joins by its name here."""

from __future__ import annotations

from ..contracts.protocols import Model, Rater
from .bayes import BayesModel
from .bias import BiasModel
from .factor import FactorModel
from .item_graph import ItemGraphModel
from .popularity import PopularityModel
from .rating import RatingModel
from .rebuy import RebuyModel
from .session import SessionModel
from .spectral import SpectralFilterModel
from .weighted_factor import WeightedFactorModel

SCORERS: dict[str, type[Model]] = {
    model.name: model
    for model in (
        FactorModel,
        ItemGraphModel,
        PopularityModel,
        RebuyModel,
        SessionModel,
        SpectralFilterModel,
        WeightedFactorModel,
    )
}
"""The kinds of ranker, but for the blend, which is made of these."""

RATERS: dict[str, type[Rater]] = {
    rater.name: rater
    for rater in (
        RatingModel,
        BiasModel,
        BayesModel,
    )
}
"""The kinds of rater."""
