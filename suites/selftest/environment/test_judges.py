"""Judges: the servers' own tools say what is right, and our reader only where it stands."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures.declared.durations import load_durations
from fixtures.declared.rules import rule_files
from fixtures.declared.verdicts import fault, judge_alerting, judge_config, judge_rules
from fixtures.kustomize import render
from groundwork.base import ledger, process
from groundwork.base.errors import UsageError
from suites.support.copies import copy_project
from suites.support.scene import Scene, scene_of
from suites.support.tools import TOOL_TIMEOUT_S, found, run

FAST = load_durations()["fast"]


def judge(file: Path) -> None:
    """Have a file of rules judged as a run of the fast profile has it judged."""
    with TemporaryDirectory() as folder:
        promtool = found("prometheus").program("promtool")
        judge_rules(run, promtool, [file], FAST, Path(folder))


def verdict(file: Path) -> str:
    """Why a file of rules is refused; empty where it isn't."""
    try:
        judge(file)
    except UsageError as error:
        return str(error)
    return ""


def old() -> bool:
    """Whether this machine's Prometheus is of the series 2, as Debian's is."""
    return found("prometheus").version.startswith("2.")


HEAD = "groups:\n  - name: g\n    rules:\n      - {record: ok, expr: up}\n"

GOOD = {
    "a raw string with a backslash": r"{alert: A, expr: 'x{a=~`\d+`}'}",
    "a number as a label": "{alert: A, expr: up, labels: {a: 1}}",
    "a boolean as an annotation": "{alert: A, expr: up, annotations: {a: true}}",
    "nothing as an annotation": "{alert: A, expr: up, annotations: {a: }}",
    "an octal number as a label": "{alert: A, expr: up, labels: {a: 010}}",
    "no wait": "{alert: A, expr: up, for: 0}",
    "no wait, in quotes": '{alert: A, expr: up, for: "0"}',
    "a tab between words": "{alert: A,\texpr:\tup}\t# a remark",
    "no labels": "{alert: A, expr: up, labels: }",
    "keep_firing_for": "{alert: A, expr: up, keep_firing_for: 5m}",
    "a template": "{alert: A, expr: up, annotations: {a: '{{ $labels.job }} {{ $value }}'}}",
    "a remark that looks like a window": '{record: a, expr: "up # [5m]"}',
    "an offset": "{record: a, expr: 'rate(up[1m] offset 1d)'}",
}

BAD = {
    "no expression": ("{record: a, expr: 'sum(up'}", 5, "could not parse expression"),
    "for of a recording rule": ("{record: a, expr: up, for: 1m}", 5, "invalid field 'for'"),
    "units in a wrong order": (
        "{alert: A, expr: up, for: 30m1h}",
        5,
        'not a valid duration string: "30m1h"',
    ),
    "a unit twice": ("{alert: A, expr: up, for: 5m5m}", 5, 'duration string: "5m5m"'),
    "a window's units in a wrong order": ("{record: a, expr: 'rate(up[30m1h])'}", 5, '"30m1h"'),
    "a template cut short": (
        "alert: A\n        expr: up\n        annotations:\n          s: '{{ $labels.job'",
        8,
        "unclosed action",
    ),
    "an unknown function of a template": (
        "alert: A\n        expr: up\n        labels:\n          s: '{{ nope }}'",
        8,
        'function "nope" not defined',
    ),
    "a key twice": ("{alert: A, expr: up, expr: up}", 5, "key 'expr' is there twice"),
    "an unknown key of a rule": ("{alert: A, expr: up, fro: 1m}", 5, "field fro not found"),
    "no name": ("{expr: up}", 5, "one of 'record' or 'alert' must be set"),
    "two names": ("{alert: A, record: a, expr: up}", 5, "only one of 'record' and 'alert'"),
    "no text": ("[1]", 5, "cannot unmarshal"),
    "an unknown function": ("{record: a, expr: soon(up)}", 5, 'unknown function with name "soon"'),
}


@pytest.mark.parametrize("rule", GOOD.values(), ids=GOOD)
def test_what_prometheus_takes_is_taken(tmp_path: Path, rule: str) -> None:
    """Whatever our reader makes of it."""
    file = tmp_path / "rules.yaml"
    file.write_text(f"{HEAD}      - {rule}\n")
    judge(file)


