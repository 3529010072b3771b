"""The pipe between a parent and its child: when the parent is gone, the child notices and stops.

A parent holds the writing end of its child's standard input and never writes. However the parent
ends, killed without a chance to say so included, the system closes that end; the child then sees
the end of its input.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

GRACE_S = 5.0
"""How long a process may take to stop by itself before it is ended."""


def stop_with_parent() -> None:
    """Send this process SIGTERM when its standard input ends, and end it if it has not stopped."""
    threading.Thread(target=_await_end, name="lifeline", daemon=True).start()


def _await_end() -> None:
    descriptor = sys.stdin.fileno()
    # os.read, not sys.stdin.read: a thread in a buffered read would block the interpreter's end.
    while os.read(descriptor, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_S)
    os._exit(1)
