"""What the fingerprint of behaviors does not depend on."""

import pytest

from selera.contracts import fingerprint as module
from selera.contracts.fingerprint import fingerprint
from tests.tastes import checkerboard


def test_it_does_not_depend_on_how_many_behaviors_are_hashed_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    interactions = checkerboard()
    whole = fingerprint(interactions)
    monkeypatch.setattr(module, "_AT_ONCE", 7)
    assert fingerprint(interactions) == whole
