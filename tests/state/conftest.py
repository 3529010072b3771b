from collections.abc import Iterator
from pathlib import Path

import pytest

from selera.state import State


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "selera-state.db"


@pytest.fixture
def state(path: Path) -> Iterator[State]:
    with State.open(path) as opened:
        yield opened


@pytest.fixture
def other_state(state: State) -> Iterator[State]:
    """The same file, as another process has it."""
    with State.open(state.path) as opened:
        yield opened
