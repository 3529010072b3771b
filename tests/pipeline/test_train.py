import pickle
import signal
from pathlib import Path

import msgspec
import pytest

from selera.artifact import open_artifact, verify_artifact
from selera.contracts.errors import Busy, ConfigError, DataError
from selera.evaluation.metrics import Interval
from selera.models import Recommender
from selera.pipeline.experiments import start_experiment
from selera.pipeline.files import sha256
from selera.pipeline.locks import exclusive
from selera.pipeline.train import TrainConfig, TrainReport, train
from selera.pipeline.watch_csv import published_from
from selera.state import Experiments, State
from tests.processes import ROOT, running, wait_until
from tests.small_shop import N_BEHAVIORS, N_ITEMS, N_USERS, write_training_csv

SVD = TrainConfig(model="svd")

SLOW_TRAINING = """
import sys
from pathlib import Path
from selera.pipeline.train import TrainConfig, train
def progress(stage, done, total):
    if stage.startswith("fitting"):
        Path(sys.argv[3]).write_text("fitting")
        while True:
            pass
train(Path(sys.argv[1]), Path(sys.argv[2]), TrainConfig(model="svd"), progress)
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "data-training.csv"
    write_training_csv(path)
    return path


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "system-recomendation.pkl"


def _open(output: Path) -> Recommender:
    artifact = open_artifact(output)
    return Recommender.from_parts(artifact.metadata, artifact.arrays, artifact.run)


def test_a_training_publishes_a_model_of_all_the_data(data: Path, output: Path) -> None:
    report = train(data, output, SVD)

    model = _open(output)
    assert model.version == report.version
    assert model.data_sha256 == sha256(data) == report.data_sha256
    assert (len(model.users), len(model.items)) == (N_USERS, N_ITEMS)
    assert [row["model"] for row in model.facts["metrics"]["results"]] == [
        "svd",
        "popularity",
        "bias",
    ]
    assert verify_artifact(output).run["version"] == report.version


def test_the_report_compares_and_ends_with_a_summary(data: Path, output: Path) -> None:
    lines = train(data, output, SVD).lines()

    text = "\n".join(lines)
    for word in ("NDCG@10", "Recall@10", "popularity", "RMSE", "MAE", "bias"):
        assert word in text
    assert lines[-1].startswith(f"Trained svd on {N_BEHAVIORS} behaviors of")
    assert f"{N_USERS} users with {N_ITEMS} products" in lines[-1]
    assert lines[-1].endswith(" s.")


@pytest.mark.parametrize(("high", "warned"), [(-0.01, True), (0.0, False), (0.01, False)])
def test_a_model_that_ranks_worse_than_popularity_is_warned_of(
    data: Path, output: Path, high: float, warned: bool
) -> None:
    report = train(data, output, SVD)
    assert report.evaluation is not None
    svd, *baselines = report.evaluation.results
    worse = msgspec.structs.replace(svd, gain=Interval(-0.02, -0.03, high))
    evaluation = msgspec.structs.replace(report.evaluation, results=[worse, *baselines])

    lines = msgspec.structs.replace(report, evaluation=evaluation).lines()

    warnings = [line for line in lines if line.startswith("Warning: ")]
    assert len(warnings) == warned
    for line in warnings:
        assert line.startswith("Warning: svd ranks worse than popularity on this shop.")
        assert "--model popularity" in line
    assert lines[-1].startswith("Trained svd on ")


def test_the_report_is_plain_builtins(data: Path, output: Path) -> None:
    report = train(data, output, SVD)

    plain = report.to_dict()
    assert plain["evaluation"]["primary"] == "ndcg@10"
    assert plain["version"] == report.version
    assert pickle.loads(pickle.dumps(plain)) == plain


def test_the_first_model_is_a_quick_one_that_the_asked_one_follows(
    data: Path, output: Path
) -> None:
    config = TrainConfig(model="rp3beta")
    first = train(data, output, config, settings_sha256="these")

    versions = (output.parent / "models").glob("*.pkl")
    versions = sorted(versions, key=lambda path: open_artifact(path).run["seconds"])
    assert [_open(path).algorithm for path in versions] == ["svd", "rp3beta"]
    assert [published_from(path) for path in versions] == [
        (sha256(data), ""),
        (sha256(data), "these"),
    ]
    assert _open(output).version == first.version
    train(data, output, config, settings_sha256="these")
    assert len(list((output.parent / "models").glob("*.pkl"))) <= 3


def test_equal_data_and_seed_give_equal_models(data: Path, output: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.pkl"

    train(data, output, TrainConfig(model="svd", seed=7))
    train(data, again, TrainConfig(model="svd", seed=7))

    assert _pickled(output) == _pickled(again)


def _pickled(path: Path) -> bytes:
    """The part of the file that is a function of data, settings and seed."""
    with path.open("rb") as file:
        pickle.load(file)
        size = file.tell()
        file.seek(0)
        return file.read(size)


def test_the_settings_choose_the_recipe(data: Path, output: Path) -> None:
    train(data, output, TrainConfig(model="popularity"))

    assert _open(output).algorithm == "popularity"


def test_every_stage_is_told(data: Path, output: Path) -> None:
    stages: list[str] = []

    train(data, output, SVD, lambda stage, done, total: stages.append(stage))

    assert stages[0] == "loading"
    assert any(stage.startswith("judging: ") for stage in stages)
    assert stages[-1].startswith("fitting: ")


def test_too_few_behaviors_to_judge_still_give_a_model(tmp_path: Path, output: Path) -> None:
    data = tmp_path / "tiny.csv"
    write_training_csv(data, n_users=1)
    lines = data.read_text().splitlines()
    data.write_text("\n".join(lines[:2]) + "\n")

    report = train(data, output, SVD)

    assert output.exists()
    assert isinstance(report, TrainReport)
    assert report.n_behaviors == 1
    assert report.lines()[0].startswith("Evaluation")


def test_a_broken_csv_leaves_the_published_model(data: Path, output: Path) -> None:
    version = train(data, output, SVD).version
    data.write_text("user_id,product_id\n1,2\n")

    with pytest.raises(DataError, match="data-training.csv"):
        train(data, output, SVD)

    assert _open(output).version == version


def test_a_published_model_with_a_flipped_bit_is_not_compared_with_and_replaced(
    data: Path, output: Path
) -> None:
    train(data, output, SVD)
    content = bytearray(output.read_bytes())
    histories = open_artifact(output).arrays["users.histories.items"].tobytes()
    content[content.find(histories) + 3] ^= 0x40  # the first item of the first user: row 2**30
    output.unlink()
    output.write_bytes(content)

    report = train(data, output, SVD)

    assert report.gate.reason == "the published model cannot be opened"
    assert verify_artifact(output).run["version"] == report.version


def test_the_versions_of_an_experiment_that_began_during_the_training_stay(
    data: Path, output: Path, tmp_path: Path
) -> None:
    config = msgspec.structs.replace(SVD, keep_versions=1)
    first, second = (train(data, output, SVD, force=True).version for _ in range(2))
    with State.open(tmp_path / "state.db") as state:

        def begin(stage: str, done: int, total: int | None) -> None:
            book = Experiments(state)
            if stage.startswith("fitting") and book.running() is None:
                start_experiment(output, book, "autumn", first, second, 0.5)

        train(data, output, config, begin, experiments=Experiments(state), force=True)
        third = train(data, output, config, experiments=Experiments(state), force=True).version

    left = sorted(path.stem for path in (tmp_path / "models").glob("*.pkl"))
    assert left[:2] == sorted([first, second])
    assert third in left


def test_an_unknown_model_names_the_known_ones(data: Path, output: Path) -> None:
    with pytest.raises(ConfigError, match="'magic'.*svd"):
        train(data, output, TrainConfig(model="magic"))

    assert not output.exists()


def test_a_second_training_is_told_that_it_is_busy(data: Path, output: Path) -> None:
    with exclusive(output, "training", wait=False), pytest.raises(Busy, match="another training"):
        train(data, output, SVD)


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_training_touches_nothing(
    data: Path, output: Path, tmp_path: Path, how: signal.Signals
) -> None:
    version = train(data, output, SVD).version
    before = output.stat()
    mark = tmp_path / "mark"
    arguments = ["-c", SLOW_TRAINING, str(data), str(output), str(mark)]

    with running(arguments, cwd=ROOT, log=tmp_path / "log") as process:
        wait_until(mark.exists, "the fit to begin")
        process.send_signal(how)
        process.wait(20)

    assert (output.stat().st_ino, output.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert _open(output).version == version
    assert train(data, output, SVD).version >= version
