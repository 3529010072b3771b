from __future__ import annotations

import subprocess
import sys

import pytest

from selera.contracts.errors import ConfigError
from selera.contracts.interactions import RatingScale
from selera.etl import EtlConfig


@pytest.mark.parametrize("scale", ["1..5", " 1 .. 5 ", (1, 5), (1.0, 5.0)])
def test_a_scale_can_be_set(scale: str | tuple[float, float]) -> None:
    assert EtlConfig(rating_scale=scale).scale() == RatingScale(1, 5)


def test_the_scale_is_found_unless_it_is_set() -> None:
    assert EtlConfig().scale() is None


@pytest.mark.parametrize("scale", ["", "5", "5..1", "a..b", "1..2..3", "nan..5", (5.0, 5.0)])
def test_a_wrong_scale_is_refused(scale: str | tuple[float, float]) -> None:
    with pytest.raises(ConfigError, match=r"etl\.rating_scale must be"):
        EtlConfig(rating_scale=scale)


@pytest.mark.parametrize("zone", ["", "Mars/Olympus", "../etc/passwd", "Asia/"])
def test_an_unknown_time_zone_is_refused(zone: str) -> None:
    with pytest.raises(ConfigError, match=r"etl\.time_zone must be an IANA name"):
        EtlConfig(time_zone=zone)


def test_a_bucket_without_rows_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"etl\.bucket_rows must be >= 1, got 0"):
        EtlConfig(bucket_rows=0)


def test_settings_are_read_without_polars() -> None:
    program = "import sys; from selera.etl import EtlConfig; print('polars' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert answer.stdout.strip() == b"False"


def test_the_room_has_no_other_names() -> None:
    import selera.etl

    with pytest.raises(AttributeError, match="no attribute 'run'"):
        selera.etl.__getattr__("run")
