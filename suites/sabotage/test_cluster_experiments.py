"""Experiments on a cluster whose faults are none: every hook of the keeper does nothing.

Whatever the keeper says it has done, each experiment is invalid, for no witness has seen it.
"""

from __future__ import annotations

import contextlib

import allure
import pytest

from chaos.conclusion import read
from groundwork.base.errors import ExitCode
from suites.sabotage.injection import Edit
from suites.sabotage.saboteur import sabotaged

WORKLOAD = "groundwork/clusters/workload.py"
NODES = "groundwork/clusters/nodefaults.py"
LINKS, RELAY = "fixtures/resources/links.py", "fixtures/resources/relay.py"
PROMETHEUS = "fixtures/resources/prometheus.py"
VOLUME = "fixtures/resources/podsvolume.py"

# What makes each fault none.
EDITS = (
    Edit(WORKLOAD, "self._delete(stage, target, grace=False)", "del stage, target"),
    Edit(WORKLOAD, "self._delete(stage, target, grace=True)", "del stage, target"),
    Edit(WORKLOAD, "crash(cluster, self.name, lambda: self._chosen(stage, target))", "del cluster"),
    Edit(WORKLOAD, "freeze(self.cluster(stage), self._chosen(stage, target))", "del stage, target"),
    Edit(
        WORKLOAD,
        "        scale(stage, cluster, replicas)\n"
        "        self._await_gone(stage, pods, but=replicas)\n",
        "        del replicas\n",
    ),
    Edit(
        WORKLOAD,
        "misconfigure(stage, self.cluster(stage), self._config_map(stage), target)\n"
        '        self._delete(stage, "", grace=False)',
        "del stage, target",
    ),
    Edit(
        PROMETHEUS,
        "expect_job(target)\n        self._apply(stage, target)",
        "expect_job(target)\n        del stage",
    ),
    Edit(NODES, "self.provider.freeze(expect_node(", "repr(expect_node("),
    Edit(NODES, "drain(stage.handle, expect_node(", "repr(expect_node("),
    Edit(NODES, "isolate(stage.handle, DNS, name_servers(stage.handle))", "del stage"),
    Edit(
        LINKS, "isolate_from(cluster, self.name, pod, others, (CLIENT, CONTROLLER))", "del others"
    ),
    Edit(RELAY, 'tell(stage, "slow", target, delay_ms)', "del stage, target, delay_ms"),
)


def instead(experiment: str, old: str, new: str) -> Edit:
    """An experiment that breaks something in another way, which no experiment is for."""
    before, after = (f"in_a_cluster: {{{each}}}" for each in (old, new))
    return Edit(f"chaos/experiments/{experiment}.yaml", before, after)


INSTEAD = (
    Edit(
        "chaos/experiments/service-cut-off.yaml",
        "resource: relay, fault: isolate",
        "resource: exporter, fault: terminate",
    ),
    instead("alertmanager-down", "fault: scale", "fault: crash"),
    instead("prometheus-down", "fault: scale", "fault: misconfigure, target: receiver"),
    instead(
        "dependency-gone",
        "fault: scale",
        "resource: hello-world, fault: misconfigure, target: PORT",
    ),
    instead(
        "minority-lost",
        "fault: scale, parameters: {replicas: 2}, target: broker-3",
        "resource: cluster, fault: drain, parameters: {}, target: a worker",
    ),
)

# What is said of each experiment: of pods, of a node, of names, of ways and of a configuration.
DOUBTS = {
    "one-of-three-killed": "was to be gone, and is there",
    "one-of-three-paused": "was to be swallowed, and was answered",
    "service-killed": "was to be gone, and is there",
    "alertmanager-down": "was to have ended, and runs",
    "prometheus-down": "job receiver alone to be missing",
    "dependency-gone": "was to be gone, and is there",
    "minority-lost": "to be ready and closed",
    "leader-cut-off": "alone in what it leads",
    "node-frozen": "was to be swallowed, and was answered",
    "names-gone": "was to be told nothing, and hears",
    "service-cut-off": "was to be gone, and is there",
    "network-slow": "was to be slow, and takes",
}

# The same with one broker, whose volume is small.
EDITS_ALONE = (
    Edit(VOLUME, "self.ask(stage, volumes.fill, self.folder, share)", "del stage, share"),
    Edit(
        WORKLOAD,
        "isolate(self.cluster(stage), self.name, self._chosen(stage, target))",
        "del stage, target",
    ),
)
DOUBTS_ALONE = {
    "broker-volume-full": "the volume was to be full",
    "broker-cut-off": "was to be swallowed, and was answered",
}

# A cluster is made within two minutes; an experiment whose fault is none takes one, and the wait
# for a node to be given up another two.
RUN_TIMEOUT_S = 1_800.0


@pytest.mark.parametrize(
    ("edits", "doubts", "options"),
    [
        pytest.param((*EDITS, *INSTEAD), DOUBTS, ("--brokers", "3"), id="three brokers"),
        pytest.param(EDITS_ALONE, DOUBTS_ALONE, ("--broker-volume", "small"), id="a small volume"),
    ],
)
def test_faults_that_are_none_prove_nothing_on_a_cluster(
    edits: tuple[Edit, ...], doubts: dict[str, str], options: tuple[str, ...]
) -> None:
    """Each experiment is invalid by the witness of its fault, and the run fails."""
    with sabotaged("kind") as copy, contextlib.ExitStack() as emptied:
        for edit in edits:
            emptied.enter_context(edit.done(copy.root))
        done = copy.call(
            *("pytest", "suites/resilience", "--broker", "kafka", *options, "--seed", "1"),
            *("--tb=short", "-q", "-p", "no:cacheprovider", "-k", " or ".join(doubts)),
            timeout_s=RUN_TIMEOUT_S,
        )
        allure.attach(done.output, "output")
        assert done.returncode == ExitCode.TESTS_FAILED, done.output
        folder = copy.base / "out" / "latest" / "experiments"
        found = {name: read(folder / name) for name in doubts}
    for name, doubt in doubts.items():
        said = "\n".join(found[name].lines())
        assert found[name].outcome == "invalid", said
        assert any("isn't shown" in each and doubt in each for each in found[name].reasons), said
