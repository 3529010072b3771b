import dataclasses
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from rich.pretty import pretty_repr

from selera.contracts.errors import ConfigError, NameNotFound, StateError
from selera.state import Keys, State
from selera.state.remembered import FRESH_S
from tests.processes import STALL_S


@pytest.fixture
def keys(state: State) -> Keys:
    return Keys(state)


def test_a_secret_is_good_for_its_key(keys: Keys) -> None:
    made = keys.create("shop front", ["events", "read"], rate_per_minute=600)

    assert keys.check(made.secret) == made.key
    assert (made.key.name, made.key.scopes) == ("shop front", ("read", "events"))
    assert made.key.rate_per_minute == 600
    assert keys.all() == [made.key]


def test_two_secrets_of_one_name_differ(keys: Keys) -> None:
    first = keys.create("a", ["read"])
    keys.revoke("a")
    second = keys.create("a", ["read"])

    assert first.secret != second.secret
    assert first.key.key_id != second.key.key_id
    assert keys.check(first.secret) is None
    assert keys.check(second.secret) == second.key


@pytest.mark.parametrize("change", [lambda s: s[:-1], lambda s: s + "A", lambda s: s.upper()])
def test_a_changed_secret_is_not_good(keys: Keys, change: Any) -> None:
    secret = keys.create("a", ["read"]).secret

    assert keys.check(change(secret)) is None


def test_each_character_of_a_secret_counts(keys: Keys) -> None:
    secret = keys.create("a", ["read"]).secret

    for place in range(len("sel_1_"), len(secret)):
        other = "A" if secret[place] != "A" else "B"
        assert keys.check(secret[:place] + other + secret[place + 1 :]) is None


def test_the_secret_of_one_key_is_not_good_with_the_number_of_another(keys: Keys) -> None:
    keys.create("a", ["admin"])
    second = keys.create("b", ["read"]).secret

    assert keys.check(second.replace("sel_2_", "sel_1_")) is None


@pytest.mark.parametrize(
    "text",
    ["", "sel_", "sel_1_", "sel_0_" + "A" * 43, "sel_x_" + "A" * 43, "sel_1_" + "é" * 43,
     "sel_" + "9" * 30 + "_" + "A" * 43, "sel_1_" + "A" * 43 + "\n", "' OR 1=1 --", "\ud800"],
)  # fmt: skip
def test_any_text_may_be_checked(keys: Keys, text: str) -> None:
    keys.create("a", ["read"])

    assert keys.check(text) is None


def test_a_revocation_holds_within_a_second_for_whoever_has_the_file_open(
    keys: Keys, other_state: State
) -> None:
    other = Keys(other_state)
    secret = keys.create("a", ["read"]).secret
    assert other.check(secret) is not None

    keys.revoke("a")
    revoked_at = time.monotonic()

    assert keys.check(secret) is None
    while other.check(secret) is not None:
        assert time.monotonic() < revoked_at + FRESH_S + STALL_S
        time.sleep(0.02)


def test_a_good_answer_is_remembered_without_the_database(keys: Keys, state: State) -> None:
    secret = keys.create("a", ["read"]).secret
    assert keys.check(secret) is not None

    state.path.rename(state.path.with_suffix(".away"))

    assert keys.check(secret) is not None
    with pytest.raises(StateError):
        keys.check("sel_1_" + "A" * 43)


def test_checking_writes_nothing(keys: Keys, state: State) -> None:
    secret = keys.create("a", ["read"]).secret
    with state.reading("test") as connection:
        before = connection.exec_driver_sql("PRAGMA data_version").scalar_one()
    wal = state.path.with_name(state.path.name + "-wal").stat()

    for _ in range(3):
        Keys(state).check(secret)

    after = state.path.with_name(state.path.name + "-wal").stat()
    assert (after.st_size, after.st_mtime_ns) == (wal.st_size, wal.st_mtime_ns)
    with state.reading("test") as connection:
        assert connection.exec_driver_sql("PRAGMA data_version").scalar_one() == before


