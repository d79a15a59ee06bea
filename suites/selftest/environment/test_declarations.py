"""Declaration files: what is wrong with one is told by file and line."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.declared.promises import load_promises
from fixtures.declared.rules import NOBODY, load_rules, rule_files
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
        assert alert.labels["severity"] in {"critical", "warning", NOBODY}
        assert alert.annotations["summary"]


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("partitions: 3", "partitions: 0", ":3: partitions: Input should be greater"),
        ("partitions: 1", "partitionz: 1", ":6: partitions: Field required"),
        ("name: two", "name: one", ":6: topic one is declared twice"),
        ("name: two", "name: t w o", ":6: name: String should match"),
        ("compact", "shred", ":9: cleanup_policy: String should match"),
        ("topics:", "tropics:", ":1: should hold a list of `topics`"),
        ("  - name: two", "   - name: two", ":6: expected <block end>"),
        ("partitions: 3", "partitions: 010", ":3: 010 isn't a decimal number"),
        ("partitions: 3", "partitions: 1_0", ":3: 1_0 isn't a decimal number"),
        ("partitions: 3", "partitions: 1:30", ":3: 1:30 isn't a decimal number"),
        ("partitions: 3", "partitions: true", ":3: partitions: Input should be a valid integer"),
        ("partitions: 3", "partitions: 3.0", ":3: partitions: Input should be a valid integer"),
        ("partitions: 3", "partitions: '3'", ":3: partitions: Input should be a valid integer"),
        (
            "partitions: 3",
            "partitions: 3\n    partitions: 4",
            ":4: key 'partitions' is there twice",
        ),
        ("retention_ms: -1", f"retention_ms: {2**63}", ":4: retention_ms: Input should be less"),
        ("retention_ms: -1", "retention_ms: -2", ":4: retention_ms: Input should be greater"),
        ("name: two", "name: .", ":6: name: '.' can't be the name of a topic"),
        ("name: two", "name: ..", ":6: name: '..' can't be the name of a topic"),
        ("name: two", "name: __consumer_offsets", ":6: name: __consumer_offsets is Kafka's own"),
        ("name: two", f"name: {'a' * 250}", ":6: name: String should match"),
        ("name: two", "name: yes", ":6: name: Input should be a valid string"),
        ("partitions: 1", "partitions: 1\n    min_insync: 2", ":8: min_insync: Extra inputs"),
        ("cleanup_policy: compact", "cleanup_policy: compact,compact", ":9: cleanup_policy: "),
        (TOPIC, "", ":1: should hold a list of `topics`"),
        (TOPIC, "\ttopics: []", ":1: found character '\\t'"),
    ],
)
def test_a_fault_in_a_topic_file_is_told_by_line(
    tmp_path: Path, old: str, new: str, fault: str
) -> None:
    """One line: the file, the line, the field, what is wrong with it."""
    check(tmp_path / "topics.yaml", TOPIC.replace(old, new), fault, load_topics)


@pytest.mark.parametrize("policy", ["compact,delete", "delete,compact", "compact, delete"])
def test_both_policies_in_either_order_are_good(tmp_path: Path, policy: str) -> None:
    """As Kafka takes them, which tells them without spaces."""
    file = tmp_path / "topics.yaml"
    file.write_text(TOPIC.replace("compact", policy))
    assert load_topics(file)[1].cleanup_policy == policy.replace(" ", "")


names = st.text(alphabet="aB9._-", min_size=1, max_size=6)


@given(st.lists(names, min_size=1, max_size=6))
def test_names_that_metrics_cant_tell_apart_are_told(listed: list[str]) -> None:
    """The first that is another's is told by its line; Kafka would refuse to make it."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "topics.yaml"
        told = [TOPIC.partition("  - name: two")[0].replace("one", f"'{name}'") for name in listed]
        file.write_text("topics:\n" + "".join(each.partition("\n")[2] for each in told))
        bad: list[int] = []
        for number, name in enumerate(listed):
            others = {each.replace(".", "_") for each in listed[:number]}
            if name in {".", ".."} or name.replace(".", "_") in others:
                bad.append(number)
        if not bad:
            assert [topic.name for topic in load_topics(file)] == listed
            return
        with pytest.raises(UsageError, match=rf"{file}:{2 + 4 * bad[0]}: ") as refused:
            load_topics(file)
        if listed[bad[0]] not in {".", "..", *listed[: bad[0]]}:
            assert "collides with" in str(refused.value)


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("groups:", "groups: [", ":2: expected the node content, but found '-'"),
        ("expr: sum(up)", "record: c:d", ":5: key 'record' is there twice"),
        ("groups:", "---\n---\ngroups:", ":2: expected a single document in the stream, but"),
    ],
)
def test_a_fault_in_a_rule_file_is_told_by_line(
    tmp_path: Path, old: str, new: str, fault: str
) -> None:
    """What isn't YAML, or holds what nobody would read; all else is for promtool to say."""
    file = tmp_path / "rules.yaml"
    check(file, RULES.replace(old, new), fault, lambda path: load_rules([path]))


def check(file: Path, text: str, fault: str, load: object) -> None:
    """A file with this text is refused with this fault."""
    file.write_text(text)
    with pytest.raises(UsageError) as refused:
        load(file)  # type: ignore[operator]
    assert str(refused.value).startswith(f"{file}{fault}")
    assert "\n" not in str(refused.value)
