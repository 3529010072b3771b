"""PostgreSQL knows times that Python does not: `infinity`, years past 9999, years before Christ.

One such value must not end the extraction of a whole table: it is read as the text that the server
sends, which the rules of `values` then find unreadable.
"""

from __future__ import annotations

from typing import Any

TIME_TYPES = ("date", "timestamp", "timestamptz")


def read_odd_times_as_text(connection: Any) -> None:
    """Let this psycopg connection answer a time that Python cannot hold with its text."""
    from psycopg import DataError
    from psycopg.adapt import Loader
    from psycopg.pq import Format

    def tolerant(strict: type[Any]) -> type[Loader]:
        # The strict loader is held, not inherited from: psycopg would call a C loader's own code.
        class TolerantLoader(Loader):
            def __init__(self, oid: int, context: Any = None) -> None:
                super().__init__(oid, context)
                self._strict = strict(oid, context)

            def load(self, data: Any) -> Any:
                try:
                    return self._strict.load(data)
                except DataError:
                    return bytes(data).decode()

        return TolerantLoader

    adapters = connection.adapters
    for name in TIME_TYPES:
        oid = adapters.types[name].oid
        adapters.register_loader(oid, tolerant(adapters.get_loader(oid, Format.TEXT)))
