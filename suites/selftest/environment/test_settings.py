"""Settings: options, variables and .env, in that order; refused in one line; secrets hidden."""

from __future__ import annotations

import json
import string
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.settings import FoundationSettings
from groundwork.base.errors import UsageError
from groundwork.declare.settings import Settings

CANARY = "canary-7c1f"


def test_options_come_before_variables_and_variables_before_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The nearer to the user's hand, the stronger."""
    (tmp_path / ".env").write_text("GROUNDWORK_BROKERS=3\nGROUNDWORK_IMAGES=packages\n")
    assert FoundationSettings.load({}, tmp_path).brokers == 3
    monkeypatch.setenv("GROUNDWORK_BROKERS", "1")
    assert FoundationSettings.load({}, tmp_path).brokers == 1
    loaded = FoundationSettings.load({"brokers": "3", "images": None}, tmp_path)
    assert (loaded.brokers, loaded.images) == (3, "packages")


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"env": "mars"}, "--env mars: should be"),
        ({"brokers": "2"}, "--brokers 2: should be 1 or 3"),
        ({"images": "floppy"}, "--images floppy: should be"),
        ({"port": ["broker=x"]}, "--port broker=x: should be RESOURCE=NUMBER"),
        ({"port": ["broker=0"]}, "--port broker=0: should be"),
        ({"broker": "redpanda"}, "--broker redpanda means nothing with --env local"),
        ({"stack": "charts"}, "--stack charts means nothing with --env local"),
        ({"images": "vendor"}, "--images vendor means nothing with --env local"),
        ({"links": "relayed"}, "--links relayed means nothing with --env local --brokers 1"),
        (
            {"env": "kind", "links": "relayed", "brokers": "3"},
            "--links relayed means nothing with --env kind --brokers 3",
        ),
        (
            {"env": "kind", "broker_volume": "small", "brokers": "3"},
            "--broker-volume small means nothing with --env kind --brokers 3",
        ),
        (
            {"env": "k3d", "broker_volume": "small", "broker": "redpanda"},
            "--broker-volume small means nothing with --env k3d --broker redpanda",
        ),
        (
            {"env": "kind", "images": "packages", "broker": "redpanda"},
            "--broker redpanda means nothing with --images packages",
        ),
        (
            {"env": "kind", "repository": "example.invalid/team"},
            "--repository example.invalid/team means nothing with --env kind",
        ),
        (
            {"env": "kind", "images": "packages", "stack": "charts"},
            "--stack charts means nothing with --images packages",
        ),
    ],
)
def test_what_cant_be_honoured_is_refused_in_one_line(
    tmp_path: Path, options: dict[str, object], line: str
) -> None:
    """The line names the option and what it should be."""
    with pytest.raises(UsageError) as refused:
        FoundationSettings.load(options, tmp_path)
    assert str(refused.value).startswith(line)
    assert "\n" not in str(refused.value)


def test_secrets_are_no_options_and_print_as_asterisks(tmp_path: Path) -> None:
    """A command line can be read by every process; a log by too many people."""
    (tmp_path / ".env").write_text(f"DATABASE_PASSWORD={CANARY}\nALPACA_API_KEY={CANARY}\n")
    settings = FoundationSettings.load({}, tmp_path)
    told = settings.secrets()
    assert told["ALPACA_API_KEY"] == told["DATABASE_PASSWORD"] == CANARY
    assert told["REDIS_PASSWORD"].startswith("made-up-")
    assert told.keys() == FoundationSettings.secret_names()
    assert CANARY not in repr(settings) + str(settings) + json.dumps(settings.public())
    fields = {option.field for option in FoundationSettings.options()}
    assert not fields & {"alpaca_api_key", "database_password", "redis_password"}
    assert FoundationSettings.secret_names() == {
        "ALPACA_API_KEY",
        "ALPACA_SECRET_KEY",
        "DATABASE_PASSWORD",
        "REDIS_PASSWORD",
    }


