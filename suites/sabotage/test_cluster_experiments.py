"""Experiments on a cluster whose faults are none: every hook of the keeper does nothing.

Whatever the keeper says it has done, each experiment is invalid, for no witness has seen it.
"""

from __future__ import annotations

import contextlib

import allure

from chaos.conclusion import read
from groundwork.base.errors import ExitCode
from suites.sabotage.injection import Edit
from suites.sabotage.saboteur import sabotaged

WORKLOAD = "groundwork/clusters/workload.py"
NODES = "groundwork/clusters/nodefaults.py"
RELAY = "fixtures/resources/relay.py"

# What makes each fault none.
EDITS = (
    Edit(WORKLOAD, "self._delete(stage, target, grace=False)", "del stage, target"),
    Edit(WORKLOAD, "freeze(self.cluster(stage), self._chosen(stage, target))", "del stage, target"),
    Edit(
        WORKLOAD,
        "isolate(self.cluster(stage), self.name, self._chosen(stage, target))",
        "del stage, target",
    ),
    Edit(
        WORKLOAD,
        "        scale(stage, cluster, replicas)\n"
        "        self._await_gone(stage, pods, but=replicas)\n",
        "        del replicas\n",
    ),
    Edit(NODES, "self.provider.freeze(expect_node(", "tuple((expect_node("),
    Edit(NODES, "isolate(stage.handle, DNS, name_servers(stage.handle))", "del stage"),
    Edit(RELAY, 'tell(stage, "isolate", target)', "del stage, target"),
    Edit(RELAY, 'tell(stage, "slow", target, delay_ms)', "del stage, target, delay_ms"),
)

# What is said of each experiment: of pods, of a node, of names and of ways.
DOUBTS = {
    "one-of-three-killed": "was to be gone, and is there",
    "one-of-three-paused": "was to be swallowed, and was answered",
    "broker-cut-off": "was to be swallowed, and was answered",
    "service-killed": "was to be gone, and is there",
    "minority-lost": "was to be gone, and is there",
    "node-frozen": "was to be swallowed, and was answered",
    "names-gone": "was to be told nothing, and hears",
    "service-cut-off": "was to be none to a pod, and was one after",
    "network-slow": "was to be slow to a pod, and was one after",
}

# A cluster is made within two minutes; an experiment whose fault is none takes one, and the wait
# for a node to be given up another two.
RUN_TIMEOUT_S = 1_800.0


def test_faults_that_are_none_prove_nothing_on_a_cluster() -> None:
    """Each experiment is invalid by the witness of its fault, and the run fails."""
    with sabotaged("kind") as copy, contextlib.ExitStack() as emptied:
        for edit in EDITS:
            emptied.enter_context(edit.done(copy.root))
        done = copy.call(
            *("pytest", "suites/resilience", "--brokers", "3", "--seed", "1", "--tb=short", "-q"),
            *("-p", "no:cacheprovider", "-k", " or ".join(DOUBTS)),
            timeout_s=RUN_TIMEOUT_S,
        )
        allure.attach(done.output, "output")
        folder = copy.base / "out" / "latest" / "experiments"
        found = {name: read(folder / name) for name in DOUBTS}
    for name, doubt in DOUBTS.items():
        said = "\n".join(found[name].lines())
        assert found[name].outcome == "invalid", said
        assert any("isn't shown" in each and doubt in each for each in found[name].reasons), said
    assert done.returncode == ExitCode.TESTS_FAILED, done.output
