"""Merchandising rules: what the shop's people hide, pin and boost, whatever users like."""

import contextlib
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from structlog.testing import capture_logs

from selera.contracts.errors import ConfigError
from selera.contracts.ids import Id
from selera.contracts.rules import Rule
from selera.database import Shop
from selera.serving import Filters, ModelSlot, Question, RecommendationService, ServingConfig
from selera.serving.merchandise import Rules, read_rules_file
from selera.state import Rules as KeptRules
from selera.state import State
from tests.serving.following import ids_of, opened, wait_until
from tests.serving.served_shop import (
    LANTERNS,
    NEW_PRODUCT,
    NEW_USER,
    interactions_of,
    vary,
)

DATA = interactions_of()
USER = DATA.users.id(4)
ALL = Question(limit=100)
Serve = Callable[..., RecommendationService]


@pytest.fixture
def serve(own_url: str, model_path: Path, tmp_path: Path) -> Iterator[Serve]:
    """Opens services over the varied shop under the given rules."""
    vary(own_url)
    services = []

    def open_service(*rules: Rule, **settings: object) -> RecommendationService:
        config = ServingConfig(**settings)
        entered = opened(own_url, model_path, config, started=False, rules=lambda: rules)
        services.append(entered)
        return entered.__enter__()

    yield open_service
    for each in services:
        each.__exit__(None, None, None)


def product(row: int) -> Id:
    return DATA.items.id(row)


def listed(service: RecommendationService, question: Question = ALL) -> list[Id]:
    return ids_of(service.recommend(USER, question))


def test_what_is_hidden_is_in_no_list(serve: Serve) -> None:
    service = serve(
        Rule(name="no lanterns", action="hide", category="lantern"),
        Rule(name="not this", action="hide", product_ids=(product(0), NEW_PRODUCT)),
    )
    hidden = {product(0), NEW_PRODUCT, *(product(row) for row in LANTERNS)}
    everything = Question(limit=100, include_seen=True, strict=False)
    lantern_alone = Question(limit=100, filters=Filters(category=("lantern",)), strict=False)
    lists = [
        listed(service, everything),
        listed(service, lantern_alone),
        ids_of(service.recommend(NEW_USER, everything)),
        ids_of(service.recommend_basket([product(2)], everything)),
        *(
            [each.product.product_id for each in places]
            for places in (
                service.popular(everything).popular,
                service.trending(everything).trending,
                service.similar(product(4), everything).similar,
            )
        ),
    ]
    for each in lists:
        assert each
        assert not hidden & set(each)


def test_pinned_products_come_first_in_the_order_of_the_rule_and_say_so(serve: Serve) -> None:
    plain = listed(serve())
    last, before = plain[-1], plain[-2]
    service = serve(Rule(name="our own", action="pin", product_ids=(last, before)))
    places = service.recommend(USER, Question(limit=5)).recommendations
    assert [each.product.product_id for each in places] == [last, before, *plain[:3]]
    assert [each.source for each in places] == ["rule", "rule", "svd", "svd", "svd"]
    assert [each.rule for each in places] == ["our own", "our own", *[msgspec.UNSET] * 3]
    assert [each.rank for each in places] == [1, 2, 3, 4, 5]
    assert msgspec.to_builtins(places[0])["rule"] == "our own"
    assert "rule" not in msgspec.to_builtins(places[2])


def test_more_pins_than_places_fill_the_list(serve: Serve) -> None:
    service = serve(Rule(name="lanterns", action="pin", category="lantern"))
    question = Question(limit=2, include_seen=True)
    assert listed(service, question) == [product(2), product(9)]


def test_a_pin_obeys_filters_exclusion_hiding_and_what_was_seen(serve: Serve) -> None:
    seen, unseen = product(0), product(4)  # user row 4 lacks the product in row 4
    pins = Rule(name="pins", action="pin", product_ids=(seen, unseen, product(2), product(6)))
    service = serve(pins, Rule(name="hides", action="hide", product_ids=(product(2),)))
    assert listed(service)[0] == unseen
    assert seen not in listed(service)
    of_category = Question(limit=100, filters=Filters(category=("bag",)), include_seen=True)
    assert listed(service, of_category)[0] == product(6)
    assert unseen not in listed(service, of_category)
    excluded = Question(limit=100, filters=Filters(exclude=(unseen, product(6))), include_seen=True)
    assert listed(service, excluded)[0] == seen
    assert not {unseen, product(2), product(6)} & set(listed(service, excluded))


