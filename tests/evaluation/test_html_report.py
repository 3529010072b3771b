"""The report: one file, every text escaped, nothing fetched from elsewhere."""

import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from selera.contracts.errors import ConfigError
from selera.evaluation.html_report import check_report, render, write_report
from selera.evaluation.metrics import Interval
from selera.evaluation.results import Evaluation, ModelResult

NASTY = '<script>alert("$x_1$")</script> & Co'


def _row(model: str, value: float, gain: Interval | None) -> ModelResult:
    about = Interval(value, value - 0.01, value + 0.01)
    return ModelResult(
        model=model,
        settings={"knn": {"n_neighbors": 20, "kind": NASTY}},
        metrics={"ndcg@10": about, "coverage@10": Interval(0.5, None, None)},
        slices={NASTY: {"ndcg@10": about}},
        gain=gain,
        notes=[NASTY],
        fit_seconds=0.0,
        score_seconds=0.1,
        peak_memory_mib=100.0,
    )


@pytest.fixture
def evaluation() -> Evaluation:
    return Evaluation(
        protocol=NASTY,
        description=NASTY,
        primary="ndcg@10",
        baseline="popularity",
        facts={"n_users": 12345, "note": NASTY},
        definitions={"ndcg@10": NASTY},
        results=[
            _row(NASTY, 0.3, Interval(0.1, 0.05, 0.15)),
            _row("popularity", 0.2, None),
        ],
        command=f"selera evaluate --data '{NASTY}'",
        environment={"python": NASTY},
    )


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_no_text_becomes_markup(evaluation: Evaluation) -> None:
    page = render(evaluation)

    parser = _Tags()
    parser.feed(page)
    assert "script" not in {tag for tag, _ in parser.tags}
    assert page.count("&lt;script&gt;") >= 8
    assert "<script" not in page


def test_the_page_fetches_nothing(evaluation: Evaluation) -> None:
    page = render(evaluation)

    parser = _Tags()
    parser.feed(page)
    for tag, attributes in parser.tags:
        assert tag not in ("link", "img", "iframe", "object")
        assert "src" not in attributes
        for name in ("href", "xlink:href"):
            assert (attributes.get(name) or "#").startswith("#")
    assert set(re.findall(r"https?://[^\s\"<]+", page)) <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }


def test_numbers_gains_drawings_and_the_command_are_there(evaluation: Evaluation) -> None:
    page = render(evaluation)

    for text in ("0.3000", "0.2900 .. 0.3100", "+0.1000", "12,345", "selera evaluate --data"):
        assert text in page
    assert page.count("<svg") == 2
    assert page.count('class="good"') == 1


def test_the_same_evaluation_makes_the_same_page(evaluation: Evaluation) -> None:
    assert render(evaluation) == render(evaluation)


def test_json_lies_beside_the_page(evaluation: Evaluation, tmp_path: Path) -> None:
    page, data = write_report(evaluation, tmp_path / "report.html")

    assert sorted(tmp_path.iterdir()) == [page, data]
    assert json.loads(data.read_text())["results"][1]["model"] == "popularity"


@pytest.mark.parametrize("library", ["jinja2", "matplotlib"])
def test_a_missing_library_is_said_before_anything_is_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, library: str
) -> None:
    monkeypatch.setitem(sys.modules, library, None)

    with pytest.raises(ConfigError, match=r"selera\[report\]"):
        check_report(tmp_path / "report.html")


def test_a_page_is_not_written_over_by_its_json(evaluation: Evaluation, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="end in .html"):
        write_report(evaluation, tmp_path / "report.json")

    assert list(tmp_path.iterdir()) == []
