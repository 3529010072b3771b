"""Frozen scorers: NumPy arrays that answer from a history, and nothing else."""

from .bayes import BayesModel
from .bias import BiasModel
from .factor import FactorModel
from .popularity import PopularityModel
from .rating import RatingModel
from .recommender import Recommender
from .signals import SignalConfig, build_histories, histories_of, reference_time

__all__ = [
    "BayesModel",
    "BiasModel",
    "FactorModel",
    "PopularityModel",
    "RatingModel",
    "Recommender",
    "SignalConfig",
    "build_histories",
    "histories_of",
    "reference_time",
]
