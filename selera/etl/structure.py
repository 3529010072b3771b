"""Whether a CSV that we did not write ourselves is whole: every record, to its last byte."""

from __future__ import annotations

import codecs
from pathlib import Path

import numpy as np

from ..contracts.errors import DataError

CURE = "Run etl.py again."

_BLOCK = 1 << 22
_QUOTE, _COMMA, _NEWLINE = b'",\n'


def check_structure(path: Path, n_fields: int) -> None:
    """Make sure that the file is UTF-8 and that each of its records has `n_fields` fields.

    Polars fills short records with nulls in silence; this does not. Raises DataError with the line.
    """
    scan = _Scan(path, n_fields)
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            scan.check(block)
    scan.check_end()


class _Scan:
    """Where a scan through a file stands between two blocks; lines count from 1."""

    def __init__(self, path: Path, n_fields: int) -> None:
        self._path = path
        self._n_fields = n_fields
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._line = 1
        self._is_quoted = False
        self._quote_line = 1
        self._open_commas = 0
        self._last = b"\n"

    def check(self, block: bytes) -> None:
        """Go through the next block."""
        try:
            self._decoder.decode(block)
        except UnicodeDecodeError as error:
            line = self._line + error.object.count(b"\n", 0, error.start)
            raise broken(self._path, line, "is not UTF-8") from error
        data = np.frombuffer(block, dtype=np.uint8)
        quotes = data == _QUOTE
        quoted = np.logical_xor.accumulate(quotes) ^ self._is_quoted
        ends = np.flatnonzero((data == _NEWLINE) & ~quoted)
        commas = np.flatnonzero((data == _COMMA) & ~quoted)
        self._check_records(block, ends, np.searchsorted(commas, ends), len(commas))
        if quoted[-1] and quotes.any():
            self._quote_line = self._line + block.count(b"\n", 0, int(np.flatnonzero(quotes)[-1]))
        self._is_quoted = bool(quoted[-1])
        self._line += block.count(b"\n")
        self._last = block[-1:]

    def _check_records(
        self, block: bytes, ends: np.ndarray, commas_before: np.ndarray, n_commas: int
    ) -> None:
        """Compare the number of fields of the records that end in this block."""
        if not len(ends):
            self._open_commas += n_commas
            return
        n_fields = np.diff(commas_before, prepend=-self._open_commas) + 1
        wrong = np.flatnonzero(n_fields != self._n_fields)
        if len(wrong):
            line = self._line + block.count(b"\n", 0, int(ends[wrong[0]]))
            found = int(n_fields[wrong[0]])
            raise broken(self._path, line, f"has {found} fields instead of {self._n_fields}")
        self._open_commas = n_commas - int(commas_before[-1])

    def check_end(self) -> None:
        """Make sure that the file does not end in the middle of anything."""
        if self._is_quoted:
            raise broken(self._path, self._quote_line, "opens a quoted field that never closes")
        if self._last != b"\n" or self._decoder.getstate()[0]:
            raise broken(self._path, self._line, "has no end: the file was cut")


def broken(path: Path, line: int, complaint: str) -> DataError:
    """The error for a CSV that is broken at a line."""
    return DataError(f"{path}:{line} {complaint}. {CURE}")
