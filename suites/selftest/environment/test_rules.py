"""Rules, as they are written: what can be said of them without any series."""

from __future__ import annotations

from pathlib import Path

import promql_parser
import pytest

from fixtures.declared.declarations import read_items
from fixtures.declared.durations import Durations, load_durations, seconds_of, with_window
from fixtures.declared.expressions import selectors
from fixtures.declared.rules import (
    NOBODY,
    RUNBOOKS,
    Group,
    Rule,
    expect_runbooks,
    load_rules,
    rule_files,
)
from fixtures.resources.prometheus import CONFIG
from groundwork.base.errors import UsageError
from suites.support.alerts import PROOF
from suites.support.documents import blocks_of
from suites.support.promql import Labels, labels_of, labels_told, records_of

PROFILES = load_durations()
FILES = {platform: rule_files(platform) for platform in ("local", "kind")}

# What the platform tells; one more is of nothing wrong.
ALERTS = {
    "AlertmanagerUnreachable",
    "BrokerDown",
    "ConsumerLagGrowing",
    "DeadMansSwitch",
    "DiskAlmostFull",
    "HighErrorRate",
    "HighLatencyP95",
    "HostDown",
    "LogLinesDropped",
    "MemoryAlmostFull",
    "OfflinePartitions",
    "PublishingFails",
    "ScrapeTargetMissing",
    "ServiceDown",
    "UnderReplicatedPartitions",
}

# What is no news, what is asked for, and what is of a whole window needn't have lasted.
AT_ONCE = {"DeadMansSwitch", "ScrapeTargetMissing", PROOF}

# Jobs of those that Prometheus does without.
WANTED = {"collector", "logs", "patient", "traces"}

# It is no measurement but a question, and goes the way of one.
RAW = {PROOF}


def rules(platform: str) -> list[Rule]:
    """The rules that a platform loads."""
    return [rule for group in load_rules(FILES[platform]) for rule in group.rules]


def alerts(platform: str) -> list[Rule]:
    """Those that are alerts."""
    return [rule for rule in rules(platform) if rule.alert]


def made(folder: Path, platform: str, profile: Durations) -> list[Group]:
    """The rules of a platform with a profile's durations, as a run writes them."""
    own = folder / profile.name
    own.mkdir()
    for file in FILES[platform]:
        (own / file.name).write_text(profile.rules(file.read_text()))
    return list(load_rules(sorted(own.iterdir())))


@pytest.mark.parametrize("platform", FILES)
def test_the_alerts_are_those_that_were_asked_for(platform: str) -> None:
    """On every platform the same, each once."""
    assert sorted(rule.alert for rule in alerts(platform)) == sorted({*ALERTS, PROOF})


@pytest.mark.parametrize("platform", FILES)
def test_an_alert_says_how_urgent_it_is_and_what_to_do(platform: str) -> None:
    """A severity, a summary, a description, a runbook; only the dead man's switch wakes nobody."""
    for rule in alerts(platform):
        assert rule.annotations.keys() == {"summary", "description", "runbook"}, rule.alert
        assert all(rule.annotations.values()), rule.alert
        assert rule.labels["severity"], rule.alert
    silent = {rule.alert for rule in alerts(platform) if rule.labels["severity"] == NOBODY}
    assert silent == {"DeadMansSwitch"}


@pytest.mark.parametrize("platform", FILES)
def test_alerts_read_records_alone(platform: str) -> None:
    """Each of them is recorded on this platform, so that alerts are the same on every one."""
    recorded = {rule.record for rule in rules(platform) if rule.record}
    for rule in alerts(platform):
        read = {each.name for each in selectors(promql_parser.parse(rule.expr))}
        assert read, rule.alert
        if rule.alert not in RAW:
            assert read <= recorded, f"{rule.alert} reads {sorted(read - recorded)}"
            assert all(name.startswith(("platform:", "service:")) for name in read), rule.alert


@pytest.mark.parametrize("platform", FILES)
def test_whoever_is_scraped_is_missed(platform: str) -> None:
    """Each job of Prometheus is among those whose absence is told; on a cluster its own, too.

    But for those that it does without: nobody misses whom nobody has started.
    """
    (record,) = (r for r in rules(platform) if r.record == "platform:scrape_target:missing")
    asked = {
        matcher.value
        for selector in selectors(promql_parser.parse(record.expr))
        for matcher in selector.matchers.matchers
    }
    jobs = {item.text_of("job_name") for item in read_items(CONFIG, "scrape_configs")}
    assert len(jobs) > 1
    own = {"apiserver", "cluster", "kubelet"}
    assert jobs - asked == WANTED | (set() if platform == "kind" else own)


