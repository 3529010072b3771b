"""The bytes of `system-recomendation.pkl`.

::

    pickle, protocol 5         {"format": "selera-model", "format_version": n, "metadata": {...},
                                "arrays": {name: (dtype, shape, bytes), ...}}   then STOP
    trailer, UTF-8 JSON        {"run": {...}, "metadata": {...}, "arrays": {name: place, ...},
                                "pickle_size_bytes": n, "pickle_sha256": "..."}
    footer, 32 bytes           magic (8), format version (u32), trailer CRC-32 (u32),
                               trailer size (u64), file size (u64), little-endian

Plain `pickle.load` in a bare Python reads the first part and stops; there is no GLOBAL opcode in
it, so loading runs nothing. Everything up to STOP is a function of data, settings and seed; what
differs from run to run (version, time, seconds) is the `run` of the trailer.

The raw bytes of every array begin at a multiple of 64 in the file, because a BLAS handed an
unaligned float32 matrix copies it in silence. What fills the gaps are opcodes that do nothing:
`NONE POP`, and one `MEMOIZE` where the gap is odd. The trailer tells where the arrays lie, so that
a reader maps them and never walks the gigabytes.
"""

from __future__ import annotations

import struct

FORMAT_NAME = "selera-model"
FORMAT_VERSION = 2
ALIGNMENT_BYTES = 64

MAGIC = b"SELERA\r\n"
FOOTER = struct.Struct("<8sIIQQ")

DTYPES = frozenset({"<f4", "<f8", "<i4", "<i8", "|u1", "|b1"})
"""The array types that a model may hold, as `numpy.dtype.str` spells them."""

MOST_OPCODES = 1_000_000
"""A model's pickle has a few thousand; one with more would take its time to be looked through."""

OPCODES = frozenset(
    {
        "PROTO", "STOP", "MARK", "POP", "MEMOIZE",
        "NONE", "NEWTRUE", "NEWFALSE", "BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT",
        "BINUNICODE", "BINBYTES8", "EMPTY_DICT", "SETITEM", "SETITEMS", "EMPTY_LIST", "APPEND",
        "APPENDS", "EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3",
    }
)  # fmt: skip
"""The pickle opcodes that build builtins and bytes; a file with any other is refused."""