def test_a_key_is_good_until_it_expires_even_where_it_is_remembered(keys: Keys) -> None:
    made = keys.create("a", ["read"], expires_at=datetime.now(UTC) + timedelta(seconds=1.2))
    assert keys.check(made.secret) == made.key

    ends = time.monotonic() + 1.2 + STALL_S
    while keys.check(made.secret) is not None:
        assert time.monotonic() < ends
        time.sleep(0.02)

    (key,) = keys.all()
    assert not key.is_active


def test_that_there_was_a_key_once_is_never_forgotten(keys: Keys, other_state: State) -> None:
    assert not keys.any_made()
    keys.create("a", ["read"])
    assert keys.any_made()
    keys.revoke("a")
    assert keys.any_made()
    assert Keys(other_state).any_made()


def test_a_first_key_is_known_within_a_second_to_whoever_has_the_file_open(
    keys: Keys, other_state: State
) -> None:
    other = Keys(other_state)
    assert not other.any_made()
    keys.create("a", ["read"])
    made_at = time.monotonic()

    while not other.any_made():
        assert time.monotonic() < made_at + FRESH_S + STALL_S
        time.sleep(0.02)


def test_revoking_what_is_not_there_is_said(keys: Keys) -> None:
    keys.create("a", ["read"])
    keys.revoke("a")

    for name in ("a", "b"):
        with pytest.raises(NameNotFound, match=f"No active key is named '{name}'"):
            keys.revoke(name)


def test_a_second_key_of_a_name_is_refused(keys: Keys) -> None:
    keys.create("a", ["read"])

    with pytest.raises(ConfigError, match="There is a key named 'a' already"):
        keys.create("a", ["events"])

    assert len(keys.all()) == 1


@pytest.mark.parametrize(
    ("name", "scopes", "options", "said"),
    [
        ("", ["read"], {}, "cannot be the name of a key"),
        ("x" * 101, ["read"], {}, "cannot be the name of a key"),
        ("a\nb", ["read"], {}, "cannot be the name of a key"),
        (" a", ["read"], {}, "cannot be the name of a key"),
        ("a", [], {}, "at least one scope; known are: read, profiles, events, admin"),
        ("a", ["root"], {}, "'root' is no scope; known are: read, profiles, events, admin"),
        ("a", ["read"], {"rate_per_minute": 0}, "1 to 1,000,000 times a minute, got 0"),
        ("a", ["read"], {"expires_at": datetime(2020, 1, 1, tzinfo=UTC)}, "never be good"),
        ("a", ["read"], {"expires_at": datetime(2999, 1, 1)}, "has no offset"),
    ],
)
def test_what_cannot_be_a_key_is_refused(
    keys: Keys, name: str, scopes: Any, options: Any, said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        keys.create(name, scopes, **options)

    assert keys.all() == []


def test_the_secret_is_in_no_repr_and_not_in_the_file(keys: Keys, state: State) -> None:
    made = keys.create("a", ["read"])
    random = made.secret.rpartition("_")[2] if made.secret.count("_") == 2 else made.secret[-20:]
    keys.check(made.secret)

    for shown in (repr(made), str(made), f"{made}", pretty_repr(made), repr(keys), repr([made])):
        assert random not in shown
    assert random not in repr(vars(keys))
    assert made.secret in msgspec.json.encode(made).decode()
    assert not dataclasses.is_dataclass(made)
    for file in state.path.parent.iterdir():
        assert random.encode() not in file.read_bytes()


def test_the_secret_is_in_no_error(
    keys: Keys, state: State, caplog: pytest.LogCaptureFixture
) -> None:
    made = keys.create("a", ["read"])
    state.path.rename(state.path.with_suffix(".away"))

    with caplog.at_level("DEBUG"), pytest.raises(StateError) as caught:
        Keys(state).check(made.secret)

    error: BaseException | None = caught.value
    while error is not None:
        assert made.secret[6:] not in f"{error} {error!r}"
        error = error.__cause__ or error.__context__
    assert made.secret[6:] not in caplog.text
