"""Plain files of pairs: every way of writing them gives the same arrays."""

from pathlib import Path

import numpy as np
import pytest

from selera.contracts.errors import DataError
from selera.contracts.pairs import PlainData
from selera.etl.movielens import read_fold
from selera.etl.plain_files import read_plain

RATINGS = [("7", "30", 4.0, 100), ("7", "10", 5.0, 300), ("9", "30", 1.5, 200)]


def _by_id(data: PlainData) -> dict[tuple[object, object], tuple[float, float]]:
    train = data.train
    return {
        (data.users.id(int(u)), data.items.id(int(i))): (float(rating), float(age))
        for u, i, rating, age in zip(
            train.user_rows, train.item_rows, train.ratings, train.ages, strict=True
        )
    }


@pytest.mark.parametrize("separator", ["\t", ",", ";", "::", " ", "   ", " , "])
@pytest.mark.parametrize("header", ["", "userId{0}movieId{0}rating{0}timestamp\n"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_every_separator_with_and_without_a_header_reads_the_same(
    tmp_path: Path, separator: str, header: str, end: str
) -> None:
    path = tmp_path / "ratings.dat"
    lines = [separator.join(map(str, each)) for each in RATINGS]
    path.write_bytes((header.format(separator) + end.join([*lines, "", ""])).encode())

    data = read_plain(path)

    day = 86_400
    assert data.order == "times"
    assert _by_id(data) == {
        (7, 30): (4.0, pytest.approx(200 / day)),
        (7, 10): (5.0, 0.0),
        (9, 30): (1.5, pytest.approx(100 / day)),
    }


def test_lines_of_items_keep_their_order_as_ages(tmp_path: Path) -> None:
    path = tmp_path / "train.txt"
    path.write_text("0 5 3 9\n1 3\n2\n4 9 5\n")

    data = read_plain(path)

    ages = {pair: age for pair, (_, age) in _by_id(data).items()}
    assert data.order == "places"
    assert ages == {(0, 5): 2, (0, 3): 1, (0, 9): 0, (1, 3): 0, (4, 9): 1, (4, 5): 0}
    assert np.isnan(data.train.ratings).all()


def test_ids_may_be_any_text_and_007_is_not_7(tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text("user,item\n007,a b\n7,ü\n")

    data = read_plain(path)

    assert set(_by_id(data)) == {("007", "a b"), ("7", "ü")}


def test_train_and_test_share_their_ids_and_those_of_train_come_first(tmp_path: Path) -> None:
    train, test = tmp_path / "train.txt", tmp_path / "test.txt"
    train.write_text("1 10 11 12\n2 11 10\n")
    test.write_text("1 13\n3 10\n2 12\n")

    data = read_plain(train, test)

    assert data.items.row(13) == 3
    assert data.users.row(3) == 2
    assert data.test is not None
    assert len(data.test) == 3


def test_of_a_repeated_pair_the_latest_counts(tmp_path: Path) -> None:
    path = tmp_path / "ratings.csv"
    path.write_text("1,1,5,300\n1,1,2,900\n1,1,3,100\n2,1,4,500\n")

    data = read_plain(path)

    assert data.n_repeated == 2
    assert _by_id(data)[(1, 1)][0] == 2.0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1,2,4\n1,3,good\n", r"ratings.csv:2 has the rating 'good', no number"),
        ("1,2,4\n1,,4\n", r"ratings.csv:2 has an empty user or item"),
        ("1,2,4\n\n1,3,4,5\n", r"ratings.csv:3 has 4 fields"),
        ("1,2,4,5,6\n", r"ratings.csv:1 has 5 fields"),
        ("", "is empty"),
        ("\n \n", "is empty"),
        ("1,2,nan\n2,2,3\n", r"ratings.csv:1 has the rating 'nan'"),
    ],
)
def test_a_line_that_cannot_be_read_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "ratings.csv"
    path.write_text(text)

    with pytest.raises(DataError, match=message):
        read_plain(path)


def test_a_late_bad_line_is_named_too(tmp_path: Path) -> None:
    path = tmp_path / "ratings.csv"
    path.write_text("1,2,4\n" * 100_000 + "1,2\n")

    with pytest.raises(DataError, match=r"ratings.csv:100001 has 2 fields, the others have 3"):
        read_plain(path)


def test_what_is_missing_or_a_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="There is no file"):
        read_plain(tmp_path / "nothing.csv")
    with pytest.raises(DataError, match="is a folder"):
        read_plain(tmp_path)


def test_a_fold_of_movielens_is_u_data_without_its_test_and_knows_the_features(
    tmp_path: Path,
) -> None:
    (tmp_path / "u.data").write_text("1\t1\t5\t10\n1\t2\t3\t20\n2\t1\t4\t30\n")
    (tmp_path / "u1.test").write_text("1\t2\t3\t20\n")
    (tmp_path / "u.user").write_text("1|24|M|writer|85711\n2|53|F|other|94043\n")
    (tmp_path / "u.item").write_text(
        "1|A (1995)|01-Jan-1995||url|0|1\n2|B|||url|1|1\n", encoding="latin-1"
    )

    data = read_fold(tmp_path, 1)

    assert len(data.train) == 2
    assert data.test is not None
    assert len(data.test) == 1
    users, items = data.user_features, data.item_features
    assert users is not None
    assert items is not None
    assert {users.names[each] for each in users.of(data.users.row(1))} == {
        "age=20",
        "gender=M",
        "job=writer",
        "region=8",
    }
    assert {items.names[each] for each in items.of(data.items.row(2))} == {"genre=0", "genre=1"}
    assert {items.names[each] for each in items.of(data.items.row(1))} == {"genre=1", "year=1995"}


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("u.user", "2|53|F|other|94043\n1|x|M|job|123\n", r"u\.user:2 has the age 'x', no number"),
        ("u.user", "2|53|F|other|94043\n\n1|24|M|job\n", r"u\.user:3 has 4 fields, not 5"),
        ("u.item", "1|t\n", r"u\.item:1 has 2 fields, fewer than 5"),
        ("u.item", "1|t|01-Jan-199x||url|0\n", r"u\.item:1 has the date '01-Jan-199x', which ends"),
    ],
)
def test_a_bad_line_of_profiles_or_movies_is_named(
    tmp_path: Path, name: str, text: str, message: str
) -> None:
    (tmp_path / "u.data").write_text("1\t1\t5\t10\n1\t2\t3\t20\n")
    (tmp_path / "u1.test").write_text("1\t2\t3\t20\n")
    (tmp_path / name).write_text(text)

    with pytest.raises(DataError, match=message):
        read_fold(tmp_path, 1)


def test_where_train_has_lines_a_test_of_equally_long_lines_has_them_too(tmp_path: Path) -> None:
    train, test = tmp_path / "train.txt", tmp_path / "test.txt"
    train.write_text("1 10 11\n2 11\n")
    test.write_text("1 12 13\n2 10 12\n")

    data = read_plain(train, test)

    assert data.test is not None
    assert len(data.test) == 4
    assert np.isnan(data.test.ratings).all()
