"""Experiments: each is sound, and what isn't is told with file and line before anything breaks."""

from __future__ import annotations

import importlib
import inspect
import sys
from pathlib import Path
from typing import Any

import pytest

from chaos.completion import complete, expect_completed
from chaos.experiments import EXPERIMENTS, expect_all_sound, expect_sound, file_of, load, names
from fixtures.declared import objectives
from fixtures.declared.interruption import Interruption, Only
from groundwork.base import process
from groundwork.base.errors import GroundworkError, UsageError

KILLED = (EXPERIMENTS / "broker-killed.yaml").read_text()

RUN_TIMEOUT_S = 60.0


def test_all_are_sound() -> None:
    """Those that are there, one for each promise."""
    expect_all_sound()
    assert set(names()) == set(objectives.load_objectives().interruption)
    _, killed = load(file_of("broker-killed"))
    assert killed.breaks() == ("broker",)


def line_of(text: str) -> int:
    """Where something stands in the file."""
    return KILLED[: KILLED.index(text)].count("\n") + 1


METHOD = line_of("  - name: the broker is killed")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("title: The broker", "headline: The broker", ":1: title: Field required"),
        ("arguments: {objective", "arguments: [objective", ": expected"),
        (
            "strategy: always",
            "strategy: default",
            f":{line_of('  rollbacks: {strat')}: runtime.rollbacks.strategy: Input should be 'al",
        ),
        ("func: inject", "func: exterminate", f":{METHOD}: the broker is killed: unknown action "),
        ("chaos.actions\n      func: inject", "chaos.acts\n      func: inject", "no module chaos"),
        ("fault: kill,", "fault: kil,", f":{METHOD}: the broker is killed: nobody can witness 'ki"),
        ("fault: kill,", "fault: fill,", "nobody can witness 'fill'; known: kill, terminate, cra"),
        ("broker, fault: kill", "broker-volume, fault: kill", "witness 'kill'; known: fill"),
        ("broker, fault: kill", "links, fault: slow", "witness 'slow'; known: isolate"),
        ("seconds: 2}", "second: 2}", "inject: got an unexpected keyword argument 'second'"),
        ("objective: broker-killed", "objective: nothing", "there is none of 'nothing'"),
        ("clients_at: broker", "clients: broker", "controls: got an unexpected keyword argument"),
        ("module: chaos.control", "module: chaos.actions", "there should be one, of the module"),
        ("type: action", "type: deed", "type: Input should be"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    """By the sentence that says what to mend."""
    file = tmp_path / "broker-killed.yaml"
    file.write_text(KILLED.replace(old, new, 1))
    with pytest.raises(UsageError) as refused:
        expect_sound(file)
    text = str(refused.value)
    assert text.startswith(f"{file}:")
    assert said in text
    assert "\n" not in text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            KILLED.replace("func: inject", "func: heal").partition("      arguments: {res")[0],
            "one thing should be done, by one of combine, inject",
        ),
        ("", "should be an experiment"),
        ("- a\n- list\n", "Input should be a valid dictionary"),
    ],
)
def test_what_shows_nothing_is_refused(tmp_path: Path, text: str, said: str) -> None:
    """Nothing is done, and no experiment at all."""
    file = tmp_path / "x.yaml"
    file.write_text(text)
    with pytest.raises(UsageError, match=said):
        expect_sound(file)


def test_a_fault_that_is_over_before_anybody_is_told_is_refused(tmp_path: Path) -> None:
    """The alert that must be told can't be."""
    file = tmp_path / "x.yaml"
    text = file_of("broker-paused").read_text()
    file.write_text(text.replace("seconds: 16", "seconds: 6"))
    with pytest.raises(
        UsageError, match=r"x.yaml:\d+: method: it is over after 6 s, and BrokerDown"
    ):
        expect_sound(file)


def test_what_goes_around_each_can_be_done() -> None:
    """Each step and each question is there, and takes what it is told."""
    whole: dict[str, Any] = {"method": []}
    complete(whole)
    probes = whole["steady-state-hypothesis"]["probes"]
    assert len({str(each["provider"]) for each in probes}) >= 2
    for each in (*whole["method"], *whole["rollbacks"], *probes):
        own = each["provider"]
        module = importlib.import_module(own["module"])
        assert own["func"] in module.__all__
        inspect.signature(getattr(module, own["func"])).bind(**own["arguments"])
    expect_completed(whole)
    with pytest.raises(GroundworkError, match="isn't complete"):
        expect_completed({"method": []})


