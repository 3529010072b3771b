"""Where the arrays lie in a model file, what may follow it, and what its bytes depend on."""

import hashlib
import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from selera.artifact import open_artifact, verify_artifact, write_artifact
from selera.artifact.format import ALIGNMENT_BYTES, FOOTER, FORMAT_VERSION, MAGIC
from selera.contracts.errors import ArtifactError

Trailer = dict[str, Any]

ARRAYS = {
    "large": np.arange(64 * 8, dtype=np.float32).reshape(64, 8),
    "other": np.ones((64, 8), np.float32),
    "small": np.arange(16, dtype=np.float32),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "system-recomendation.pkl"
    write_artifact(path, {"algorithm": "svd"}, ARRAYS, run={"version": "v1"})
    return path


def parts(path: Path) -> tuple[bytes, Trailer]:
    """The pickle and the trailer of a model file."""
    whole = path.read_bytes()
    trailer_size = FOOTER.unpack(whole[-FOOTER.size :])[3]
    body, trailer = whole[: -FOOTER.size - trailer_size], whole[-FOOTER.size - trailer_size :]
    return body, json.loads(trailer[: -FOOTER.size])


def rebuild(path: Path, body: bytes, trailer: Trailer) -> None:
    """Write the parts back with every size and checksum right."""
    sizes = {"pickle_size_bytes": len(body), "pickle_sha256": hashlib.sha256(body).hexdigest()}
    raw = json.dumps(trailer | sizes).encode()
    size = len(body) + len(raw) + FOOTER.size
    footer = FOOTER.pack(MAGIC, FORMAT_VERSION, zlib.crc32(raw), len(raw), size)
    path.write_bytes(body + raw + footer)


def moved(path: Path, name: str, **place: Any) -> None:
    body, trailer = parts(path)
    trailer["arrays"][name] |= place
    rebuild(path, body, trailer)


def offset(path: Path, name: str) -> int:
    return int(parts(path)[1]["arrays"][name]["offset"])


def test_a_file_put_together_again_is_a_model_file(path: Path) -> None:
    rebuild(path, *parts(path))
    np.testing.assert_array_equal(verify_artifact(path).arrays["large"], ARRAYS["large"])


@pytest.mark.parametrize("read", [open_artifact, verify_artifact])
@pytest.mark.parametrize("steps", [-1, 1, 3])
def test_an_array_at_another_aligned_place_is_refused(
    path: Path, steps: int, read: Callable[[Path], object]
) -> None:
    place = offset(path, "small") + steps * ALIGNMENT_BYTES
    moved(path, "small", offset=place)
    assert place % ALIGNMENT_BYTES == 0
    with pytest.raises(ArtifactError, match="array 'small' is not where it should be"):
        read(path)


@pytest.mark.parametrize("read", [open_artifact, verify_artifact])
def test_every_aligned_place_but_its_own_is_refused(
    path: Path, read: Callable[[Path], object]
) -> None:
    intact, own = path.read_bytes(), offset(path, "small")
    places = set(range(0, len(intact) + 2 * ALIGNMENT_BYTES, ALIGNMENT_BYTES))
    assert own in places
    for place in places - {own}:
        path.write_bytes(intact)
        moved(path, "small", offset=place)
        with pytest.raises(ArtifactError, match="not where it should be"):
            read(path)


def test_an_array_that_overlaps_another_is_refused(path: Path) -> None:
    inside = offset(path, "large") + 2 * ALIGNMENT_BYTES
    moved(path, "small", offset=inside)
    with pytest.raises(ArtifactError, match="array 'small' is not where it should be"):
        open_artifact(path)


def test_an_array_that_takes_the_beginning_of_another_is_refused(path: Path) -> None:
    moved(path, "small", offset=offset(path, "large"))
    with pytest.raises(ArtifactError, match="array 'small' is not where it should be"):
        open_artifact(path)


@pytest.mark.parametrize("shape", [[15], [17], [4, 5], [0], [-16]])
def test_an_array_of_another_size_than_its_bytes_is_refused(path: Path, shape: list[int]) -> None:
    moved(path, "small", shape=shape)
    with pytest.raises(ArtifactError, match="damaged"):
        open_artifact(path)


@pytest.mark.parametrize("dtype", ["<f8", "|u1"])
def test_an_array_of_a_wider_or_narrower_type_than_its_bytes_is_refused(
    path: Path, dtype: str
) -> None:
    moved(path, "small", dtype=dtype)
    with pytest.raises(ArtifactError, match="array 'small' is not where it should be"):
        open_artifact(path)


@pytest.mark.parametrize("more", [b".", b"N", b"N.", b"\x00" * 64, b"cos\nsystem\n."])
def test_bytes_after_the_end_of_the_pickle_are_refused(path: Path, more: bytes) -> None:
    body, trailer = parts(path)
    rebuild(path, body + more, trailer)
    with pytest.raises(ArtifactError, match="bytes follow the end of its pickle"):
        open_artifact(path)


def test_a_pickle_without_an_end_is_refused(path: Path) -> None:
    body, trailer = parts(path)
    rebuild(path, body[:-1], trailer)
    with pytest.raises(ArtifactError, match="damaged"):
        open_artifact(path)


def text(word: str) -> str:
    """An equal string that is another object each time."""
    return "".join(list(word))


def test_equal_content_of_distinct_objects_makes_equal_bytes(tmp_path: Path) -> None:
    word, numbers = text("a word"), [1, 2.5, text("three")]
    shared = {"first": word, "second": word, "one": numbers, "two": [numbers, numbers]}
    copied = {
        text("first"): text("a word"),
        "second": text("a word"),
        "one": [1, 2.5, text("three")],
        "two": [[1, 2.5, text("three")], [1, 2.5, text("three")]],
    }
    assert shared == copied
    assert word is not copied["first"]
    one, other = tmp_path / "one.pkl", tmp_path / "other.pkl"
    write_artifact(one, shared, ARRAYS, run={"version": word, "again": word})
    write_artifact(other, copied, ARRAYS, run={"version": text("a word"), "again": text("a word")})
    assert one.read_bytes() == other.read_bytes()


def test_content_that_was_read_makes_the_bytes_that_it_was_read_from(path: Path) -> None:
    artifact = open_artifact(path)
    again = path.with_name("again.pkl")
    write_artifact(again, artifact.metadata, artifact.arrays, run=artifact.run)
    assert again.read_bytes() == path.read_bytes()