def test_a_new_product_can_be_pinned(serve: Serve) -> None:
    service = serve(Rule(name="new", action="pin", product_ids=(str(NEW_PRODUCT),)))
    first = service.recommend(USER).recommendations[0]
    assert first.product.product_id == NEW_PRODUCT
    assert (first.source, first.score, first.predicted_rating) == ("rule", 0.0, None)
    assert ids_of(service.recommend(NEW_USER))[0] == NEW_PRODUCT


@pytest.mark.parametrize("strength", [2.5, -2.5])
def test_a_boost_moves_its_products_and_no_others(serve: Serve, strength: float) -> None:
    plain = {each.product.product_id: each for each in serve().recommend(USER, ALL).recommendations}
    service = serve(Rule(name="shoes", action="boost", category="shoe", strength=strength))
    boosted = service.recommend(USER, ALL).recommendations
    assert {each.product.product_id for each in boosted} == set(plain)
    scores = [each.score for each in boosted]
    assert scores == sorted(scores, reverse=True)
    (new,) = [place for place in boosted if place.source == "new"]
    assert new is boosted.pop()
    added = {
        each.product.category: each.score - plain[each.product.product_id].score for each in boosted
    }
    assert added.pop("shoe") * strength > 0
    assert set(added.values()) == {0.0}
    for each in boosted:
        is_told = [reason.rule for reason in each.reasons if reason.type == "boosted_by_rule"]
        assert is_told == (["shoes"] if each.product.category == "shoe" else [])
        assert each.baseline is not None
        parts = sum(reason.contribution for reason in each.reasons)
        assert each.baseline + parts == pytest.approx(each.score, rel=1e-9, abs=1e-12)


def test_a_boost_counts_for_users_without_history_and_says_so(serve: Serve) -> None:
    service = serve(Rule(name="lanterns", action="boost", category="lantern", strength=5.0))
    answer = service.recommend(NEW_USER, Question(limit=3))
    assert answer.fallback == "popular"
    assert {each.product.category for each in answer.recommendations} == {"lantern"}
    for each in answer.recommendations:
        (reason,) = each.reasons
        assert (reason.type, reason.rule) == ("boosted_by_rule", "lanterns")
        assert each.baseline is not None
        assert each.baseline + reason.contribution == pytest.approx(each.score, rel=1e-9)


def test_a_rule_holds_within_its_time_alone(serve: Serve) -> None:
    now = datetime.now(UTC)
    hour = timedelta(hours=1)
    hides = {
        "before": Rule(
            name="before", action="hide", product_ids=(product(4),), starts_at=now + hour
        ),
        "during": Rule(
            name="during",
            action="hide",
            product_ids=(product(6),),
            starts_at=now - hour,
            ends_at=now + hour,
        ),
        "after": Rule(name="after", action="hide", product_ids=(product(8),), ends_at=now - hour),
    }
    everything = Question(limit=100, include_seen=True)
    ids = listed(serve(*hides.values()), everything)
    assert product(6) not in ids
    assert {product(4), product(8)} <= set(ids)
    rules = Rules([lambda: tuple(hides.values())])
    rules.refresh()
    for moment, expected in (
        (now - 2 * hour, {"after"}),
        (now, {"during"}),
        (now + hour, {"before"}),
        (now, {"during"}),
        (now + 2 * hour, {"before"}),
    ):
        assert {rule.name for rule in rules.in_force(moment).rules} == expected


def test_a_rule_turns_on_while_a_service_answers(
    own_url: str, model_path: Path, tmp_path: Path
) -> None:
    """What was answered before must not be told again after the turn."""
    starts_at = datetime.now(UTC) + timedelta(seconds=1)
    rule = Rule(name="soon", action="pin", product_ids=(NEW_PRODUCT,), starts_at=starts_at)
    with opened(own_url, model_path, rules=lambda: [rule]) as service:
        assert ids_of(service.recommend(USER))[0] != NEW_PRODUCT
        wait_until(lambda: ids_of(service.recommend(USER))[0] == NEW_PRODUCT)
        assert datetime.now(UTC) >= starts_at


