"""The model file: opens everywhere, lies, hides and breaks nowhere."""

import builtins
import hashlib
import json
import os
import pickle
import stat
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest

from selera.artifact import open_artifact, verify_artifact, write_artifact
from selera.artifact.format import ALIGNMENT_BYTES, FOOTER, FORMAT_VERSION, MAGIC
from selera.contracts.errors import ArtifactError, ModelNotReady

METADATA = {"algorithm": "svd", "numbers": [1, -2, 2.5, 10**12], "none": None, "yes": True, "ü": {}}
RUN = {"version": "v1", "seconds": 0.5}


def arrays() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    return {
        "odd": rng.integers(0, 255, 13, dtype=np.uint8),
        "factors": rng.standard_normal((37, 5), dtype=np.float32),
        "large": rng.standard_normal((500, 64), dtype=np.float32),
        "empty": np.zeros((0, 4), np.int32),
        "mask": np.array([True, False]),
        "users.ids": np.arange(9, dtype=np.int64),
        "numbers": rng.standard_normal(3),
    }


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "system-recomendation.pkl"
    write_artifact(path, METADATA, arrays(), run=RUN)
    return path


def test_what_is_written_is_read(path: Path) -> None:
    artifact = verify_artifact(path)
    assert artifact.metadata == METADATA
    assert artifact.run == RUN
    assert list(artifact.arrays) == list(arrays())
    for name, array in arrays().items():
        np.testing.assert_array_equal(artifact.arrays[name], array)
        assert artifact.arrays[name].dtype == array.dtype


def test_reading_a_large_file_is_done_in_pieces(tmp_path: Path) -> None:
    path, pieces = tmp_path / "model.pkl", list[int]()
    many_opcodes = {"numbers": list(range(3_000))}
    write_artifact(path, many_opcodes, {"bytes": np.zeros(3 << 20, np.uint8)}, run=RUN)
    artifact = verify_artifact(path, between=lambda: pieces.append(1))
    assert artifact.metadata == many_opcodes
    assert len(pieces) == 3_000 // 500 + 1 + 3 + 1  # of opcodes, then of MiB, begun ones too


@pytest.mark.parametrize(("umask", "mode"), [(0o077, 0o600), (0o027, 0o640), (0o022, 0o644)])
def test_the_umask_says_who_may_read_it(tmp_path: Path, umask: int, mode: int) -> None:
    """It holds the ids and histories of all users."""
    before = os.umask(umask)
    try:
        write_artifact(tmp_path / "model.pkl", METADATA, arrays(), run=RUN)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "model.pkl").stat().st_mode) == mode


def test_arrays_are_aligned_mapped_and_read_only(path: Path) -> None:
    for array in open_artifact(path).arrays.values():
        assert array.ctypes.data % ALIGNMENT_BYTES == 0 or array.size == 0
        assert not array.flags.owndata
        assert not array.flags.writeable


def test_a_bare_python_opens_it_with_pickle_load(path: Path) -> None:
    program = (
        "import pickle, sys; d = pickle.load(open(sys.argv[1], 'rb'));"
        "dtype, shape, raw = d['arrays']['factors'];"
        "print(d['format'], d['format_version'], dtype, shape, len(raw));"
        "assert 'numpy' not in sys.modules"
    )
    answer = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program, str(path)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout.split() == [
        "selera-model",
        str(FORMAT_VERSION),
        "<f4",
        "(37,",
        "5)",
        "740",
    ]


def test_equal_content_makes_equal_bytes_up_to_stop(tmp_path: Path, path: Path) -> None:
    other = tmp_path / "other.pkl"
    write_artifact(other, METADATA, arrays(), run={"version": "v2, later", "seconds": 9.5})
    size = len(_pickle_part(path))
    assert path.read_bytes()[:size] == other.read_bytes()[:size]
    write_artifact(other, METADATA, arrays(), run=RUN)
    assert path.read_bytes() == other.read_bytes()


def test_no_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ModelNotReady, match=r"no model at .*python training\.py"):
        open_artifact(tmp_path / "none.pkl")


@pytest.mark.parametrize("size", [0, 1, 31, 32, 200, -1, -33, -200])
def test_a_truncated_file_is_refused(path: Path, size: int) -> None:
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(ArtifactError):
        open_artifact(path)