@pytest.mark.parametrize(("rule", "line", "said"), BAD.values(), ids=BAD)
def test_what_prometheus_refuses_is_told_by_line(
    tmp_path: Path, rule: str, line: int, said: str
) -> None:
    """One line: the declared file and its line, and what promtool says."""
    refused(tmp_path, f"{HEAD}      - {rule}\n", line, said)


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        (HEAD.replace("rules:", "intervall: 1m\n    rules:"), 3, "field intervall not found"),
        (HEAD + HEAD.partition("\n")[2], 5, '"g" is repeated in the same file'),
        (HEAD.replace("name: g", "interval: 1m"), 2, "roupname must not be empty"),
        (HEAD.replace("name: g", "name: g\n    interval: 1m1h"), 3, '"1m1h"'),
        (HEAD.replace("groups", "troups"), 1, "field troups not found"),
        (HEAD.replace("rules:", "ruless:"), 3, "field ruless not found"),
        ("groups:\n\t- name: g\n", 2, "found character '\\t' that cannot start any token"),
    ],
)
def test_a_group_that_prometheus_refuses_is_told_by_line(
    tmp_path: Path, text: str, line: int, said: str
) -> None:
    """Unknown keys, names that are there twice or not at all, durations."""
    refused(tmp_path, text, line, said)


def test_a_label_that_only_new_servers_take_is_refused_by_old_ones(tmp_path: Path) -> None:
    """The very version that will run is the judge, in both directions."""
    dash = f"{HEAD}      - alert: A\n        expr: up\n        labels:\n          a-b: c\n"
    smoothed = f"{HEAD}      - {{record: a, expr: 'holt_winters(up[1m], 0.5, 0.5)'}}\n"
    good = tmp_path / "good.yaml"
    good.write_text(smoothed if old() else dash)
    judge(good)
    if old():
        refused(tmp_path, dash, 8, "invalid label name: a-b")
    else:
        refused(tmp_path, smoothed, 5, 'unknown function with name "holt_winters"')


def refused(folder: Path, text: str, line: int, said: str) -> None:
    """A file of rules is refused, at this line, in these words."""
    file = folder / "rules.yaml"
    file.write_text(text)
    with pytest.raises(UsageError) as caught:
        judge(file)
    assert str(caught.value).startswith(f"{file}:{line}: ")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("said", "line"),
    [
        # 2.42 tells lines that 3.x doesn't.
        ('5:27: group "g", rule 2, "a": could not parse expression: 1:7: parse error', 5),
        ("0:0: 8:17: group \"g\", rule 2, \"\": one of 'record' or 'alert' must be set", 8),
        ('0:0: group "g", rule 2, "A": field \'expr\' must be set in rule', 5),
        ('group "g", rule 2, "A": annotation "s": template: __alert_A:1: unclosed action', 7),
        ('group "g", rule 2, "A": invalid label name: a-b', 9),
        ('0:0: groupname: "g" is repeated in the same file', 10),
        ("0:0: Groupname must not be empty", 11),
        ("yaml: unmarshal errors:   line 3: field intervall not found in type x", 3),
        ("yaml: line 2: found character that cannot start any token", 2),
        ('not a valid duration string: "5m5m"', 6),
        ('unknown unit "x" in duration "5m5m"', 6),
    ],
)
def test_the_words_of_both_series_lead_to_the_line(tmp_path: Path, said: str, line: int) -> None:
    """Where a tool tells no line, what it names is looked up."""
    file = tmp_path / "rules.yaml"
    file.write_text(
        f"{HEAD}      - alert: A\n        for: 5m5m\n        annotations: {{s: ''}}\n"
        "        labels:\n          a-b: c\n  - name: g\n  - rules: []\n"
    )
    assert str(fault(file, said, exact=True)).startswith(f"{file}:{line}: ")


def test_what_a_run_makes_wrong_is_told_as_that(tmp_path: Path) -> None:
    """The declared file is right: the words say that it is about what is made of it."""
    file = tmp_path / "rules.yaml"
    file.write_text(f"{HEAD}      - {{alert: A, expr: up, for: 1m}}\n")
    spoilt = FAST.model_copy(update={"for_": "4parsecs"})
    with pytest.raises(UsageError, match=r"rules\.yaml:5: .*4parsecs.*as this run has it"):
        judge_rules(
            run, found("prometheus").program("promtool"), [file], spoilt, tmp_path / "copies"
        )


# --- what is generated: the verdict must be promtool's, of the file as it is

words = st.text(alphabet="abAB09_-.: {}$'\"\\\t#[]é", max_size=8)
scalars = st.one_of(
    words.map(lambda text: yaml.safe_dump(text, width=999).partition("\n")[0]),
    st.sampled_from(["1", "1.10", "010", "0x1F", "true", "yes", "~", "", "2026-01-01", "1_000"]),
    st.sampled_from(["'{{ $value }}'", "'{{ $labels.job'", "'{{ nope }}'", '"\\u00e9"']),
)
keys = st.sampled_from(["a", "b", "a_1", "A", "_", "a-b", "1a", "''", "é", "__name__", "a.b"])
maps = st.dictionaries(keys, scalars, max_size=2).map(
    lambda found: "{" + ", ".join(f"{key}: {value}" for key, value in found.items()) + "}"
)
durations = st.sampled_from(
    [
        "1m",
        "300y",
        "0",
        '"0"',
        "0s",
        "30m1h",
        "5m5m",
        "1h30m",
        "1d",
        "-1m",
        "1",
        "''",
        "",
        "1.5m",
        "1 m",
    ]
)
exprs = st.sampled_from(
    [
        "up == 0",
        "rate(up[1m])",
        "rate(up[1h30m])",
        "rate(up[30m1h])",
        "'x{a=~`\\d+`}'",
        "\"x{a=~'[5m]'}\"",
        "sum(up",
        "holt_winters(up[1m], 0.5, 0.5)",
        "'up # [5m]'",
        "1",
        "''",
        "max_over_time(rate(up[1m])[1h:1m])",
    ]
)


