"""Durations: two profiles that differ in nothing else, put in the places of production's."""

from __future__ import annotations

import json
import re
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from fixtures.declared.durations import (
    SCRAPES_MIN,
    UNITS_S,
    Durations,
    expect_production,
    load_durations,
    seconds_of,
    windows_of,
    with_window,
)
from fixtures.declared.rules import load_rules, rule_files
from fixtures.paths import KUBERNETES, MANIFESTS
from fixtures.resources import prometheus
from groundwork.base.errors import UsageError

OBSERVABILITY = MANIFESTS / "observability"
RULES = sorted(set(rule_files("local")) | set(rule_files("kind")))
PROFILES = load_durations()

# A span of time, wherever it stands in a text.
ANY_DURATION = re.compile(r"\b[0-9]+(ms|[smhdwy])\b")


def applied(profile: Durations) -> dict[str, Any]:
    """Every file that durations stand in, with those of a profile."""
    found: dict[str, Any] = {file.name: rules_of(profile, file) for file in RULES}
    found["prometheus"] = profile.scrapes(read(OBSERVABILITY / "prometheus.yaml"))
    found["alertmanager"] = profile.route(
        read(OBSERVABILITY / "alertmanager" / "alertmanager.yaml")
    )
    return found


def rules_of(profile: Durations, file: Path) -> Any:
    """What a file of rules holds with the durations of a profile."""
    return yaml.safe_load(profile.rules(file.read_text()))


def read(file: Path) -> Any:
    """What a file of YAML holds."""
    return yaml.safe_load(file.read_text())


def test_the_files_hold_productions_durations() -> None:
    """They are used as they are, so production's profile changes nothing of them."""
    declared: dict[str, Any] = {file.name: read(file) for file in RULES}
    declared["prometheus"] = read(OBSERVABILITY / "prometheus.yaml")
    declared["alertmanager"] = read(OBSERVABILITY / "alertmanager" / "alertmanager.yaml")
    assert applied(PROFILES["production"]) == declared


def test_the_profiles_differ_in_durations_alone() -> None:
    """The same rules, alerts, jobs and routes: what is verified fast is what production has.

    Where a duration stands in the one, another does in the other, and nothing else is different.
    """
    production, fast = (json.dumps(applied(each), indent=1) for each in PROFILES.values())
    assert production != fast
    assert ANY_DURATION.sub("~", production) == ANY_DURATION.sub("~", fast)


def test_every_duration_of_the_fast_profile_is_put_in_its_place() -> None:
    """Of alerts and rates no duration of production's is left."""
    fast = PROFILES["fast"]
    rules = [r for f in RULES for g in rules_of(fast, f)["groups"] for r in g["rules"]]
    assert {rule["for"] for rule in rules if "for" in rule} == {fast.for_}
    assert {each for rule in rules for each in windows_of(rule["expr"])} == {fast.rate_window}


def test_names_of_records_carry_no_window() -> None:
    """Else they would be untrue under one profile or the other."""
    names = [rule.name for group in load_rules(RULES) for rule in group.rules]
    assert [name for name in names if re.search(r"[0-9]+(ms|[smhdwy])(_|:|$)", name)] == []


def test_routes_below_the_first_have_what_they_say_themselves() -> None:
    """However deep: what waits there waits as long as others, what is repeated is a heartbeat."""
    deep = {"receiver": "b", "group_wait": "9s", "routes": [{"receiver": "c", "group_wait": "8s"}]}
    declared = {"route": {"receiver": "a", "routes": [{"repeat_interval": "9s"}, deep]}}
    fast = PROFILES["fast"]
    made = fast.route(declared)["route"]
    assert made["repeat_interval"] == fast.repeat_interval
    assert made["routes"] == [
        {"repeat_interval": fast.heartbeat_interval},
        {
            "receiver": "b",
            "group_wait": fast.group_wait,
            "routes": [{"receiver": "c", "group_wait": fast.group_wait}],
        },
    ]


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile.name)
def test_two_heartbeats_may_be_missed_and_no_more(profile: Durations) -> None:
    """One comes in the interval and what groups wait; a third that doesn't come is too many."""
    usual_s = seconds_of(profile.heartbeat_interval) + seconds_of(profile.group_interval)
    assert 2 * usual_s < profile.heartbeat_age_max_s < 3 * usual_s


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile.name)
def test_a_rate_holds_enough_scrapes(profile: Durations) -> None:
    """Four at least: it needs two, and one may be late and one lost."""
    assert seconds_of(profile.rate_window) >= SCRAPES_MIN * seconds_of(profile.scrape_interval)