def test_every_flipped_byte_is_noticed(path: Path) -> None:
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    edges = [*range(200), *range(len(whole) - 400, len(whole))]
    for place in [*edges, *rng.integers(0, len(whole), 300).tolist()]:
        damaged = bytearray(whole)
        damaged[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(bytes(damaged))
        with pytest.raises(ArtifactError):
            verify_artifact(path)


def test_another_format_version_is_refused_by_name(path: Path) -> None:
    whole = bytearray(path.read_bytes())
    magic, version, *rest = FOOTER.unpack(whole[-FOOTER.size :])
    assert magic == MAGIC
    whole[-FOOTER.size :] = FOOTER.pack(magic, version + 1, *rest)
    path.write_bytes(bytes(whole))
    with pytest.raises(ArtifactError, match=f"format {FORMAT_VERSION + 1}; this release reads"):
        open_artifact(path)


class _Harmful:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, ...]:
        return (builtins.open, (str(self.marker), "w"))


def test_a_pickle_that_would_run_code_is_refused_and_not_run(tmp_path: Path, path: Path) -> None:
    marker = tmp_path / "it ran"
    harmful = pickle.dumps({"metadata": _Harmful(marker)}, protocol=5)
    path.write_bytes(harmful)
    with pytest.raises(ArtifactError, match="no model file"):
        open_artifact(path)
    path.write_bytes(_with_pickle(path, harmful, tmp_path))
    with pytest.raises(ArtifactError, match="opcode (STACK_GLOBAL|FRAME|SHORT_BINUNICODE)"):
        open_artifact(path)
    assert not marker.exists()


@pytest.mark.parametrize(
    ("opcodes", "name"),
    [
        (b"cos\nsystem\n.", "GLOBAL"),
        (b"ios\nsystem\n.", "INST"),
        (b"\x82\x01.", "EXT1"),
        (b"N\x81.", "NEWOBJ"),
        (b"NNR.", "REDUCE"),
        (b"NNb.", "BUILD"),
        (b"NQ.", "BINPERSID"),
    ],
)
def test_every_opcode_that_could_reach_code_is_refused(
    tmp_path: Path, path: Path, opcodes: bytes, name: str
) -> None:
    path.write_bytes(_with_pickle(path, pickle.PROTO + b"\x05" + opcodes, tmp_path))
    with pytest.raises(ArtifactError, match=name):
        open_artifact(path)


def test_arrays_must_lie_where_the_pickle_has_bytes(tmp_path: Path, path: Path) -> None:
    whole = path.read_bytes()
    moved = whole.replace(b'"offset": ', b'"offset":9', 1)
    path.write_bytes(_with_fresh_footer(moved, whole))
    with pytest.raises(ArtifactError, match="not where it should be|damaged"):
        open_artifact(path)


def test_a_failed_writing_leaves_the_old_file_and_nothing_else(tmp_path: Path, path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(ArtifactError, match=r"array 'bad' has dtype"):
        write_artifact(path, METADATA, {"bad": np.array(["text"])}, run=RUN)
    with pytest.raises(ArtifactError, match="metadata cannot be kept"):
        write_artifact(path, {"nan": float("nan")}, {}, run=RUN)
    with pytest.raises(ArtifactError, match="only what JSON can say"):
        write_artifact(path, {"tuple": (1, 2)}, {}, run=RUN)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == [path.name]


def test_an_open_model_outlives_its_replacement(path: Path) -> None:
    old = open_artifact(path)
    write_artifact(path, METADATA, {"factors": np.zeros((2, 2), np.float32)}, run=RUN)
    np.testing.assert_array_equal(old.arrays["factors"], arrays()["factors"])
    assert open_artifact(path).arrays["factors"].shape == (2, 2)


def _pickle_part(path: Path) -> bytes:
    whole = path.read_bytes()
    trailer_size = FOOTER.unpack(whole[-FOOTER.size :])[3]
    return whole[: len(whole) - FOOTER.size - trailer_size]


def _with_pickle(path: Path, content: bytes, tmp_path: Path) -> bytes:
    """A well-formed model file around another pickle: every size and checksum is right."""
    trailer = json.dumps(
        {
            "run": {},
            "metadata": {},
            "arrays": {},
            "pickle_size_bytes": len(content),
            "pickle_sha256": hashlib.sha256(content).hexdigest(),
        }
    ).encode()
    size = len(content) + len(trailer) + FOOTER.size
    footer = FOOTER.pack(MAGIC, FORMAT_VERSION, zlib.crc32(trailer), len(trailer), size)
    return content + trailer + footer


def _with_fresh_footer(changed: bytes, whole: bytes) -> bytes:
    trailer_size = FOOTER.unpack(whole[-FOOTER.size :])[3]
    trailer = changed[len(changed) - FOOTER.size - trailer_size : len(changed) - FOOTER.size]
    footer = FOOTER.pack(MAGIC, FORMAT_VERSION, zlib.crc32(trailer), len(trailer), len(changed))
    return changed[: -FOOTER.size] + footer
