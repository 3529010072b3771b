import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from selera.artifact import open_artifact, verify_artifact
from selera.contracts.errors import ArtifactError
from selera.pipeline.publish import (
    content_sha256,
    keep_aside,
    publish,
    published_version,
    version_name,
)

WHEN = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)

PUBLISHER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
import numpy as np
from selera.pipeline.publish import publish
output = Path(sys.argv[1])
print("ready", file=sys.stderr, flush=True)
sys.stdin.read()
for day in range(1, 11):
    factors = np.full((1 << 20,), day, dtype=np.float32)
    when = datetime(2026, 3, day, tzinfo=UTC)
    publish(output, {"output": output.name}, {"factors": factors}, trained_at=when, seconds=1.0)
"""


def _arrays(value: float = 1.0) -> Mapping[str, NDArray[Any]]:
    return {"items.factors": np.full((3, 2), value, dtype=np.float32)}


def _publish(output: Path, value: float = 1.0, when: datetime = WHEN) -> str:
    return publish(output, {"algorithm": "svd"}, _arrays(value), trained_at=when, seconds=1.5)


def test_the_published_file_is_the_immutable_version(tmp_path: Path) -> None:
    output = tmp_path / "system-recomendation.pkl"

    version = _publish(output)

    immutable = tmp_path / "models" / f"{version}.pkl"
    assert output.samefile(immutable)
    assert verify_artifact(output).run == {
        "version": version,
        "trained_at": "2026-03-04T05:06:07Z",
        "seconds": 1.5,
    }


def test_a_version_names_its_time_and_its_content() -> None:
    jakarta = timezone(timedelta(hours=7))

    assert version_name(WHEN, "abcdef0123") == "20260304T050607.000Z-abcdef"
    assert version_name(WHEN.astimezone(jakarta), "abcdef0123") == "20260304T050607.000Z-abcdef"


def test_versions_of_one_second_sort_by_time() -> None:
    earlier, later = WHEN.replace(microsecond=120_999), WHEN.replace(microsecond=121_000)

    assert version_name(earlier, "ffffff") < version_name(later, "000000")


def test_the_content_hash_sees_metadata_names_shapes_and_numbers() -> None:
    array = np.arange(6, dtype=np.float32)
    hashes = {
        content_sha256({"a": 1}, {"x": array}),
        content_sha256({"a": 2}, {"x": array}),
        content_sha256({"a": 1}, {"y": array}),
        content_sha256({"a": 1}, {"x": array.reshape(2, 3)}),
        content_sha256({"a": 1}, {"x": array + 1}),
    }

    assert len(hashes) == 5
    assert content_sha256({"a": 1}, {"x": array.copy()}) in hashes
    twice = np.repeat(array, 2)
    assert content_sha256({"a": 1}, {"x": twice[::2]}) in hashes
    assert content_sha256({}, {"x": array[:0]}) != content_sha256(
        {}, {"x": np.array(1, np.float32)}
    )


def test_who_has_mapped_an_older_model_keeps_it(tmp_path: Path) -> None:
    output = tmp_path / "model.pkl"
    _publish(output, 1.0)
    mapped = open_artifact(output).arrays["items.factors"]

    _publish(output, 2.0)

    assert mapped[0, 0] == 1.0
    assert open_artifact(output).arrays["items.factors"][0, 0] == 2.0


def test_what_is_kept_aside_is_a_whole_version_that_is_not_published(tmp_path: Path) -> None:
    output = tmp_path / "model.pkl"
    published = _publish(output)

    aside = keep_aside(
        output, {"algorithm": "svd"}, _arrays(9.0), trained_at=WHEN + timedelta(days=1), seconds=1.0
    )

    assert published_version(output) == published
    assert verify_artifact(tmp_path / "models" / f"{aside}.pkl").run["version"] == aside


def test_what_an_interrupted_training_left_is_removed(tmp_path: Path) -> None:
    output = tmp_path / "model.pkl"
    (tmp_path / "models").mkdir()
    leftover = tmp_path / "models" / ".20250101T000000Z-aaaaaa.pkl.x1y2.tmp"
    leftover.write_bytes(b"half a model")

    _publish(output)

    assert not leftover.exists()


def test_two_outputs_in_one_folder_are_published_at_once(tmp_path: Path) -> None:
    outputs = [tmp_path / "one.pkl", tmp_path / "two.pkl"]
    publishers = [
        subprocess.Popen(
            [sys.executable, "-c", PUBLISHER, str(output)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for output in outputs
    ]
    with publishers[0], publishers[1]:
        for publisher in publishers:
            assert publisher.stderr is not None
            assert publisher.stderr.readline() == "ready\n"
        for publisher in publishers:
            assert publisher.stdin is not None
            publisher.stdin.close()
        assert [publisher.stderr.read() for publisher in publishers if publisher.stderr] == ["", ""]

    assert [publisher.returncode for publisher in publishers] == [0, 0]
    for output in outputs:
        assert verify_artifact(output).metadata == {"output": output.name}
    assert len(list((tmp_path / "models").iterdir())) == 20


def test_what_was_killed_between_link_and_rename_is_removed(tmp_path: Path) -> None:
    output = tmp_path / "model.pkl"
    (tmp_path / ".model.pkl.tmp").write_bytes(b"an older model")

    _publish(output)

    assert {path.name for path in tmp_path.iterdir()} <= {"model.pkl", "models", ".models.lock"}


def test_a_model_that_cannot_be_kept_leaves_the_published_one(tmp_path: Path) -> None:
    output = tmp_path / "model.pkl"
    version = _publish(output)
    bad = {"items.names": np.array(["text"])}

    with pytest.raises(ArtifactError, match="dtype"):
        publish(output, {}, bad, trained_at=WHEN + timedelta(days=1), seconds=0.0)

    assert open_artifact(output).run["version"] == version
    assert [path.name for path in (tmp_path / "models").iterdir()] == [f"{version}.pkl"]


def test_a_folder_without_links_gets_a_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(os, "link", refuse)
    output = tmp_path / "model.pkl"

    version = _publish(output)

    immutable = tmp_path / "models" / f"{version}.pkl"
    assert not output.samefile(immutable)
    assert output.read_bytes() == immutable.read_bytes()
    assert output.stat().st_mode == immutable.stat().st_mode