def test_kustomizations_list_of_rules_is_the_folder() -> None:
    """All rules there are, and a cluster's own series; kustomize has no patterns for files."""
    (rules,) = (
        each["files"]
        for each in read(OBSERVABILITY / "kustomization.yaml")["configMapGenerator"]
        if each["name"] == "prometheus-rules"
    )
    assert [OBSERVABILITY / name for name in rules] == list(rule_files("kind"))


def test_a_cluster_loads_what_is_declared_by_either_ending() -> None:
    """The patterns of the declared configuration, by which its Prometheus finds the rules."""
    patterns = read(OBSERVABILITY / "prometheus.yaml")["rule_files"]
    for name in ("a.yaml", "a.yml"):
        assert any(fnmatch(f"/rules/{name}", pattern) for pattern in patterns), name


def test_a_clusters_prometheus_tells_again_as_often_as_the_profile_says() -> None:
    """The manifest has production's; a run puts its profile's in its place, and changes no more."""
    folder = KUBERNETES / "base" / "prometheus"
    (body,) = (
        each
        for each in yaml.safe_load_all((folder / "prometheus.yaml").read_text())
        if each["kind"] == "StatefulSet"
    )
    assert prometheus.adapted(PROFILES["production"], body) == body
    made = prometheus.adapted(PROFILES["fast"], body)
    ours, theirs = (
        each["spec"]["template"]["spec"]["containers"][0]["args"] for each in (made, body)
    )
    assert set(ours) - set(theirs) == {
        f"--rules.alert.resend-delay={PROFILES['fast'].resend_delay}"
    }
    assert len(ours) == len(theirs)


spans = st.lists(
    st.tuples(st.integers(0, 500), st.sampled_from(sorted(UNITS_S))), min_size=1, max_size=4
)


@given(spans)
def test_a_span_is_the_sum_of_its_parts(parts: list[tuple[int, str]]) -> None:
    """Every unit counts as Prometheus counts it, in any order."""
    text = "".join(f"{count}{unit}" for count, unit in parts)
    assert seconds_of(text) == pytest.approx(sum(n * UNITS_S[unit] for n, unit in parts))


# What isn't a window although it looks like one: strings and label values in three kinds of quotes.
texts = st.text(alphabet="ab[]15m: \\\"'`#", max_size=12)
quoted = st.one_of(
    texts.map(json.dumps),
    texts.map(lambda text: "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"),
    texts.filter(lambda text: "`" not in text).map(lambda text: f"`{text}`"),
)
windows = st.sampled_from(["1m", "20s", "1h30m", "500ms"])


@given(st.lists(st.tuples(quoted, windows), min_size=1, max_size=4), windows)
def test_every_window_is_replaced_and_nothing_in_quotes(
    parts: list[tuple[str, str]], wanted: str
) -> None:
    """What PromQL takes for a range, and that alone; the expression stays one."""

    def expression(windows: list[str]) -> str:
        rates = zip((text for text, _ in parts), windows, strict=True)
        return " + ".join(f"rate(a{{b=~{text}}}[{window}])" for text, window in rates)

    expr = expression([window for _, window in parts])
    assert windows_of(expr) == [window for _, window in parts]
    assert with_window(expr, wanted) == expression([wanted] * len(parts))