@st.composite
def rules(draw: Callable[..., str]) -> str:
    """A rule, in flow style."""
    parts = [f"{draw(st.sampled_from(['alert', 'record']))}: {draw(keys)}"]
    parts.append(f"expr: {draw(exprs)}")
    for key, values in (
        ("for", durations),
        ("keep_firing_for", durations),
        ("labels", maps),
        ("annotations", maps),
        ("fro", durations),
    ):
        if draw(st.sampled_from([True, False, False])):
            parts.append(f"{key}: {draw(values)}")
    return "{" + ", ".join(parts) + "}"


@settings(max_examples=120)
@given(rules())
def test_our_verdict_is_promtools(rule: str) -> None:
    """Our reader and our writer neither refuse what it takes nor let pass what it refuses."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "rules.yaml"
        file.write_text(f"{HEAD}      - {rule}\n")
        promtool = found("prometheus").program("promtool")
        asked = process.run(
            [promtool, "check", "rules", "--lint=none", file],
            timeout_s=TOOL_TIMEOUT_S,
            check=False,
        )
        said = verdict(file)
        assert (said == "") == (asked.returncode == 0), f"{said}\n{asked.output}"
        # A quote that is never closed is told where the file ends.
        at_its_end = f"{file}:6: found unexpected end of stream"
        assert said == "" or said.startswith((f"{file}:5: ", at_its_end))


# --- the folder


def test_both_endings_are_loaded_and_what_isnt_is_refused(tmp_path: Path) -> None:
    """Nothing lies in the folder of rules in silence, but hidden files, which editors keep."""
    (tmp_path / "rules").mkdir()
    (tmp_path / "platforms").mkdir()
    (tmp_path / "platforms" / "local.yaml").touch()
    for name in ("a.yaml", "b.yml", ".a.yaml.swp"):
        (tmp_path / "rules" / name).touch()
    names = [file.name for file in rule_files("local", tmp_path)]
    assert names == ["a.yaml", "b.yml", "local.yaml"]
    for name in ("a.yaml.bak", "a.yaml~", "README.md", "rules", "a.YAML"):
        stray = tmp_path / "rules" / name
        stray.touch()
        with pytest.raises(UsageError) as caught:
            rule_files("local", tmp_path)
        assert str(caught.value).startswith(f"{stray}: isn't loaded: ")
        stray.unlink()
    (tmp_path / "rules" / "more").mkdir()
    with pytest.raises(UsageError, match="more: isn't loaded"):
        rule_files("local", tmp_path)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("platforms/cloud.yaml", "isn't loaded: no platform has these rules"),
        ("rules/local.yaml", "is called as a file of ../platforms"),
    ],
)
def test_what_would_be_lost_among_platforms_is_refused(
    tmp_path: Path, name: str, said: str
) -> None:
    """A platform that isn't there, and a name that another file has where all lie together."""
    for each in ("rules/a.yaml", "platforms/local.yaml", "platforms/kubernetes.yaml", name):
        (tmp_path / each).parent.mkdir(exist_ok=True)
        (tmp_path / each).touch()
    with pytest.raises(UsageError, match=rf"{tmp_path / name}: {re.escape(said)}"):
        rule_files("local", tmp_path)


# --- configurations

