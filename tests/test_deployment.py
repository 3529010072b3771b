"""The files of deploy/ and compose.yaml do what docs/operations.md promises of them."""

from configparser import RawConfigParser

from tests.processes import ROOT


def test_systemd_starts_the_server_again_for_as_long_as_it_takes() -> None:
    unit = RawConfigParser()
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(ROOT / "deploy" / "selera.service", encoding="utf-8")

    assert unit["Service"]["Restart"] == "always"
    assert unit["Unit"]["StartLimitIntervalSec"] == "0", "else it gives up in a long outage"
    assert 5 <= unit["Service"].getint("RestartSec") <= 30


def test_who_brings_the_containers_up_is_told_of_the_tables() -> None:
    steps = (ROOT / "compose.yaml").read_text(encoding="utf-8").split("\nservices:")[0]

    assert steps.index("selera seed") < steps.index("docker compose up")
