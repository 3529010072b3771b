import base64
import json
import time
from typing import Any

import pytest
from itsdangerous import URLSafeTimedSerializer

from selera.contracts.errors import ConfigError
from selera.contracts.ids import Id
from selera.state import State, Tokens
from selera.state.remembered import FRESH_S
from tests.processes import STALL_S


@pytest.fixture
def tokens(state: State) -> Tokens:
    return Tokens(state)


@pytest.mark.parametrize("user_id", [7, "7", "007", -(2**63), "a/b?c=d&é", "", "\ud800", "x" * 900])
def test_a_token_is_good_for_its_user_with_the_type_of_the_id(tokens: Tokens, user_id: Id) -> None:
    found = tokens.check(tokens.issue(user_id, 60))

    assert found == user_id
    assert type(found) is type(user_id)


def test_another_process_takes_the_token_too(tokens: Tokens, other_state: State) -> None:
    assert Tokens(other_state).check(tokens.issue("u", 60)) == "u"
    assert tokens.check(Tokens(other_state).issue("u", 60)) == "u"


@pytest.mark.slow
def test_a_token_dies_after_its_life(tokens: Tokens) -> None:
    short, long = tokens.issue(7, 1), tokens.issue(7, 60)
    assert tokens.check(short) == 7

    time.sleep(2.1)

    assert tokens.check(short) is None
    assert tokens.check(long) == 7


@pytest.mark.parametrize("ttl_s", [0, -1, 3601])
def test_a_life_of_no_time_or_more_than_an_hour_is_refused(tokens: Tokens, ttl_s: int) -> None:
    with pytest.raises(ConfigError, match="may live 1 to 3600 seconds"):
        tokens.issue(7, ttl_s)


def test_a_token_that_was_touched_is_not_good(tokens: Tokens) -> None:
    token = tokens.issue(7, 60)

    for place in range(len(token) - 1):  # of the last character some bits are padding
        other = "A" if token[place] != "A" else "B"
        assert tokens.check(token[:place] + other + token[place + 1 :]) is None


def test_the_user_in_a_token_cannot_be_changed(tokens: Tokens) -> None:
    _, rest = tokens.issue(7, 60).split(".", 1)
    payload = base64.urlsafe_b64encode(json.dumps([8, 60]).encode()).rstrip(b"=").decode()

    assert tokens.check(f"{payload}.{rest}") is None


@pytest.mark.parametrize("text", ["", ".", "a.b.c", "\ud800", "x" * 10_000, "'; DROP TABLE x"])
def test_any_text_may_be_checked(tokens: Tokens, text: str) -> None:
    assert tokens.check(text) is None


def test_an_id_that_is_too_long_is_refused(tokens: Tokens) -> None:
    import random

    user_id = "".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=9000))

    with pytest.raises(ConfigError, match="9,000 characters fits in no token"):
        tokens.issue(user_id, 60)


def test_a_new_secret_ends_all_tokens_everywhere_within_a_second(
    tokens: Tokens, other_state: State
) -> None:
    other = Tokens(other_state)
    token = tokens.issue(7, 60)
    assert other.check(token) == 7

    tokens.rotate()
    rotated_at = time.monotonic()

    assert tokens.check(token) is None
    while other.check(token) is not None:
        assert time.monotonic() < rotated_at + FRESH_S + STALL_S
        time.sleep(0.02)
    assert other.check(tokens.issue(7, 60)) == 7


def test_a_token_signed_for_another_purpose_is_not_good(tokens: Tokens, state: State) -> None:
    tokens.issue(7, 60)
    with state.reading("test") as connection:
        secret = connection.exec_driver_sql("SELECT secret FROM signing_secret").scalar_one()

    assert tokens.check(str(URLSafeTimedSerializer(secret).dumps([7, 60]))) is None


def test_the_secret_has_256_bits_and_is_in_no_repr(tokens: Tokens, state: State) -> None:
    tokens.issue(7, 60)
    with state.reading("test") as connection:
        secret: Any = connection.exec_driver_sql("SELECT secret FROM signing_secret").scalar_one()

    assert len(secret) == 32
    assert repr(secret) not in repr(tokens) + repr(vars(tokens))
