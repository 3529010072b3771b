"""Everything that training can be told, a struct for each part."""

from __future__ import annotations

import msgspec

from ..models.signals import SignalConfig
from .bayes import BayesConfig
from .blend import BlendConfig
from .covisits import CovisitsConfig
from .ease import EaseConfig
from .gfcf import GfcfConfig
from .ials import IalsConfig
from .itemknn import ItemKnnConfig
from .new_items import NewItemConfig
from .popularity import PopularityConfig
from .profile import ProfileConfig
from .puresvd import PureSvdConfig
from .rebuy import RebuyConfig
from .review_text import ReviewTextConfig
from .rp3beta import Rp3BetaConfig
from .svd import SvdConfig
from .svdpp import SvdPpConfig
from .turbocf import TurboCfConfig
from .vstan import VstanConfig


class TrainingConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The settings of the signals and of every algorithm."""

    signals: SignalConfig = SignalConfig()
    svd: SvdConfig = SvdConfig()
    svdpp: SvdPpConfig = SvdPpConfig()
    bayes: BayesConfig = BayesConfig()
    puresvd: PureSvdConfig = PureSvdConfig()
    rp3beta: Rp3BetaConfig = Rp3BetaConfig()
    itemknn: ItemKnnConfig = ItemKnnConfig()
    covisits: CovisitsConfig = CovisitsConfig()
    gfcf: GfcfConfig = GfcfConfig()
    turbocf: TurboCfConfig = TurboCfConfig()
    ease: EaseConfig = EaseConfig()
    ials: IalsConfig = IalsConfig()
    vstan: VstanConfig = VstanConfig()
    rebuy: RebuyConfig = RebuyConfig()
    popularity: PopularityConfig = PopularityConfig()
    blend: BlendConfig = BlendConfig()
    profile: ProfileConfig = ProfileConfig()
    new_items: NewItemConfig = NewItemConfig()
    review_text: ReviewTextConfig = ReviewTextConfig()
