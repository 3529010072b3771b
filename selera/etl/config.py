"""What a shop may set about its ETL."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import msgspec

from ..contracts.errors import ConfigError
from ..contracts.interactions import RatingScale
from ..contracts.zones import find_zone


class EtlConfig(msgspec.Struct, frozen=True):
    """The settings of the ETL. Raises ConfigError for a value outside its range.

    rating_scale : "auto" finds the scale in the data; "LOW..HIGH" or (low, high) fixes it
    time_zone : the IANA name of the zone that times without an offset are in
    bucket_rows : behaviors that are transformed at once, >= 1; more is faster and needs more memory
    """

    rating_scale: str | tuple[float, float] = "auto"
    time_zone: str = "UTC"
    bucket_rows: int = 1_000_000

    def __post_init__(self) -> None:
        if self.bucket_rows < 1:
            raise ConfigError(f"etl.bucket_rows must be >= 1, got {self.bucket_rows}")
        self.scale()
        self.zone()

    def scale(self) -> RatingScale | None:
        """The rating scale that was set; None where it is to be found in the data."""
        if self.rating_scale == "auto":
            return None
        try:
            low, high = (
                self.rating_scale.split("..")
                if isinstance(self.rating_scale, str)
                else self.rating_scale
            )
            return RatingScale(float(low), float(high))
        except ValueError as error:
            raise ConfigError(
                'etl.rating_scale must be "auto" or rise from low to high like "1..5", '
                f"got {self.rating_scale!r}"
            ) from error

    def zone(self) -> ZoneInfo:
        """The zone of times without an offset."""
        return find_zone(self.time_zone)
