"""The settings that the blend tries: all of them allowed, none of them twice."""

import msgspec
import pytest

from selera.training.ease import EaseConfig
from selera.training.ials import IalsConfig
from selera.training.rankers import RANKERS
from selera.training.settings import TrainingConfig
from selera.training.variants import VARIANTS, variants_of

DEFAULT = TrainingConfig()
MANY = 1_000_000


def tried(
    name: str,
    config: TrainingConfig = DEFAULT,
    *,
    n_users: int = MANY,
    n_items: int = MANY,
    n_pairs: int = MANY,
) -> list[TrainingConfig]:
    return variants_of(name, config, n_users=n_users, n_items=n_items, n_pairs=n_pairs)


@pytest.mark.parametrize("name", sorted(VARIANTS))
def test_every_variant_is_allowed_and_differs_from_all_others(name: str) -> None:
    configs = tried(name)
    assert configs[0] == DEFAULT
    assert len(configs) == 1 + len(VARIANTS[name])
    for config in configs:
        checked = msgspec.convert(msgspec.to_builtins(config), TrainingConfig)
        assert checked == config
    assert len({repr(config) for config in configs}) == len(configs)


@pytest.mark.parametrize("name", sorted(VARIANTS))
def test_a_variant_changes_the_settings_of_its_ranker_alone(name: str) -> None:
    for config in tried(name)[1:]:
        assert getattr(config, name) != getattr(DEFAULT, name)
        restored = msgspec.structs.replace(config, **{name: getattr(DEFAULT, name)})
        assert restored == DEFAULT


def test_variants_are_of_rankers_that_there_are() -> None:
    assert set(VARIANTS) <= set(RANKERS)


@pytest.mark.parametrize(("n_users", "n_items"), [(2048, 9999), (9999, 2048)])
def test_factors_beyond_a_quarter_of_the_smaller_side_are_left_out(
    n_users: int, n_items: int
) -> None:
    configs = tried("ials", n_users=n_users, n_items=n_items)
    assert [each.ials.n_factors for each in configs[1:]] == [128, 512]
    fewer = tried("ials", n_users=n_users - 1, n_items=n_items - 1)
    assert [each.ials.n_factors for each in fewer[1:]] == [128]
    assert tried("ials", n_users=3, n_items=3) == [DEFAULT]


def test_more_factors_are_left_out_where_the_shop_is_so_large_that_trying_takes_long() -> None:
    n_pairs = 2_000_000_000 // 512
    configs = tried("ials", n_pairs=n_pairs)
    assert [each.ials.n_factors for each in configs[1:]] == [128, 512]
    fewer = tried("ials", n_pairs=n_pairs + 1)
    assert [each.ials.n_factors for each in fewer[1:]] == [128]
    assert len(tried("ease", n_pairs=10**11)) == 2  # it has no factors


def test_variants_without_factors_stay_in_the_smallest_shop() -> None:
    assert len(tried("ease", n_users=2, n_items=2)) == 2


def test_settings_that_the_shop_has_changed_are_left_alone() -> None:
    changed = TrainingConfig(ease=EaseConfig(regularization=7.0), ials=IalsConfig(n_epochs=2))
    for name in ("ease", "ials"):
        assert tried(name, changed) == [changed]
    configs = tried("itemknn", changed)
    assert len(configs) == 1 + len(VARIANTS["itemknn"])
    assert all(each.ease == changed.ease for each in configs)


@pytest.mark.parametrize("name", ["popularity", "rebuy", "covisits"])
def test_a_ranker_without_variants_is_tried_as_it_is(name: str) -> None:
    assert tried(name) == [DEFAULT]
