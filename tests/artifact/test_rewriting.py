import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from selera.artifact import open_artifact, rewriting, verify_artifact, write_artifact
from selera.artifact.rewriting import rewrite_artifact
from selera.contracts.errors import ArtifactError

RUN = {"version": "v1", "seconds": 1.5}


def _arrays() -> dict[str, NDArray[Any]]:
    return {
        "ranker.factors": np.arange(300, dtype=np.float32).reshape(100, 3),
        "ranker.odd": np.arange(7, dtype=np.uint8),
        "ranker.number": np.array(4.0),
        "users.text": np.frombuffer(b"ann,bob,cid", dtype=np.uint8),
        "users.ages": np.arange(10, dtype=np.float32),
    }


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.pkl"
    write_artifact(path, {"algorithm": "svd"}, _arrays(), run=RUN)
    return path


def test_pieces_make_the_file_that_whole_arrays_make(model: Path, tmp_path: Path) -> None:
    arrays = _arrays()
    ages, text = arrays["users.ages"], arrays["users.text"]
    changed = {"users.ages": (ages[:3], ages[5:]), "users.text": (text[:4], text[8:])}

    rewrite_artifact(model, changed, run={"erased_users": 1})

    wanted = tmp_path / "wanted.pkl"
    whole = {name: np.concatenate(pieces) for name, pieces in changed.items()}
    write_artifact(wanted, {"algorithm": "svd"}, arrays | whole, run={**RUN, "erased_users": 1})
    assert model.read_bytes() == wanted.read_bytes()
    assert b"bob" not in model.read_bytes()


def test_the_new_file_is_on_the_disk_before_it_is_called_done(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A power cut must not bring the old file back, and with it whom it held."""
    synced: list[tuple[Path, bytes]] = []
    monkeypatch.setattr(
        rewriting, "sync_folder", lambda folder: synced.append((folder, model.read_bytes()))
    )

    rewrite_artifact(model, {"ranker.odd": (np.zeros(2, dtype=np.uint8),)}, run={})

    assert synced == [(model.parent, model.read_bytes())]


def test_who_may_read_the_file_stays_as_it_was(model: Path) -> None:
    model.chmod(0o640)

    rewrite_artifact(model, {"ranker.odd": (np.zeros(2, dtype=np.uint8),)}, run={})

    assert stat.S_IMODE(model.stat().st_mode) == 0o640


def test_everything_before_the_first_change_stays_as_it_was(model: Path) -> None:
    before = model.read_bytes()
    changed = {"users.text": (np.zeros(0, dtype=np.uint8),)}

    rewrite_artifact(model, changed, run={})

    end = before.index(b"users.text")
    assert model.read_bytes()[:end] == before[:end]
    verified = verify_artifact(model)
    assert verified.run == RUN
    assert verified.metadata == {"algorithm": "svd"}
    assert verified.arrays["users.text"].shape == (0,)
    assert verified.arrays["ranker.number"].shape == ()


def test_who_has_mapped_the_old_file_keeps_it(model: Path) -> None:
    mapped = open_artifact(model).arrays["users.ages"]
    inode = model.stat().st_ino

    rewrite_artifact(model, {"users.ages": (mapped[:2],)}, run={})

    assert mapped.tolist() == list(range(10))
    assert model.stat().st_ino != inode
    assert open_artifact(model).arrays["users.ages"].tolist() == [0, 1]


def test_arrays_that_are_not_there_and_pieces_that_differ_change_nothing(model: Path) -> None:
    before = model.read_bytes()
    mixed = (np.zeros(1, dtype=np.float32), np.zeros(1, dtype=np.float64))

    with pytest.raises(ArtifactError, match=r"no arrays named users\.names"):
        rewrite_artifact(model, {"users.names": (np.zeros(1),)}, run={})
    with pytest.raises(ArtifactError, match="<f4, <f8"):
        rewrite_artifact(model, {"users.ages": mixed}, run={})

    assert model.read_bytes() == before
    assert [path.name for path in model.parent.iterdir()] == [model.name]


@pytest.mark.slow
def test_a_large_file_is_copied_in_little_memory(tmp_path: Path) -> None:
    import tracemalloc

    path = tmp_path / "large.pkl"
    factors = np.ones((50_000_000,), dtype=np.float32)
    write_artifact(path, {}, {"f": factors, "users.ages": factors[:25_000_000]}, run=RUN)
    del factors

    tracemalloc.start()
    ages = open_artifact(path).arrays["users.ages"]
    rewrite_artifact(path, {"users.ages": (ages[:7], ages[9:])}, run={})
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak_bytes < 10_000_000
    assert len(open_artifact(path).arrays["users.ages"]) == 25_000_000 - 2
