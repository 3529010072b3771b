"""How often a key may ask, counted across all processes in one small mapped file.

The generic cell rate algorithm (ITU-T I.371, appendix I): a key that may ask `r` times a minute is
due every T = 60 / r seconds. Its slot holds when the next request would be due, had all come evenly
(the theoretical arrival time, TAT). A request at `now` makes TAT' = max(TAT, now) + T and is let
through where TAT' - now <= burst * T; else it changes nothing and has to wait for the rest. Any
stretch of t seconds thus lets at most burst + t / T requests through, with no minute that begins.

Times are the monotonic clock's: one for all processes of a machine, never set back. It begins anew
when the machine does; a slot from before then tells either a time that is past, which is no limit,
or one further ahead than a full burst can lead, which is taken as past.
"""

from __future__ import annotations

import fcntl
import os
import struct
import time
from pathlib import Path
from typing import Self

from ..contracts.errors import StateError
from .mapped import THREADS, open_mapped

_N_SLOTS = 8
_ID, _DUE = struct.Struct("=q"), struct.Struct("=d")
_IDS, _DUES = struct.Struct(f"={_N_SLOTS}q"), struct.Struct(f"={_N_SLOTS}d")
_BUCKET_BYTES = 16 * _N_SLOTS
_HAIR = 1e-6
_MINUTE_S = 60.0


def rates_path(state_path: Path) -> Path:
    """Where the counts lie: beside the state file."""
    return state_path.with_name(f"{state_path.name}-rates")


class RateLimiter:
    """The counts of all keys; threads share one, and processes share the file.

    A key has a slot in the bucket of eight that its id leads to: eight ids, int64, and then their
    eight TATs, float64. Where all eight are in use by other keys, it takes the one that is nearest
    to being unused. `capacity` must be the same in all processes.
    """

    def __init__(self, path: Path, capacity: int = 4096) -> None:
        """Open the file, or make it, readable for its owner alone.

        Raises StateError where that cannot be. Nobody may shorten the file while it is open.
        """
        self._n_buckets = max(1, -(-capacity // _N_SLOTS))
        size_bytes = self._n_buckets * _BUCKET_BYTES
        self._file, self._map = open_mapped(path, size_bytes, "count requests in")

    def take(self, key_id: int, per_minute: int, burst: int) -> float:
        """Ask for one request now: 0.0 if it may be, else the seconds until one may.

        key_id : 0 .. 2**63 - 1; it need not be a key's, a hashed address does too
        per_minute, burst : at least 1; `burst` requests may come at once after a rest

        Raises StateError where the file's lock fails.
        """
        interval_s = _MINUTE_S / per_minute
        span_s = interval_s * burst
        offset = key_id % self._n_buckets * _BUCKET_BYTES
        with THREADS:
            self._lock(fcntl.LOCK_EX, offset)
            try:
                now = time.monotonic()
                place, due = self._find(offset, key_id, now)
                if not now <= due <= now + span_s:
                    due = now
                ahead_s = due - now + interval_s
                # A hair of rounding must not turn the last request of a burst away.
                if ahead_s > span_s + _HAIR * interval_s:
                    return ahead_s - span_s
                _ID.pack_into(self._map, offset + 8 * place, key_id)
                _DUE.pack_into(self._map, offset + 8 * (_N_SLOTS + place), now + ahead_s)
                return 0.0
            finally:
                self._lock(fcntl.LOCK_UN, offset)

    def close(self) -> None:
        """Let go of the file; what is counted stays in it."""
        with THREADS:
            self._map.close()
            os.close(self._file)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _find(self, offset: int, key_id: int, now: float) -> tuple[int, float]:
        """The place of a key's slot in its bucket and its TAT; `now` where it has none yet."""
        ids = _IDS.unpack_from(self._map, offset)
        dues = _DUES.unpack_from(self._map, offset + 8 * _N_SLOTS)
        if key_id in ids:
            place = ids.index(key_id)
            return place, dues[place]
        return dues.index(min(dues)), now

    def _lock(self, what: int, offset: int) -> None:
        try:
            fcntl.lockf(self._file, what, _BUCKET_BYTES, offset)
        except OSError as error:
            raise StateError(f"Cannot count requests: {error.strerror}.") from error