def test_both_platforms_record_the_same() -> None:
    """What an alert or a dashboard reads on one is there on the other."""
    local, cluster = ({rule.record for rule in rules(platform)} for platform in FILES)
    assert local == cluster


@pytest.mark.parametrize("platform", FILES)
@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile.name)
def test_an_alert_waits_for_two_scrapes(tmp_path: Path, platform: str, profile: Durations) -> None:
    """One that was lost is no alert. What is no news waits for nothing, and nothing else does."""
    scrapes_s = 2 * seconds_of(profile.scrape_interval)
    found = [r for group in made(tmp_path, platform, profile) for r in group.rules if r.alert]
    assert {rule.alert for rule in found if not seconds_of(rule.for_)} == AT_ONCE
    for rule in found:
        assert rule.alert in AT_ONCE or seconds_of(rule.for_) >= scrapes_s, rule.alert


@pytest.mark.parametrize("platform", FILES)
def test_profiles_rules_differ_in_durations_alone(tmp_path: Path, platform: str) -> None:
    """Rule by rule: name, labels, texts and order; expressions but for windows, and waits."""
    production, fast = (made(tmp_path, platform, profile) for profile in PROFILES.values())
    assert [group.name for group in production] == [group.name for group in fast]
    ours, theirs = ([r for g in groups for r in g.rules] for groups in (production, fast))
    assert [neutral(rule) for rule in ours] == [neutral(rule) for rule in theirs]
    assert ours != theirs
    for one, other in zip(ours, theirs, strict=True):
        assert (one.for_ == other.for_) == (not seconds_of(one.for_)), one.name


def neutral(rule: Rule) -> Rule:
    """A rule without durations; that it waits is left."""
    waits = "as long as the profile" if seconds_of(rule.for_) else ""
    expr = with_window(rule.expr, "1m")
    return Rule(rule.alert, rule.record, expr, waits, rule.labels, rule.annotations)


@pytest.mark.parametrize("platform", FILES)
def test_labels_that_are_told_survive(platform: str) -> None:
    """What an alert's texts read of its labels isn't lost by what it and its records aggregate."""
    records = records_of(rules(platform))
    told = {rule.alert: labels_told(rule) for rule in alerts(platform)}
    assert set().union(*told.values()) >= {"job", "instance", "group", "topic", "mountpoint"}
    for rule in alerts(platform):
        left = labels_of(promql_parser.parse(rule.expr), records)
        lost = {name for name in told[rule.alert] if name not in left}
        assert not lost, f"{rule.alert} tells of {sorted(lost)}, which {rule.expr} doesn't leave"


RECORDS = {"by:job": Labels(frozenset({"job"}))}


@pytest.mark.parametrize(
    ("expr", "kept", "lost"),
    [
        ("a", {"job", "x"}, set()),
        ("by:job", {"job"}, {"instance"}),
        ("sum(a)", set(), {"job"}),
        ("sum by (job) (a)", {"job"}, {"instance"}),
        ("sum by (job, instance) (by:job)", {"job"}, {"instance"}),
        ("sum without (le) (a)", {"job"}, {"le"}),
        ("topk(1, a)", {"job", "x"}, set()),
        ("rate(a[1m]) * 2 > 1", {"job", "x"}, set()),
        ("2 * by:job", {"job"}, {"x"}),
        ("-(a)", {"job"}, set()),
        ("a / by:job", {"job", "x"}, set()),
        ("a / on (job) b", {"job"}, {"instance"}),
        ("a / ignoring (x) b", {"job"}, {"x"}),
        ("a * on (job) group_left (y) by:job", {"job", "x", "y"}, set()),
        ("by:job * on (job) group_right () a", {"job", "x"}, set()),
        ("a or by:job", {"job"}, {"x"}),
        ("sum without (x) (a) or sum without (y) (b)", {"job"}, {"x", "y"}),
        ("a and by:job", {"job", "x"}, set()),
        ("a unless on () by:job", {"job", "x"}, set()),
        ('absent(up{job="a", x=~"b"})', {"job"}, {"x", "instance"}),
        ("vector(1)", set(), {"job"}),
        ("histogram_quantile(0.9, sum by (job, le) (a))", {"job"}, {"le"}),
        ('label_replace(by:job, "x", "$1", "job", "(.+)")', {"job", "x"}, {"y"}),
        ("clamp_min(by:job, 0)", {"job"}, {"x"}),
        ("max_over_time(sum by (job) (a)[1h:1m])", {"job"}, {"x"}),
    ],
)
def test_what_an_expression_leaves_of_labels_is_known(
    expr: str, kept: set[str], lost: set[str]
) -> None:
    """As Prometheus does it; of a series from a target any label may be there."""
    left = labels_of(promql_parser.parse(expr), RECORDS)
    assert {name for name in kept | lost if name in left} == kept


