"""One module per algorithm: what learns. What is learnt is a frozen model of `selera.models`."""

from .bias import fit_bias
from .popularity import fit_popularity
from .puresvd import PureSvdConfig, fit_puresvd
from .recipes import RECIPES, fit_recommender
from .settings import TrainingConfig
from .svd import SvdConfig, SvdFactors, fit_svd

__all__ = [
    "RECIPES",
    "PureSvdConfig",
    "SvdConfig",
    "SvdFactors",
    "TrainingConfig",
    "fit_bias",
    "fit_popularity",
    "fit_puresvd",
    "fit_recommender",
    "fit_svd",
]
