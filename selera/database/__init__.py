"""The shop's SQL database: SQLite, PostgreSQL, MariaDB or MySQL, read and (for samples) made."""

from ..contracts.events import EventConfig
from .changes import ChangeProbe
from .diagnosis import Finding, diagnose
from .engine import open_engine
from .erasing import erase_user
from .events import EventStore
from .feed import ChangeFeed
from .making import create_shop_tables, index_shop_tables
from .shop import Shop
from .snapshot import Snapshot, snapshot
from .writing import insert_rows

__all__ = [
    "ChangeFeed",
    "ChangeProbe",
    "EventConfig",
    "EventStore",
    "Finding",
    "Shop",
    "Snapshot",
    "create_shop_tables",
    "diagnose",
    "erase_user",
    "index_shop_tables",
    "insert_rows",
    "open_engine",
    "snapshot",
]
