"""Memory that a request needs for a moment only goes back to the system when it ends.

glibc raises the size from which it does so to that of the largest block that was ever freed. What
is smaller stays in the heap of the thread that asked for it: the scores of a million products, once
for each thread that ever answered. A size that was set stays where it is (mallopt(3)).
"""

from __future__ import annotations

import ctypes
import platform

LARGE_BYTES = 1 << 20
"""From here on: to ask the system for less would take longer than what is done with it."""

_M_MMAP_THRESHOLD = -3


def give_back_large_blocks() -> None:
    """Let this process keep no freed block of `LARGE_BYTES` or more; where glibc is used."""
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, LARGE_BYTES)
