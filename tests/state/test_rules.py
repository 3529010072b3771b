from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import text

from selera.contracts.errors import ConfigError, NameNotFound, StateError
from selera.contracts.rules import Rule
from selera.state import Rules, State

FULL = Rule(
    name="christmas",
    action="boost",
    product_ids=(7, "7", "007"),
    category="tea",
    tag="gift",
    brand="Ôm'x\"",
    strength=-2.5,
    starts_at=datetime(2026, 12, 1, tzinfo=timezone(timedelta(hours=7))),
    ends_at=datetime(2026, 12, 27, 23, 59, 59, 500_000, tzinfo=UTC),
)


def test_rules_come_back_as_they_went_in_the_order_of_their_names(
    state: State, other_state: State
) -> None:
    hide = Rule(name="alcohol", action="hide", category="wine")
    for each in (FULL, hide):
        Rules(state).put(each)

    found = Rules(other_state).all()

    assert found == [hide, FULL]
    assert [type(each) for each in found[1].product_ids] == [int, str, str]


def test_a_rule_of_the_same_name_takes_the_place(state: State) -> None:
    rules = Rules(state)
    rules.put(FULL)
    rules.put(Rule(name="christmas", action="pin", product_ids=(1,)))

    (only,) = rules.all()
    assert only.action == "pin"


@pytest.mark.parametrize("name", [" summer", "sum\nmer", "\u202esummer", "\ud800", "x" * 101])
def test_a_rule_is_called_as_keys_and_experiments_may_be(state: State, name: str) -> None:
    with pytest.raises(ConfigError, match="cannot be the name of a rule. Use 1 to 100 printable"):
        Rules(state).put(Rule(name=name, action="pin", product_ids=(1,)))

    assert Rules(state).all() == []


def test_removing_what_is_not_there_is_said(state: State) -> None:
    with pytest.raises(NameNotFound, match="No rule is named 'x'"):
        Rules(state).remove("x")


def test_a_rule_that_cannot_be_read_is_named(state: State) -> None:
    rules = Rules(state)
    rules.put(FULL)
    with state.writing("test") as connection:
        connection.execute(
            text("""UPDATE rule SET body = '{"name": "christmas", "action": "x"}'""")
        )

    with pytest.raises(StateError, match="The rule 'christmas' in .* cannot be read"):
        rules.all()

    rules.remove("christmas")
    assert rules.all() == []