SUN = "  - {experiment: sun-eclipsed, only: {env: [local]}, since: fault, within_s: 480}\n"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("must: {BrokerDown:", "must: {BrockerDown:", "there is no alert BrockerDown; known: "),
        ("may: [BrokerDown", "may: [BrockerDown", "there is no alert BrockerDown; known: "),
    ],
)
def test_an_alert_that_is_not_there_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str, said: str
) -> None:
    """Nobody would ever be told of it."""
    file = tmp_path / "objectives.yaml"
    file.write_text(objectives.FILE.read_text().replace(old, new))
    found = objectives.load_objectives(file)
    monkeypatch.setattr("chaos.experiments.load_objectives", lambda: found)
    with pytest.raises(UsageError, match=r"objectives.yaml:\d+: interruption by .*" + said):
        expect_all_sound()


def test_an_objective_of_nothing_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was renamed, say, and nobody would miss it."""
    file = tmp_path / "objectives.yaml"
    whole = objectives.FILE.read_text()
    file.write_text(whole + SUN)
    found = objectives.load_objectives(file)
    monkeypatch.setattr("chaos.experiments.load_objectives", lambda: found)
    with pytest.raises(UsageError, match=r"objectives.yaml:\d+: interruption by sun-eclipsed: the"):
        expect_all_sound()


def test_an_experiment_is_found_by_name_or_path(tmp_path: Path) -> None:
    """And what isn't there is told, with what is."""
    assert file_of("broker-cut-off") == EXPERIMENTS / "broker-cut-off.yaml"
    own = tmp_path / "own.yaml"
    own.write_text(KILLED)
    assert file_of(str(own)) == own
    with pytest.raises(UsageError, match=r"no experiment 'broker-eaten'; known: .*broker-cut"):
        file_of("broker-eaten")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["broker-eaten"], "there is no experiment 'broker-eaten'"),
        (["broken.yaml"], "broken.yaml:1: title: Field required"),
    ],
)
def test_the_command_refuses_in_one_line(tmp_path: Path, words: list[str], said: str) -> None:
    """Exit code 4, before it looks for an environment."""
    (tmp_path / "broken.yaml").write_text(KILLED.replace("title:", "titel:", 1))
    done = process.run(
        [sys.executable, "-m", "chaos", *words], timeout_s=RUN_TIMEOUT_S, cwd=tmp_path, check=False
    )
    assert done.returncode == 4
    assert said in done.output
    assert len(done.output.splitlines()) == 1


def test_where_an_experiment_is_not_run_is_told_by_options() -> None:
    """Of each of these all must hold; of pods it may be others than of processes."""
    there = {"brokers": [3], "links": ["direct"]}
    only = Only.model_validate(
        {
            "env": ["local", "kind"],
            "broker": ["kafka"],
            "brokers": [1],
            "links": ["relayed"],
            "nodes_min": 3,
            "in_a_cluster": there,
        }
    )
    clusters = ("kind", "k3d", "context")
    assert [each for each in only.others() if all(each.values())] == [
        {"env": ("k3d", "context")},
        {"broker": ("redpanda",)},
        {"env": ("local",), "brokers": (3,)},
        {"env": clusters, "brokers": (1,)},
        {"env": ("local",), "links": ("direct",)},
        {"env": clusters, "links": ("relayed",)},
        {"nodes": (1, 2)},
    ]


def test_what_is_otherwise_in_a_cluster_is_so_there_alone() -> None:
    """What it doesn't name is as everywhere; nobody both must and may be told there, either."""
    row = {"experiment": "x", "only": {"env": ["local"]}, "since": "fault", "within_s": 9}
    own = {"must": {"BrokerDown": 5}, "may": ["HostDown"], "spared_min": 7}
    made = Interruption.model_validate(row | own | {"in_a_cluster": {"must": {"ServiceDown": 3}}})
    assert made.on("local") == made
    there = made.on("kind")
    assert (there.must, there.may, there.spared_min) == ({"ServiceDown": 3}, ["HostDown"], 7)
    assert made.alerts == ("BrokerDown", "HostDown", "ServiceDown")
    with pytest.raises(ValueError, match="HostDown must be told, and may be"):
        Interruption.model_validate(row | own | {"in_a_cluster": {"must": {"HostDown": 3}}})
