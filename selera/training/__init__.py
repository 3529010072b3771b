"""One module per algorithm: what learns. What is learnt is a frozen model of `selera.models`."""

from .bayes import BayesConfig, BayesStars, fit_bayes
from .bias import fit_bias
from .ease import EaseConfig, fit_ease
from .gfcf import GfcfConfig, fit_gfcf
from .ials import IalsConfig, IalsFactors, fit_ials
from .itemknn import ItemKnnConfig, fit_itemknn
from .popularity import fit_popularity
from .puresvd import PureSvdConfig, fit_puresvd
from .recipes import RECIPES, fit_recommender, require_recipe
from .rp3beta import Rp3BetaConfig, fit_rp3beta
from .settings import TrainingConfig
from .svd import SvdConfig, SvdFactors, fit_svd
from .svdpp import SvdPpConfig, fit_svdpp
from .turbocf import TurboCfConfig, fit_turbocf

__all__ = [
    "RECIPES",
    "EaseConfig",
    "BayesConfig",
    "BayesStars",
    "GfcfConfig",
    "IalsConfig",
    "IalsFactors",
    "ItemKnnConfig",
    "PureSvdConfig",
    "Rp3BetaConfig",
    "SvdConfig",
    "SvdFactors",
    "SvdPpConfig",
    "TrainingConfig",
    "TurboCfConfig",
    "fit_bayes",
    "fit_bias",
    "fit_ease",
    "fit_gfcf",
    "fit_ials",
    "fit_itemknn",
    "fit_popularity",
    "fit_puresvd",
    "fit_recommender",
    "fit_rp3beta",
    "fit_svd",
    "fit_svdpp",
    "require_recipe",
    "fit_turbocf",
]
