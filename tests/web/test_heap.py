"""What a process that answers keeps of the memory that a request needed for a moment."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

HELD = """
import sys
from pathlib import Path
import numpy as np
from selera.web.heap import LARGE_BYTES, give_back_large_blocks

def held_bytes():
    (line,) = [each for each in Path("/proc/self/status").read_text().splitlines()
               if each.startswith("RssAnon:")]
    return int(line.split()[1]) * 1024

if sys.argv[1] == "give back":
    give_back_large_blocks()
np.ones(24 * LARGE_BYTES, np.uint8)  # by this block glibc measures what is large from now on
before = held_bytes()
for n in range(8, 16):
    np.ones(n * LARGE_BYTES, np.uint8)
print((held_bytes() - before) // LARGE_BYTES)
"""


def kept_mib(how: str) -> int:
    told = subprocess.run(
        [sys.executable, "-c", HELD, how], check=True, capture_output=True, text=True
    )
    return int(told.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc alone has this way")
def test_a_block_that_was_needed_for_a_moment_is_not_kept() -> None:
    assert kept_mib("as it comes") >= 8, "else nothing has to be done"
    assert kept_mib("give back") == 0
