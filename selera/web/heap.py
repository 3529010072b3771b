"""What a request needs for a moment goes back to the system: its large blocks, at once.

glibc raises the size from which it does so to that of the largest block that was ever freed. What
is smaller stays in the heap of the thread that asked for it: the scores of a million products, once
for each thread that ever answered. A size that was set stays where it is (mallopt(3)).
"""

from __future__ import annotations

import ctypes
import platform

LARGE_BYTES = 1 << 20
"""What counts as large: arrays with a place for each of a million products, not of a thousand."""

_M_MMAP_THRESHOLD = -3


def give_back_large_blocks() -> None:
    """Let this process keep no freed block of `LARGE_BYTES` or more; where glibc is used."""
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, LARGE_BYTES)
