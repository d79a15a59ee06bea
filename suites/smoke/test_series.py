"""Series: behind every name that a rule reads there is something, and it is of now."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from http import HTTPStatus
from math import inf
from typing import Any

import promql_parser
import pytest

from fixtures.declared.durations import Durations, seconds_of
from fixtures.declared.expressions import selectors
from fixtures.declared.rules import Rule, load_rules, rule_files
from fixtures.resources.prometheus import Prometheus
from groundwork.base.errors import NotYetError
from groundwork.base.wait import Deadline, wait_for

# What a label may come to hold: a healthy platform has no series of a failure, nor of whom nobody
# has started, and an expression that reads them must be right before there is one.
POSSIBLE = {"status": [str(each.value) for each in HTTPStatus], "job": ["patient"]}

# Series that are there only while something is asked for (see rules/proof.yaml), where there is a
# volume to be looked at, or a store of logs, of whichever kind.
ON_DEMAND = {
    "groundwork_proof",
    "groundwork_volume_used_ratio",
    "loki_discarded_samples_total",
    "platform:log_lines_dropped:rate",
    "vl_rows_dropped_total",
}

# How the series of the other kind of broker begin: a record reads whichever there are.
FOREIGN = {"kafka": "redpanda_", "redpanda": "kafka_"}

# For a busy machine, besides the scrapes that a rate needs and the evaluations of its rules.
PATIENCE_S = 10.0

# An expression that compares a record with a number.
COMPARED = re.compile(r"(?P<record>[a-zA-Z0-9_:]+)\s*>=?\s*(?P<threshold>[0-9.]+)")

# A sample is at most as old as that many scrapes: one may be late, and one lost.
SCRAPES_MAX = 4


@pytest.fixture(scope="module")
def rules(platform: str) -> list[Rule]:
    """The rules as declared."""
    return [rule for group in load_rules(rule_files(platform)) for rule in group.rules]


def settled(durations: Durations) -> Deadline:
    """When every series must be there: three scrapes and two evaluations from now."""
    scrapes_s = 3 * seconds_of(durations.scrape_interval)
    return Deadline.after(scrapes_s + 2 * seconds_of(durations.evaluation_interval) + PATIENCE_S)


def read_by(rule: Rule, broker_kind: str) -> Iterator[Any]:
    """The selectors of a rule that find something while all is well."""
    for selector in selectors(promql_parser.parse(rule.expr)):
        foreign = (selector.name or "").startswith(FOREIGN[broker_kind])
        if selector.name not in ON_DEMAND and not foreign:
            yield selector


def test_every_series_that_a_rule_reads_is_there(
    prometheus: Prometheus, rules: list[Rule], durations: Durations, broker_kind: str
) -> None:
    """Each metric exists, with each label and value that is asked of it, in samples of now."""

    def look() -> None:
        lines = [
            f"{rule.name} reads {line}"
            for rule in rules
            for selector in read_by(rule, broker_kind)
            for line in missing(prometheus, selector)
        ]
        if lines:
            raise NotYetError("; ".join(dict.fromkeys(lines)))

    wait_for(look, deadline=settled(durations), what="every series that a rule reads")


def missing(prometheus: Prometheus, selector: Any) -> Iterator[str]:
    """What of a selector isn't there, in words."""
    name = selector.name or "{}"
    if not prometheus.query(name):
        ever = prometheus.query(f"last_over_time({name}[1h])")
        yield f"{name}, which " + ("has no sample of now" if ever else "no target has")
        return
    for each in selector.matchers.matchers:
        label, value, kind = each.name, each.value, str(each.op).rpartition(".")[2]
        if kind in {"NotEqual", "NotRe"} or label == "__name__":
            continue
        series = prometheus.query(f"count by ({label}) ({name})")
        values = {each["metric"].get(label, "") for each in series}
        values |= set(POSSIBLE.get(label, ())) if values - {""} else set()
        fits = re.compile(value if kind == "Re" else re.escape(value)).fullmatch
        if not any(each and fits(each) for each in values):
            like = "like" if kind == "Re" else "="
            found = ", ".join(sorted(values - {""})[:5]) or "no value at all"
            yield f'{name} with {label} {like} "{value}", which has {found}'


def test_every_record_that_an_alert_reads_has_its_job(
    prometheus: Prometheus, rules: list[Rule], durations: Durations
) -> None:
    """What is recorded for alerts tells of whom: without a job nobody knows whom to look at."""
    records = {rule.record for rule in rules if rule.record} - ON_DEMAND
    read = {
        selector.name
        for rule in rules
        if rule.alert
        for selector in selectors(promql_parser.parse(rule.expr))
    } & records
    assert read

    def look() -> None:
        for name in sorted(read):
            found = prometheus.query(name)
            nameless = [each["metric"] for each in found if not each["metric"].get("job")]
            if nameless or not found:
                raise NotYetError(f"{name}: " + (f"no job: {nameless}" if found else "no series"))

    wait_for(look, deadline=settled(durations), what="every recorded series to have a job")


def test_samples_are_of_now(
    prometheus: Prometheus,
    rules: list[Rule],
    durations: Durations,
    broker_kind: str,
) -> None:
    """No exporter stamps its samples with another time than that of the scrape."""
    names = {selector.name for rule in rules for selector in read_by(rule, broker_kind)}
    limit_s = SCRAPES_MAX * seconds_of(durations.scrape_interval)

    def look() -> None:
        old = []
        for name in sorted(names - {None}):
            for each in prometheus.query(f"time() - max by (job) (timestamp({name}))"):
                age_s = float(each["value"][1])
                if abs(age_s) > limit_s:
                    job = each["metric"].get("job", "no job")
                    old.append(f"{name} of {job}: {age_s:.0f} s")
        if old:
            raise NotYetError(f"samples older than {limit_s:g} s: {'; '.join(old)}")

    wait_for(look, deadline=settled(durations), what="samples of now")


def test_quantiles_have_buckets_around_each_threshold(
    prometheus: Prometheus, rules: list[Rule]
) -> None:
    """Where an alert compares a quantile, a bucket ends at its threshold, and others around it.

    Without it the quantile is a guess between two limits, and above the last one it is cut off.
    """
    quantiles = {rule.record: rule.expr for rule in rules if "histogram_quantile" in rule.expr}
    compared = [
        (rule.name, quantiles[found["record"]], float(found["threshold"]))
        for rule in rules
        if rule.alert and (found := COMPARED.fullmatch(rule.expr)) and found["record"] in quantiles
    ]
    assert compared, "no alert compares a quantile"
    for alert, expr, threshold in compared:
        (buckets,) = {selector.name for selector in selectors(promql_parser.parse(expr))}
        limits: dict[str, set[float]] = defaultdict(set)
        for each in prometheus.query(f"count by (job, le) ({buckets})"):
            limits[each["metric"]["job"]].add(float(each["metric"]["le"]))
        assert limits, f"{alert}: {buckets} has no series"
        for job, bounds in limits.items():
            text = f"{alert} compares with {threshold:g}; {job} has buckets to {sorted(bounds)}"
            assert threshold in bounds, f"{text}: none ends there"
            assert min(bounds) < threshold < max(bounds - {inf}), f"{text}: none around it"