def test_the_keeper_reads_the_settings_it_is_handed_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Secrets travel; variables of the keeper's own don't interfere."""
    (tmp_path / ".env").write_text(f"REDIS_PASSWORD={CANARY}\n")
    settings = FoundationSettings.load({"brokers": "3", "port": ["broker=19092"]}, tmp_path)
    monkeypatch.setenv("GROUNDWORK_KEEP_ENV", "true")
    assert FoundationSettings.from_json(settings.to_json()) == settings


@given(st.dictionaries(st.sampled_from(["a", "b-c", "d"]), st.integers(1, 65_535)))
def test_ports_survive_every_way_of_giving_them(ports: dict[str, int]) -> None:
    """As repeated options, as one variable, and as the mapping that the keeper gets."""
    words = [f"{name}={number}" for name, number in ports.items()]
    for given_as in (words, ",".join(words), ports):
        if given_as:
            assert Settings(port=given_as, _env_file=None).port == ports  # type: ignore[arg-type, call-arg]


FOLDERS = ("state_dir", "cache_dir", "out_dir")


@pytest.mark.parametrize("field", FOLDERS)
def test_an_empty_folder_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, field: str
) -> None:
    """Whoever empties a variable means that it isn't there; it isn't the folder one is in."""
    monkeypatch.delenv(f"GROUNDWORK_{field.upper()}", raising=False)  # whoever runs this has own
    usual = getattr(FoundationSettings.load({}, tmp_path), field)
    monkeypatch.setenv(f"GROUNDWORK_{field.upper()}", "")
    assert getattr(FoundationSettings.load({}, tmp_path), field) == usual
    monkeypatch.delenv(f"GROUNDWORK_{field.upper()}")
    (tmp_path / ".env").write_text(f"GROUNDWORK_{field.upper()}=\n")
    assert getattr(FoundationSettings.load({}, tmp_path), field) == usual


@pytest.mark.parametrize("field", FOLDERS)
@pytest.mark.parametrize("by_file", [False, True])
def test_a_relative_folder_is_the_projects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, field: str, *, by_file: bool
) -> None:
    """Wherever a command is called; a tilde is the user's home."""
    monkeypatch.delenv(f"GROUNDWORK_{field.upper()}", raising=False)  # it counts more than .env
    for text, expected in (("rel/x", tmp_path / "rel" / "x"), ("~/y", Path.home() / "y")):
        if by_file:
            (tmp_path / ".env").write_text(f"GROUNDWORK_{field.upper()}={text}\n")
        else:
            monkeypatch.setenv(f"GROUNDWORK_{field.upper()}", text)
        assert getattr(FoundationSettings.load({}, tmp_path), field) == expected


@pytest.mark.parametrize(
    ("name", "line"),
    [
        (
            "GROUNDWORK_BROKRES",
            "BROKRES is no setting; did you mean GROUNDWORK_BROKERS?",
        ),
        ("GROUNDWORK_STATEDIR", "did you mean GROUNDWORK_STATE_DIR?"),
        ("groundwork_keepenv", "did you mean GROUNDWORK_KEEP_ENV?"),
        ("GROUNDWORK_", "is no setting; "),
        ("GROUNDWORK_XYZZY", "is no setting; "),
    ],
)
def test_a_variable_that_nobody_knows_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, line: str
) -> None:
    """In one line, with the nearest that there is; in .env with file and line."""
    monkeypatch.setenv(name, "1")
    with pytest.raises(UsageError, match="the environment: ") as refused:
        FoundationSettings.load({}, tmp_path)
    assert line in str(refused.value)
    assert "\n" not in str(refused.value)
    monkeypatch.delenv(name)
    file = tmp_path / ".env"
    file.write_text(f"# ours\nOTHER=1\n{name}=1\n")
    with pytest.raises(UsageError) as refused:
        FoundationSettings.load({}, tmp_path)
    assert str(refused.value).startswith(f"{file}:3: ")
    assert line in str(refused.value)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("A=1\nGROUNDWORK_BROKERS\n", ":2: 'GROUNDWORK_BROKERS' should be NAME=VALUE"),
        ("A=1\n\n= 3\n", ":3: "),
        ('A="1\n', ":1: 'A' should be NAME=VALUE"),
        ("two words=1\n", ":1: 'two words' should be NAME=VALUE"),
    ],
)
def test_a_line_that_cant_be_read_is_refused(tmp_path: Path, text: str, line: str) -> None:
    """By file and line, without its value, which may be a secret."""
    file = tmp_path / ".env"
    file.write_text(text)
    with pytest.raises(UsageError) as refused:
        FoundationSettings.load({}, tmp_path)
    assert str(refused.value).startswith(f"{file}{line}")
    assert "\n" not in str(refused.value)


@given(st.text(alphabet=string.ascii_uppercase + "_", max_size=20))
def test_names_without_our_prefix_are_others(name: str) -> None:
    """Whatever other programs keep in .env is none of our business."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / ".env").write_text(f"X{name}=1\nexport Y{name}='a b'\n")
        assert FoundationSettings.load({}, Path(folder)).env == "local"
