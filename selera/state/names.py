"""What keys, rules and experiments may be called."""

from __future__ import annotations

from ..contracts.errors import ConfigError

MOST_CHARACTERS = 100


def check_name(kind: str, name: str) -> None:
    """Raise ConfigError where `name` is empty, too long, or holds what cannot be printed.

    `kind` is what bears the name: "key", "experiment".
    """
    if not 1 <= len(name) <= MOST_CHARACTERS or not name.isprintable() or name != name.strip():
        raise ConfigError(
            f"{name[:MOST_CHARACTERS]!r} cannot be the name of a {kind}. Use 1 to "
            f"{MOST_CHARACTERS} printable characters, with no space at either end."
        )
