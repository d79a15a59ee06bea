"""Targets: what differs of Prometheus' configuration between platforms, and nothing else does."""

from __future__ import annotations

from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from fixtures.resources.part import parts
from fixtures.resources.prometheus import CONFIG
from fixtures.resources.targets import FINDING, jobs, targets_of
from fixtures.settings import FoundationSettings
from groundwork.declare.endpoint import METRICS, Endpoint

LOCAL = FoundationSettings.from_json("{}")

names = st.sampled_from(["http", "metrics", "scraped", "metrics-1", "kafka"])
hosts = st.builds("{}:{}".format, st.sampled_from(["127.0.0.1", "pod.infra"]), st.integers(1, 9999))
endpoints = st.builds(
    Endpoint,
    address=hosts.map("http://{}/metrics".format) | hosts | st.just("node-1"),
    kind=st.sampled_from(["", METRICS]),
    inside=st.just("") | hosts,
)


@given(st.dictionaries(names, endpoints))
def test_targets_are_endpoints_with_metrics_whatever_they_are_called(
    found: dict[str, Endpoint],
) -> None:
    """HOST:PORT as Prometheus reaches them: inside where there is an inside, else the address."""
    scraped = [each for each in found.values() if each.kind == METRICS]
    targets = targets_of(found)
    assert len(targets) == len(scraped)
    for target, each in zip(targets, scraped, strict=True):
        assert target in (each.inside or each.address)
        assert "/" not in target
        assert target


def test_other_targets_leave_a_job_as_it_is_declared() -> None:
    """How it is found is replaced, nothing else of it; a job without targets is left out."""
    declared: list[dict[str, Any]] = yaml.safe_load(CONFIG.read_text())["scrape_configs"]
    wanted = {each["job_name"]: ["127.0.0.1:1"] for each in declared[1:]}
    made = jobs(declared, wanted)
    assert [each.pop("static_configs") for each in made] == [
        [{"targets": each}] for each in wanted.values()
    ]
    assert made == [
        {key: value for key, value in each.items() if not key.endswith(FINDING)}
        for each in declared[1:]
    ]


# What no process of this machine is asked as.
IN_CLUSTERS = {"apiserver", "cluster", "collector", "kubelet"}


def test_every_part_that_is_scraped_has_a_job() -> None:
    """In the declared configuration, by which a cluster's Prometheus finds it."""
    declared = {each["job_name"] for each in yaml.safe_load(CONFIG.read_text())["scrape_configs"]}
    made = (part.local(LOCAL) for part in parts() if part.scraped)
    scraped = {each.name for each in made if each is not None}
    enrolled = (part.local(LOCAL) for part in parts() if part.wanted)
    wanted = {each.name for each in enrolled if each is not None}
    assert wanted
    assert declared == scraped | wanted | IN_CLUSTERS | {"prometheus"}


def test_what_enrols_itself_is_found_by_its_file() -> None:
    """Its job is as it is declared, but for that: it has targets as long as the file is there."""
    declared = yaml.safe_load(CONFIG.read_text())["scrape_configs"]
    own = {"job_name": "lake", "scrape_interval": "7s", "dns_sd_configs": [{"names": ["lake"]}]}
    made = jobs([*declared, own], {"exporter": ["a:1"]}, {"lake": "scraped/lake.yml"})
    assert [each["job_name"] for each in made] == ["exporter", "lake"]
    found = [{"files": ["scraped/lake.yml"]}]
    assert made[1] == {"job_name": "lake", "scrape_interval": "7s", "file_sd_configs": found}
