"""Frozen scorers: NumPy arrays that answer from a history, and nothing else."""

from .factor import FactorModel
from .popularity import PopularityModel
from .rating import RatingModel
from .recommender import Recommender
from .signals import SignalConfig, build_histories

__all__ = [
    "FactorModel",
    "PopularityModel",
    "RatingModel",
    "Recommender",
    "SignalConfig",
    "build_histories",
]