CONFIG = "global: {scrape_interval: 15s}\nscrape_configs:\n  - job_name: a\n"
ROUTE = "route: {receiver: a}\nreceivers:\n  - name: a\n"


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("15s", "15x", 1, "15x"),
        ("job_name: a", "job_name: a\n    scheem: http", 4, "field scheem not found"),
        ("job_name: a", "job_name: a\n  - job_name: a", 4, "multiple scrape configs"),
    ],
)
@pytest.mark.parametrize("made", [False, True], ids=["as it is", "as it is made"])
def test_a_configuration_of_prometheus_is_judged(
    tmp_path: Path, old: str, new: str, line: int, said: str, *, made: bool
) -> None:
    """The declared file and its line are told, also where another one was made of it."""
    declared = tmp_path / "prometheus.yaml"
    declared.write_text(CONFIG.replace(old, new))
    file = declared
    if made:
        file = tmp_path / "made.yml"
        file.write_text(yaml.safe_dump(yaml.safe_load(declared.read_text())))
    with pytest.raises(UsageError) as caught:
        judge_config(run, found("prometheus").program("promtool"), file, declared)
    assert str(caught.value).startswith(f"{declared}:{line}: ")
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("receiver: a", "receiver: b", 1, 'undefined receiver "b" used in route'),
        ("receiver: a", "receiver: a, group_wait: 1x", 1, "1x"),
        ("name: a", "name: a\n    webhooks: []", 4, "field webhooks not found"),
        ("name: a", "name: a\n  - name: a", 4, 'name "a" is not unique'),
        ("receivers:", "receivers: [\n", 4, "expected the node content, but found '-'"),
        ("receivers:", "route: {receiver: a}\nreceivers:", 2, "key 'route' is there twice"),
    ],
)
def test_a_configuration_of_alertmanager_is_judged(
    tmp_path: Path, old: str, new: str, line: int, said: str
) -> None:
    """With its line where amtool tells one, or what it names can be found."""
    declared = tmp_path / "alertmanager.yaml"
    declared.write_text(ROUTE.replace(old, new))
    amtool = found("alertmanager").program("amtool")
    with pytest.raises(UsageError) as caught:
        judge_alerting(run, amtool, declared, declared)
    assert str(caught.value).startswith(f"{declared}:{line}: ")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (
            {"a/kustomization.yaml": "resources: [b.yaml]\n"},
            "a/kustomization.yaml: .*/b.yaml isn't",
        ),
        (
            {"a/kustomization.yaml": "resources: [b.yaml]\n", "a/b.yaml": "a: b\nb: [\n"},
            "a/b.yaml:2: did not find expected node content",
        ),
        ({"a/kustomization.yaml": "resourcez: []\n"}, 'a: .*unknown field "resourcez"'),
        ({"a/b.yaml": ""}, "a: unable to find one of 'kustomization.yaml'"),
    ],
)
def test_what_cant_be_rendered_is_told_in_one_line(
    tmp_path: Path, files: dict[str, str], said: str
) -> None:
    """By kustomize, with the file."""
    (tmp_path / "a").mkdir()
    (tmp_path / "kustomization.yaml").write_text("resources: [a]\n")
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(UsageError, match=f"^{tmp_path}/{said}") as caught:
        list(render(tmp_path))
    assert "\n" not in str(caught.value)


# --- the whole way, in a copy of the project

# A run that starts nothing; the first on a machine fetches programs.
REFUSAL_TIMEOUT_S = 300.0


@pytest.fixture
def scene() -> Iterator[Scene]:
    """Folders that a run has to itself."""
    with scene_of((), engine=False) as made:
        copy_project(made.base / "project")
        yield made


@pytest.mark.parametrize(
    ("file", "before", "after", "told"),
    [
        (
            "observability/rules/alerts.yaml",
            'summary: "{{ $labels.job }} is down"',
            'summary: "{{ $labels.job } is down"',
            "observability/rules/alerts.yaml:13: group",
        ),
        (
            "observability/rules/alerts.yaml",
            "runbook: docs/runbooks/ServiceDown.md",
            "runbook: docs/runbooks/ServicesDown.md",
            "observability/rules/alerts.yaml:15: runbook of ServiceDown should be docs/runbooks/",
        ),
        (
            "observability/alertmanager/alertmanager.yaml",
            "receiver: webhook",
            "receiver: webhok",
            'observability/alertmanager/alertmanager.yaml:4: undefined receiver "webhok"',
        ),
        (
            "topics.yaml",
            "market-data.candles.5m",
            "market-data_candles.1m",
            "topics.yaml:8: topic market-data_candles.1m collides with market-data.candles.1m",
        ),
    ],
)
def test_a_run_with_a_fault_starts_nothing(
    scene: Scene, file: str, before: str, after: str, told: str
) -> None:
    """One line with file and line, exit code 4; nothing was launched, and nothing is left."""
    project = scene.base / "project"
    faulty = project / "manifests" / file
    text = faulty.read_text()
    assert text.count(before) == 1
    faulty.write_text(text.replace(before, after))
    ended = process.run(
        [sys.executable, "-m", "pytest", *Scene.SMOKE],
        timeout_s=REFUSAL_TIMEOUT_S,
        cwd=project,
        env=scene.environment(),
        check=False,
    )
    assert ended.returncode == 4, ended.output
    (line,) = (line for line in ended.output.splitlines() if told in line)
    assert line.startswith(f"ERROR: groundwork: {project / 'manifests' / told}")
    assert "Traceback" not in ended.output
    timelines = (scene.base / "out").glob("*/timeline.jsonl")
    assert not [path for path in timelines if '"launch"' in path.read_text()]
    assert ledger.environments(scene.scope.state_dir) == ()
