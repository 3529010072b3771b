"""The published protocols: numbers that were worked out by hand, and what must not leak."""

from pathlib import Path

import numpy as np
import pytest

from selera.contracts.errors import ConfigError, DataError
from selera.etl.plain_files import read_plain
from selera.evaluation.compatibility import PROTOCOLS, algorithm_of, comparable_models
from selera.evaluation.published import Ask, evaluate_published
from selera.evaluation.results import Evaluation
from selera.evaluation.tuning import Limits
from selera.training.rankers import RANKERS
from selera.training.raters import RATERS
from selera.training.settings import TrainingConfig
from tests.evaluation.plain import ratings, write_lines

AS_IT_IS = Limits(n_trials=0)


def _lists(train: str, test: str, folder: Path, **asked: object) -> Evaluation:
    (folder / "train.txt").write_text(train)
    (folder / "test.txt").write_text(test)
    data = read_plain(folder / "train.txt", folder / "test.txt")
    ask = Ask("lightgcn-split", ("popularity",), AS_IT_IS, **asked)  # type: ignore[arg-type]
    return evaluate_published(data, ask, TrainingConfig())


def test_popularity_on_a_split_has_the_metrics_that_were_worked_out_by_hand(
    tmp_path: Path,
) -> None:
    # Popularity: 1 (3 users), 2 (2 users), 3 and 4 (1 user each).
    # User 1 has 1, 2: the list is 3, 4 in some order; both are wanted: a perfect list.
    # User 2 has 1: the list is 2, then 3 and 4; 2 and the unknown 9 are wanted.
    found = _lists("1 1 2\n2 1\n3 1 2 3 4\n", "1 3 4\n2 2 9\n", tmp_path)

    (popularity,) = found.results
    ideal = 1 + 1 / np.log2(3)
    assert popularity.metrics["recall@20"].mean == pytest.approx((1 + 1 / 2) / 2)
    assert popularity.metrics["ndcg@20"].mean == pytest.approx((1 + 1 / ideal) / 2)
    assert popularity.gain is None
    assert found.facts["n_test_pairs_of_unknown_items"] == 1


def test_a_test_user_unknown_to_train_is_judged_and_counted(tmp_path: Path) -> None:
    found = _lists("1 1 2\n2 1\n", "3 1\n", tmp_path)

    assert found.results[0].metrics["ndcg@20"].mean == pytest.approx(1.0)
    assert found.facts["n_test_pairs_of_unknown_users"] == 1


def test_biases_on_given_folds_have_the_errors_that_numpy_finds(tmp_path: Path) -> None:
    train, test = tmp_path / "u1.base", tmp_path / "u1.test"
    train.write_text("1\t1\t5\t1\n1\t2\t3\t2\n2\t1\t4\t3\n2\t2\t1\t4\n")
    test.write_text("3\t1\t5\t5\n3\t9\t1\t6\n")
    ask = Ask("ml100k-u1", ("bias",), AS_IT_IS)

    found = evaluate_published(read_plain(train, test), ask, TrainingConfig())

    mean = (5 + 3 + 4 + 1) / 4
    item = ((5 - mean) + (4 - mean)) / (25 + 2)
    errors = np.array([mean + item - 5, mean - 1])
    assert found.results[0].metrics["rmse"].mean == pytest.approx(np.sqrt((errors**2).mean()))
    assert found.results[0].metrics["mae"].mean == pytest.approx(np.abs(errors).mean())
    assert found.facts["n_test_pairs_of_unknown_users"] == 2


def test_a_model_that_learns_beats_the_biases_and_the_gain_is_below_0(tmp_path: Path) -> None:
    ask = Ask("surprise-5fold", ("svd",), AS_IT_IS)

    found = evaluate_published(ratings(tmp_path), ask, TrainingConfig())

    svd, bias = found.results
    assert (svd.model, bias.model) == ("svd", "bias")
    assert svd.metrics["rmse"].mean < bias.metrics["rmse"].mean
    assert svd.gain is not None
    assert svd.gain.high is not None
    assert svd.gain.high < 0
    assert found.facts["n_test_pairs"] == 600


def test_tuning_never_takes_worse_settings_on_validation(tmp_path: Path) -> None:
    train, test = write_lines(tmp_path)
    ask = Ask("lightgcn-split", ("itemknn",), Limits(n_trials=4))

    found = evaluate_published(read_plain(train, test), ask, TrainingConfig())

    (itemknn, popularity) = found.results
    assert itemknn.metrics["ndcg@20"].mean > popularity.metrics["ndcg@20"].mean
    assert "settings chosen on validation in 4 trials" in itemknn.notes[-1]
    assert found.facts["lines"] == "in no order that means something"


def test_the_same_seed_finds_the_same(tmp_path: Path) -> None:
    train, test = write_lines(tmp_path)
    data = read_plain(train, test)
    ask = Ask("lightgcn-split", ("puresvd",), Limits(n_trials=3))

    first, second = (evaluate_published(data, ask, TrainingConfig()) for _ in range(2))

    assert [row.metrics for row in first.results] == [row.metrics for row in second.results]
    assert first.results[0].settings == second.results[0].settings


def test_with_order_is_said_in_the_name(tmp_path: Path) -> None:
    found = _lists("1 1 2\n2 1\n", "2 2\n", tmp_path, use_order=True)

    assert found.protocol == "lightgcn-split, with order"


def test_a_protocol_of_stars_refuses_lines_without_any(tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text("".join(f"{user},{item}\n" for user in range(9) for item in range(9)))

    with pytest.raises(DataError, match="predicts stars"):
        evaluate_published(
            read_plain(path), Ask("random-90-10", ("svd",), AS_IT_IS), TrainingConfig()
        )


def test_unknown_names_are_answered_with_the_known_ones(tmp_path: Path) -> None:
    data = ratings(tmp_path)

    with pytest.raises(ConfigError, match="surprise-5fold, ml100k-u1"):
        evaluate_published(data, Ask("kfold", ("svd",)), TrainingConfig())
    with pytest.raises(ConfigError, match="there is no model 'svm'; choose one of: .*svdpp"):
        evaluate_published(data, Ask("surprise-5fold", ("svm",)), TrainingConfig())


def test_models_are_recipes_or_what_recipes_are_made_of() -> None:
    assert algorithm_of("svd", "lists") == "puresvd"
    assert algorithm_of("svd", "stars") == "svd"
    for kind, known in (("lists", RANKERS), ("stars", RATERS)):
        names = comparable_models(kind)  # type: ignore[arg-type]
        assert {algorithm_of(name, kind) for name in names} >= known.keys() - {"rebuy"}  # type: ignore[arg-type]
        assert len({algorithm_of(name, kind) for name in names}) == len(names)  # type: ignore[arg-type]


def test_one_protocol_is_marked_as_deprecated() -> None:
    assert [name for name, each in PROTOCOLS.items() if each.is_deprecated] == ["leave-one-out-100"]


@pytest.mark.parametrize(("times", "one"), [(",{0}", "The latest"), ("", "A random")])
def test_the_description_says_which_item_is_left_out(tmp_path: Path, times: str, one: str) -> None:
    path = tmp_path / "ratings.csv"
    pairs = [(user, item) for user in range(8) for item in range(user, 240, 8)]
    path.write_text("".join(f"{u},{i},4{times.format(u * 1000 + i)}\n" for u, i in pairs))
    ask = Ask("leave-one-out-100", ("popularity",), AS_IT_IS)

    found = evaluate_published(read_plain(path), ask, TrainingConfig())

    assert found.description.startswith(f"{one} item of each user is ranked")
