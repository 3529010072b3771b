from pathlib import Path
from typing import Annotated, Literal

import msgspec
import pytest
from msgspec import Meta

from selera.cli.commands.serve import web_config
from selera.cli.settings import SECTIONS, Settings, ShopFiles
from selera.cli.sources import Value, Values, variable
from selera.contracts.errors import ConfigError
from selera.database import EventConfig
from selera.etl import EtlConfig
from selera.pipeline.erase import EraseConfig
from selera.pipeline.train import TrainConfig
from selera.pipeline.watching import WatchConfig
from selera.serving import ServingConfig
from selera.shop import ShopConfig
from selera.web import WebConfig


class Inner(msgspec.Struct, frozen=True):
    depth: Annotated[int, Meta(ge=1)] = 3


class Outer(msgspec.Struct, frozen=True):
    name: str = "outer"
    ratio: float = 0.5
    is_on: bool = False
    kind: Literal["a", "b"] = "a"
    words: tuple[str, ...] = ("x",)
    inner: Inner = Inner(depth=7)

    def __post_init__(self) -> None:
        if self.name == "forbidden":
            raise ConfigError("web.name must not be forbidden")


def _load(tmp_path: Path, toml: str = "", flags: object = None, **environment: str) -> Settings:
    path = tmp_path / "selera.toml"
    if toml:
        path.write_text(toml, encoding="utf-8")
    given: Values = {("web", "name"): Value(flags, "--name")} if flags is not None else {}
    return Settings.load(path, environment, given)


def test_defaults_hold_where_nothing_is_set(tmp_path: Path) -> None:
    settings = _load(tmp_path)

    assert settings.files == ShopFiles(
        "sqlite:///shop.db", "data-training.csv", "system-recomendation.pkl"
    )
    assert settings.section("web", Outer) == Outer()


def test_flags_beat_variables_beat_the_file(tmp_path: Path) -> None:
    toml = '[web]\nname = "file"\nratio = 0.1\nkind = "b"\n'

    settings = _load(tmp_path, toml, "flag", SELERA_WEB_NAME="env", SELERA_WEB_RATIO="0.2")

    assert settings.section("web", Outer) == Outer(name="flag", ratio=0.2, kind="b")


def test_a_nested_setting_replaces_only_itself(tmp_path: Path) -> None:
    toml = "[web.inner]\ndepth = 9\n"

    assert _load(tmp_path, toml).section("web", Outer) == Outer(inner=Inner(depth=9))
    assert _load(tmp_path, SELERA_WEB_INNER_DEPTH="4").section("web", Outer).inner.depth == 4


@pytest.mark.parametrize(
    ("variable", "text", "expected"),
    [
        ("NAME", "5000", "5000"),
        ("NAME", "plain words", "plain words"),
        ("NAME", '"quoted"', "quoted"),
        ("RATIO", "1", 1.0),
        ("RATIO", "1e-3", 0.001),
        ("IS_ON", "true", True),
        ("IS_ON", "1", True),
        ("KIND", "b", "b"),
        ("WORDS", '["a", "b"]', ("a", "b")),
    ],
)
def test_a_variable_is_read_as_in_the_file_and_texts_need_no_quotes(
    tmp_path: Path, variable: str, text: str, expected: object
) -> None:
    settings = _load(tmp_path, "", None, **{f"SELERA_WEB_{variable}": text})

    assert getattr(settings.section("web", Outer), variable.lower()) == expected


def test_the_short_variables_of_the_files(tmp_path: Path) -> None:
    settings = _load(tmp_path, SELERA_DATABASE="sqlite:///x.db", SELERA_MODEL_FILE="m.pkl")

    assert settings.files == ShopFiles(database="sqlite:///x.db", model_file="m.pkl")


