"""Everything that training can be told, a struct for each part."""

from __future__ import annotations

import msgspec

from ..models.signals import SignalConfig
from .puresvd import PureSvdConfig
from .svd import SvdConfig


class TrainingConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The settings of the signals and of every algorithm."""

    signals: SignalConfig = SignalConfig()
    svd: SvdConfig = SvdConfig()
    puresvd: PureSvdConfig = PureSvdConfig()
