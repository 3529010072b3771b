import re
from collections.abc import Iterator

import pytest
import structlog

from selera.cli.logs import log_to_stderr


@pytest.fixture(autouse=True)
def _restore() -> Iterator[None]:
    before = structlog.get_config()
    yield
    structlog.configure(**before)


def test_a_log_line_is_plain_text_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    log_to_stderr("info")
    log = structlog.get_logger("room")

    log.debug("not shown")
    log.info("trained svd", n_users=943, reason="two words", nothing=None, empty="")
    log.warning("odd")

    out, err = capsys.readouterr()
    assert out == ""
    first, second = err.splitlines()
    assert re.fullmatch(r"[\d:]{8} trained svd  n_users=943 reason='two words' empty=''", first)
    assert re.fullmatch(r"[\d:]{8} warning: odd", second)


def test_an_exception_follows_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    log_to_stderr("warning")

    try:
        raise ValueError("inner")
    except ValueError:
        structlog.get_logger("room").exception("failed")

    lines = capsys.readouterr().err.splitlines()
    assert lines[0].endswith("error: failed")
    assert lines[-1] == "ValueError: inner"