TEXT = (OBSERVABILITY / "durations.yaml").read_text()


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("scrape_interval: 15s", "scrape_interval: soon", "scrape_interval: String should match"),
        ("scrape_interval: 15s", "scrape_interval: 5s1m", "scrape_interval: String should match"),
        ("scrape_interval: 15s", "scrape_interval: ''", "scrape_interval: String should have"),
        ("scrape_interval: 15s", "scrape_interval: 20s", "rate_window should hold 4 scrapes"),
        ("scrape_timeout: 2s", "scrape_timeout: 3s", "scrape_timeout should be no longer than"),
        ("heartbeat_interval: 1m", "heartbeat_interval: 59s", "heartbeat_interval should be no"),
        ("    for: 4s", "    four: 4s", "for: Field required"),
        ("name: fast", "name: slow", "name: Input should be 'production' or 'fast'"),
        ("name: fast", "name: production", "profile production is declared twice"),
    ],
)
def test_a_fault_in_a_profile_is_told_by_line(
    tmp_path: Path, old: str, new: str, fault: str
) -> None:
    """One line: the file, the line of the profile, what is wrong with it."""
    file = tmp_path / "durations.yaml"
    file.write_text(TEXT.replace(old, new, 1))
    with pytest.raises(UsageError) as refused:
        load_durations(file)
    assert re.match(rf"{re.escape(str(file))}:[0-9]+: ", str(refused.value))
    assert fault in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_profile_that_is_missing_is_told(tmp_path: Path) -> None:
    """Runs may ask for either."""
    file = tmp_path / "durations.yaml"
    file.write_text(TEXT[: TEXT.index("  - name: fast")])
    with pytest.raises(UsageError, match="should declare a profile fast"):
        load_durations(file)


@pytest.mark.parametrize(
    ("rule", "fault"),
    [
        ("{alert: A, expr: up == 0, for: 2m}", ":3: for: 2m should be production's 1m"),
        ("{record: a, expr: 'rate(b[5m])'}", ":3: window: 5m should be production's 1m"),
        ("{record: a, expr: 'rate(b[1m:15s])'}", ":3: window: 1m:15s should be"),
        ("{record: a, expr: 'rate(b[300])'}", ":3: window: 300 should be"),
    ],
)
def test_a_duration_that_no_profile_has_is_refused(tmp_path: Path, rule: str, fault: str) -> None:
    """A rule's own would be the same under every profile, or replaced by another one's."""
    file = tmp_path / "rules.yaml"
    file.write_text(f"groups:\n  - {{name: g, rules: [\n    {rule}]}}\n")
    with pytest.raises(UsageError) as refused:
        expect_production([file], PROFILES)
    assert str(refused.value).startswith(f"{file}{fault}")


@pytest.mark.parametrize(
    "rule",
    [
        "{alert: A, expr: up == 0, for: 0}",
        "{alert: A, expr: up == 0, for: '0'}",
        "{alert: A, expr: up == 0, for: 0s}",
        "{alert: A, expr: up == 0, for: 60s}",
        "{alert: A, expr: up == 0}",
        "{record: a, expr: 'rate(b[60s])'}",
    ],
)
def test_productions_duration_may_be_written_otherwise_or_be_none(
    tmp_path: Path, rule: str
) -> None:
    """An alert that waits for nothing does so in every profile; a minute is sixty seconds."""
    file = tmp_path / "rules.yaml"
    file.write_text(f"groups:\n  - name: g\n    rules:\n      - {rule}\n")
    expect_production([file], PROFILES)
    declared = read(file)["groups"][0]["rules"][0]
    for profile in PROFILES.values():
        made = rules_of(profile, file)["groups"][0]["rules"][0]
        waits = seconds_of(f"{declared.get('for', 0)}") > 0
        assert made.get("for") == (profile.for_ if waits else declared.get("for"))


def test_nothing_but_durations_is_another() -> None:
    """Scalars are what they were written as, whatever a reader in Python takes them for."""
    text = """groups:
  - name: g
    labels: {a: 010, b: yes, c: 1.10, d: 1_000, e: 2026-01-01, f: ~, g: 'no'}
    rules:
      - alert: A
        expr: >-
          up
            # a remark [5m]
          == 0
        for: 1m
        annotations:
          text: |
            one: "two"

              three
"""
    made = PROFILES["fast"].rules(text)
    assert '{a: 010, b: yes, c: 1.10, d: 1_000, e: 2026-01-01, f: ~, g: "no"}' in made
    wanted = yaml.load(text.replace("for: 1m", "for: 4s"), Loader=yaml.BaseLoader)  # noqa: S506
    assert yaml.load(made, Loader=yaml.BaseLoader) == wanted  # noqa: S506