# --- runbooks

RULES = """groups:
  - name: g
    rules:
      - {record: a, expr: up}
      - alert: Down
        expr: a == 0
        annotations:
          runbook: runbooks/Down.md
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project that has one alert and its runbook."""
    (tmp_path / "rules.yaml").write_text(RULES)
    (tmp_path / "runbooks").mkdir()
    (tmp_path / "runbooks" / "Down.md").write_text("# Down\n")
    return tmp_path


def check(folder: Path) -> None:
    """Look at a project's runbooks."""
    expect_runbooks([folder / "rules.yaml"], folder / "runbooks", folder)


def test_every_alert_has_its_runbook_and_every_runbook_its_alert() -> None:
    """Of this project, whatever the platform; and hidden files are editors'."""
    files = dict.fromkeys((*FILES["local"], *FILES["kind"]))
    expect_runbooks(files)
    assert len(files) == len(FILES["local"]) + 1


@pytest.mark.parametrize("page", sorted(RUNBOOKS.iterdir()), ids=lambda page: page.stem)
def test_what_a_runbook_says_to_look_at_can_be_asked(page: Path) -> None:
    """It says where to look and what to do; its queries are PromQL, and read records that exist."""
    text = page.read_text()
    assert text.startswith(f"# {page.stem}\n")
    assert "\n## Look\n" in text
    assert "\n## Do\n" in text
    recorded = {rule.record for rule in rules("local") if rule.record}
    asked = [block.text for block in blocks_of(page) if block.language == "promql"]
    queries = [line for text in asked for line in text.splitlines() if line]
    assert queries
    for query in queries:
        read = {selector.name for selector in selectors(promql_parser.parse(query))}
        assert {name for name in read if ":" in name} <= recorded, query


def test_what_belongs_together_is_taken(folder: Path) -> None:
    """An alert, its page, and an editor's hidden file beside it."""
    (folder / "runbooks" / ".Down.md.swp").touch()
    check(folder)
    assert (folder / "runbooks" / "Down.md").is_file()


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("runbook:", "runbok:", ":5: alert Down should have the runbook runbooks/Down.md"),
        ("          runbook: runbooks/Down.md\n", "", ":5: alert Down should have the runbook"),
        ("Down.md", "Up.md", ":8: runbook of Down should be runbooks/Down.md"),
        ("alert: Down", "alert: Up", ":8: runbook of Up should be runbooks/Up.md"),
    ],
)
def test_an_alert_without_its_runbook_is_refused(
    folder: Path, old: str, new: str, fault: str
) -> None:
    """With the file and the line of the alert, or of what it says."""
    file = folder / "rules.yaml"
    file.write_text(RULES.replace(old, new))
    with pytest.raises(UsageError) as refused:
        check(folder)
    assert str(refused.value).startswith(f"{file}{fault}")


def test_an_empty_runbook_is_refused(folder: Path) -> None:
    """Whoever is woken would find nothing; nor would they where there is none."""
    page = folder / "runbooks" / "Down.md"
    page.write_text("\n")
    with pytest.raises(UsageError, match=r"rules\.yaml:8: .*isn't there, or is empty"):
        check(folder)
    page.unlink()
    with pytest.raises(UsageError, match=r"rules\.yaml:8: .*isn't there, or is empty"):
        check(folder)


@pytest.mark.parametrize("name", ["Up.md", "Down.txt", "README.md", "down.md"])
def test_a_runbook_without_its_alert_is_refused(folder: Path, name: str) -> None:
    """It is of an alert that is gone, or that is called otherwise."""
    page = folder / "runbooks" / name
    page.write_text("# ?\n")
    with pytest.raises(UsageError) as refused:
        check(folder)
    assert str(refused.value).startswith(f"{page}:1: no alert is called ")