@pytest.mark.parametrize(
    ("toml", "environment", "message"),
    [
        ("[web]\nport = 1\n", {}, r"web\.port in .*selera\.toml is no setting; .*web\.name"),
        ("", {"SELERA_WEB_PORT": "1"}, r"SELERA_WEB_PORT in the .*; .*SELERA_WEB_NAME"),
        ("[web.inner]\nwidth = 1\n", {}, r"web\.inner\.width .*web\.inner\.depth"),
        ("[web]\ninner = 3\n", {}, r"web\.inner in "),
    ],
)
def test_an_unknown_key_names_the_known_ones(
    tmp_path: Path, toml: str, environment: dict[str, str], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        _load(tmp_path, toml, None, **environment).section("web", Outer)


@pytest.mark.parametrize(
    ("toml", "environment", "message"),
    [
        ("[wbe]\nport = 1\n", {}, r"\[wbe\] in .*selera\.toml is no setting; .*\[web\]"),
        ("", {"SELERA_WBE_PORT": "1"}, r"SELERA_WBE_PORT in the environment .*SELERA_WEB_\*"),
        ("port = 1 1\n", {}, r"selera\.toml is no TOML: .*line 1"),
    ],
)
def test_what_no_section_knows_is_refused_at_once(
    tmp_path: Path, toml: str, environment: dict[str, str], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        _load(tmp_path, toml, None, **environment)


def test_an_unknown_key_above_all_sections_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"databse in .*; known are: database, data_file"):
        assert _load(tmp_path, 'databse = "x"\n').files


@pytest.mark.parametrize(
    ("toml", "environment", "message"),
    [
        ('[web]\nratio = "x"\n', {}, r"web\.ratio must be a number, got 'x' from .*selera\.toml"),
        ("", {"SELERA_WEB_KIND": "c"}, r'web\.kind must be "a" or "b", got \'c\' from SELERA_WEB'),
        ("", {"SELERA_WEB_INNER_DEPTH": "0"}, r"web\.inner\.depth must be a whole number >= 1"),
        ("[web]\nis_on = 1\n", {}, r"web\.is_on must be true or false, got 1"),
    ],
)
def test_a_wrong_value_names_setting_source_and_what_is_allowed(
    tmp_path: Path, toml: str, environment: dict[str, str], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        _load(tmp_path, toml, None, **environment).section("web", Outer)


def test_a_rule_of_the_struct_itself_tells_the_source_too(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"must not be forbidden \(web\.name is from --name\)"):
        _load(tmp_path, "", "forbidden").section("web", Outer)


def test_the_variables_of_the_tests_are_no_settings(tmp_path: Path) -> None:
    settings = _load(tmp_path, SELERA_DATA="/data", SELERA_TEST_POSTGRESQL="postgresql://x/y")

    assert settings.files == ShopFiles()


def test_flags_travel_to_children_as_variables(tmp_path: Path) -> None:
    settings = _load(tmp_path, "", "flag").with_flag(("web", "port"), 7, "--port")

    assert settings.as_environment() == {"SELERA_WEB_NAME": "flag", "SELERA_WEB_PORT": "7"}
    assert _load(tmp_path).as_environment() == {}


def test_every_section_of_every_room_is_checked(tmp_path: Path) -> None:
    structs = [
        ShopFiles,
        EventConfig,
        ShopConfig,
        EtlConfig,
        TrainConfig,
        WatchConfig,
        EraseConfig,
        ServingConfig,
        WebConfig,
    ]

    assert [place.partition(":")[2] for place in SECTIONS.values()] == [
        struct.__name__ for struct in structs
    ]
    assert list(Settings.load(tmp_path / "selera.toml", {}, {}).errors()) == []
    wrong = {"SELERA_TRAINING_SVD_N_EPOCHS": "many", "SELERA_WEB_PORT": "-1"}
    training, web = Settings.load(tmp_path / "x", wrong, {}).errors()
    assert "training.svd.n_epochs must be a whole number" in str(training)
    assert "web.port must be" in str(web)


def test_what_cannot_be_read_hides_no_other_setting(tmp_path: Path) -> None:
    (tmp_path / "selera.toml").write_text("[web\n")
    environment = {"SELERA_DATABASE": "sqlite:///mine.db", "SELERA_WBE_PORT": "1"}

    settings, errors = Settings.read(tmp_path / "selera.toml", environment, {})

    assert settings.files.database == "sqlite:///mine.db"
    assert ["is no TOML" in str(errors[0]), "SELERA_WBE_PORT" in str(errors[1])] == [True, True]


def test_what_is_handed_over_is_no_setting_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"web\.database in .* is no setting"):
        _load(tmp_path, '[web]\ndatabase = "sqlite:///x.db"\n').section("web", WebConfig)


def test_the_server_reads_times_in_the_zone_of_the_etl(tmp_path: Path) -> None:
    config = web_config(_load(tmp_path, '[etl]\ntime_zone = "Asia/Jakarta"\n'))
    assert config.time_zone == "Asia/Jakarta"


def _fingerprint(tmp_path: Path, toml: str = "", flags: Values | None = None, **given: str) -> str:
    path = tmp_path / "fingerprint.toml"
    path.write_text(toml, encoding="utf-8")
    return Settings.load(path, given, flags or {}).fingerprint("training")


@pytest.mark.parametrize(
    ("name", "toml", "text", "flag"),
    [
        (("training", "seed"), "[training]\nseed = 7\n", "7", 7),
        (("training", "model"), '[training]\nmodel = "svd"\n', "svd", "svd"),
        (("training", "model"), '[training]\nmodel = "svd"\n', '"svd"', "svd"),
        (("training", "bayes", "implicit"), "[training.bayes]\nimplicit = true\n", "true", True),
        (
            ("training", "svd", "learning_rate"),
            "[training.svd]\nlearning_rate=0.001\n",
            "1e-3",
            0.001,
        ),
        (
            ("training", "blend", "components"),
            '[training.blend]\ncomponents = ["ease", "ials"]\n',
            '["ease","ials"]',
            ["ease", "ials"],
        ),
    ],
)
def test_the_fingerprint_of_a_value_is_the_same_from_any_source(
    tmp_path: Path, name: tuple[str, ...], toml: str, text: str, flag: object
) -> None:
    by_file = _fingerprint(tmp_path, toml)
    by_flag = Settings.load(tmp_path / "none", {}, {name: Value(flag, "--flag")})

    assert _fingerprint(tmp_path, "", **{variable(name): text}) == by_file
    assert by_flag.fingerprint("training") == by_file
    child = Settings.load(tmp_path / "none", by_flag.as_environment(), {})
    assert child.fingerprint("training") == by_file


def test_the_fingerprint_is_of_the_strongest_source(tmp_path: Path) -> None:
    toml, flags = "[training]\nseed = 1\n", {("training", "seed"): Value(3, "--seed")}

    assert _fingerprint(tmp_path, toml, SELERA_TRAINING_SEED="2") == _fingerprint(
        tmp_path, "[training]\nseed = 2\n"
    )
    assert _fingerprint(tmp_path, toml, flags, SELERA_TRAINING_SEED="2") == _fingerprint(
        tmp_path, "[training]\nseed = 3\n"
    )


def test_the_fingerprint_differs_with_every_setting_of_its_section(tmp_path: Path) -> None:
    tables = ["", "seed = 1", "seed = 2", 'model = "svd"', "[training.signals]\nbuy_weight = 2.0"]

    fingerprints = {_fingerprint(tmp_path, f"[training]\n{table}\n") for table in tables}
    assert len(fingerprints) == len(tables)


def test_the_fingerprint_does_not_change_with_other_sections(tmp_path: Path) -> None:
    toml = 'database = "sqlite:///x.db"\n[training]\nseed = 1\n[web]\nport = 9\n'

    assert _fingerprint(tmp_path, toml, SELERA_WATCH_POLL_S="3") == _fingerprint(
        tmp_path, "[training]\nseed = 1\n"
    )
