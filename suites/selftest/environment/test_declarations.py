"""Declaration files: what is wrong with one is told by file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.declared.promises import load_promises
from fixtures.declared.rules import load_rules, rule_files
from fixtures.declared.topics import load_topics
from groundwork.base.errors import UsageError
from suites.support.alerts import PROOF

TOPIC = """topics:
  - name: one
    partitions: 3
    retention_ms: -1
    cleanup_policy: delete
  - name: two
    partitions: 1
    retention_ms: 1000
    cleanup_policy: compact
"""

RULES = """groups:
  - name: group
    rules:
      - record: a:b
        expr: sum(up)
      - alert: Down
        expr: up == 0
        for: 1m
"""


def test_the_declared_topics_are_those_of_the_platform() -> None:
    """Those that are promised; the books of orders are kept for ever."""
    topics = {topic.name: topic for topic in load_topics()}
    assert set(topics) == {topic.name for topic in load_promises().topics}
    assert {t.retention_ms for n, t in topics.items() if n.startswith("orders.")} == {-1}


def test_the_declared_alerts_are_those_of_the_platform() -> None:
    """Those that are promised, each with a severity and a summary, and one of nothing wrong."""
    groups = load_rules(rule_files("local"))
    alerts = {rule.alert: rule for group in groups for rule in group.rules if rule.alert}
    assert alerts.pop(PROOF).labels["severity"] == "{{ $labels.level }}"
    assert set(alerts) == {alert.name for alert in load_promises().alerts}
    for alert in alerts.values():
        assert alert.labels["severity"] in {"critical", "warning"}
        assert alert.annotations["summary"]


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("partitions: 3", "partitions: 0", ":2: partitions: Input should be greater"),
        ("partitions: 1", "partitionz: 1", ":6: partitions: Field required"),
        ("name: two", "name: one", ":6: topic one is declared twice"),
        ("name: two", "name: t w o", ":6: name: String should match"),
        ("compact", "shred", ":6: cleanup_policy: String should match"),
        ("topics:", "tropics:", ":1: should hold a list of `topics`"),
        ("  - name: two", "   - name: two", ":6: expected <block end>"),
        (TOPIC, "", ":1: is empty"),
        (TOPIC, "\ttopics: []", ":1: found character '\\t'"),
    ],
)
def test_a_fault_in_a_topic_file_is_told_by_line(
    tmp_path: Path, old: str, new: str, fault: str
) -> None:
    """One line: the file, the line, the field, what is wrong with it."""
    check(tmp_path / "topics.yaml", TOPIC.replace(old, new), fault, load_topics)


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("up == 0", "up ==", ":6: expr: not PromQL"),
        ("sum(up)", "sum(up", ":4: expr: not PromQL"),
        ("for: 1m", "for: soon", ":6: for: String should match"),
        ("record: a:b", "record: a b", ":4: record: String should match"),
        ("record: a:b", "recorded: a:b", ":4: recorded: Extra inputs"),
        ("alert: Down", "labels: {a: b}", ":6: rule: should have a name"),
        ("rules:", "ruless:", ":2: should hold a list of `rules`"),
        ("groups:", "groups: [", ":2: expected the node content, but found '-'"),
    ],
)
def test_a_fault_in_a_rule_file_is_told_by_line(
    tmp_path: Path, old: str, new: str, fault: str
) -> None:
    """Expressions are parsed too: a typo costs no start of an environment."""
    file = tmp_path / "rules.yaml"
    check(file, RULES.replace(old, new), fault, lambda path: load_rules([path]))


def check(file: Path, text: str, fault: str, load: object) -> None:
    """A file with this text is refused with this fault."""
    file.write_text(text)
    with pytest.raises(UsageError) as refused:
        load(file)  # type: ignore[operator]
    assert str(refused.value).startswith(f"{file}{fault}")
    assert "\n" not in str(refused.value)
