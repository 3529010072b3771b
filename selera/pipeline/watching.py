"""What the two watchers share: their settings and their report."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

Seconds = Annotated[float, Meta(gt=0)]


class WatchConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the watchers wait.

    debounce_s : quiet that must follow a change before work begins: a file of stable size and time,
        a database without a newer change
    poll_s : pause between two questions to the database (or looks at the file) whether it changed
    longest_debounce_s : the ETL begins after this even where the database never comes to rest
    retry_s : pause before work that failed is tried again; it doubles each time
    longest_retry_s : the pause never grows beyond this
    """

    debounce_s: Seconds = 0.5
    poll_s: Seconds = 1.0
    longest_debounce_s: Seconds = 15.0
    retry_s: Seconds = 2.0
    longest_retry_s: Seconds = 300.0


class WatchReport(msgspec.Struct, frozen=True):
    """How often a watcher started its work, how often that failed, and how long it watched."""

    n_runs: int
    n_failed: int
    seconds: float