def test_a_later_source_replaces_a_rule_of_the_same_name(
    own_url: str, model_path: Path, tmp_path: Path
) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(
        f"""
[[rule]]
name = "front"
action = "pin"
product_ids = [{product(4)}]

[[rule]]
name = "gone"
action = "hide"
product_ids = [{product(6)}]
starts_at = 2024-01-01T00:00:00+07:00
"""
    )
    config = ServingConfig(rules_file=str(path))
    question = Question(limit=100, include_seen=True)
    with State.open(tmp_path / "state.db") as state:
        kept = KeptRules(state)
        with opened(own_url, model_path, config, rules=kept.all) as service:
            assert listed(service, question)[0] == product(4)
            assert product(6) not in listed(service, question)
            kept.put(Rule(name="front", action="pin", product_ids=(product(8),)))
            wait_until(lambda: listed(service, question)[0] == product(8))
            assert product(6) not in listed(service, question)
            kept.remove("front")
            wait_until(lambda: listed(service, question)[0] == product(4))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[[rule]\n", r"rules\.toml cannot be read: .*line 1.*Correct the file"),
        ("[rules]\na = 1\n", r"rules\.toml may hold \[\[rule\]\] tables alone, got rules"),
        ('[rule]\nname = "a"\n', r"\[\[rule\]\] tables alone, got rule\. Write each"),
        (
            '[[rule]]\nname = "a"\naction = "hide"\nbrand = "b"\n'
            '[[rule]]\nname = "all"\naction = "hide"\n',
            r"Rule 2 \('all'\) of .*rules\.toml cannot be used: a rule needs .*Correct it",
        ),
        (
            '[[rule]]\nname = "a"\naction = "show"\nbrand = "b"\n',
            r"Rule 1 \('a'\) of .*: Invalid enum value 'show'.*action",
        ),
        (
            '[[rule]]\nname = "a"\naction = "pin"\nbrand = "b"\nstrenght = 1\n',
            r"Rule 1 \('a'\) of .*unknown field `strenght`",
        ),
        (
            '[[rule]]\nname = "a"\naction = "pin"\nbrand = "b"\nends_at = 2024-01-01T00:00:00\n',
            r"Rule 1 \('a'\) of .*timezone.*ends_at",
        ),
    ],
)
def test_a_broken_rules_file_is_refused_with_the_place_and_the_cure(
    shop_url: str, model_path: Path, tmp_path: Path, text: str, told: str
) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=told):
        read_rules_file(path)
    with contextlib.closing(Shop.open(shop_url)) as shop, pytest.raises(ConfigError, match=told):
        RecommendationService(ModelSlot(model_path), shop, ServingConfig(rules_file=str(path)))


def test_a_rules_file_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml cannot be read: .*No such file"):
        read_rules_file(tmp_path / "none.toml")


def test_a_rules_file_that_breaks_later_leaves_the_old_rules(
    own_url: str, model_path: Path, tmp_path: Path
) -> None:
    path = tmp_path / "rules.toml"
    rule = '[[rule]]\nname = "a"\naction = "pin"\nproduct_ids = [{}]\n'
    path.write_text(rule.format(product(4)))
    question = Question(limit=100, include_seen=True)
    with (
        capture_logs() as logs,
        opened(own_url, model_path, ServingConfig(rules_file=str(path))) as service,
    ):
        assert listed(service, question)[0] == product(4)
        path.write_text("[[rule")
        wait_until(lambda: any(each["event"] == "not followed, trying again" for each in logs))
        assert listed(service, question)[0] == product(4)
        path.write_text(rule.format(product(8)))
        wait_until(lambda: listed(service, question)[0] == product(8))
    told = [each for each in logs if each["event"] == "not followed, trying again"]
    assert len(told) == 1
    assert told[0]["log_level"] == "warning"
    assert "rules.toml cannot be read" in json.dumps(told[0])
