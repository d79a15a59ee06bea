"""`python -m groundwork.bench`: how long an environment takes, as ratios within one session.

Machines are noisy, so nothing here is a limit: each round measures everything once, in turn, and
the medians of the rounds are compared with each other.

A resource's own time is measured with nothing running but the resource and what it needs: from the
readiness of its needs (or, without any, from asking) to its own. The longest chain of the graph is
the path along needs with the largest sum of own times: no environment that respects its graph can
be ready sooner on a machine with processors to spare. The ratio of the whole environment's time to
it tells what starting everything at once costs on this one.

Where the resources live in a cluster of the run's own, the environment is compared with a bare
cluster of the same shape instead: with the time of `kind create cluster`, and with the time until
such a cluster's own pods are ready, too.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

from groundwork.artifacts import Cache
from groundwork.base.errors import UsageError
from groundwork.base.graph import Graph
from groundwork.clusters.bare import await_bare, bare_cluster
from groundwork.clusters.kind import KindProvider
from groundwork.clusters.kubernetes import Kubernetes
from groundwork.declare.environment import Declared
from groundwork.declare.resource import Description
from groundwork.declare.settings import Settings
from groundwork.kube.client import Kube
from groundwork.use import bundle
from groundwork.use.command import find_declared, perform, say
from groundwork.use.run import Run

__all__ = ["main"]

ROUNDS = 3

# The bare cluster's name, and its API server's port: below those that environments use.
BARE = "groundwork-bare"
BARE_PORT = 19_196


def measure(declared: Declared, settings: Settings, names: list[str]) -> dict[str, Description]:
    """Start resources and what they need, describe them when all are ready, and remove them."""
    run_id = bundle.new_run_id()
    out_dir = bundle.out_root(declared.root, settings) / run_id
    run = Run(declared, settings, run_id, out_dir, lambda _: None)
    try:
        client = run.client()
        started = client.ask(names)
        return {name: client.await_ready(name).description for name in started}
    finally:
        run.finish(keep=False, collect=False)


def own_time_s(name: str, found: dict[str, Description]) -> float:
    """From the readiness of a resource's needs to its own, seconds."""
    needs = found[name].needs
    return found[name].ready_s - max((found[need].ready_s for need in needs), default=0.0)


def bench(declared: Declared, settings: Settings, rounds: int) -> dict[str, object]:
    """Measure; the figures as written to bench.json, times in seconds."""
    names = list(declared.asked(settings))
    needs = {r.name: r.needs for r in declared.resources(settings)}
    measure(declared, settings, names)  # fetches what isn't there yet, and warms the disk's cache
    own: dict[str, list[float]] = {name: [] for name in names}
    whole: list[float] = []
    wall: list[float] = []
    for number in range(1, rounds + 1):
        begun = time.monotonic()
        everything = measure(declared, settings, names)
        wall.append(time.monotonic() - begun)
        whole.append(max(each.ready_s for each in everything.values()))
        for name in names:
            own[name].append(own_time_s(name, measure(declared, settings, [name])))
        sys.stderr.write(f"groundwork: round {number} of {rounds}\n")
    own_s = {name: statistics.median(values) for name, values in own.items()}
    chain, chain_s = Graph(needs).longest_chain(own_s)
    ready_s = statistics.median(whole)
    return {
        "rounds": rounds,
        "own_s": own_s,
        "chain": chain,
        "chain_s": chain_s,
        "ready_s": ready_s,
        "up_and_down_s": statistics.median(wall),
        "ready_to_chain": ready_s / chain_s,
    }


def bench_cluster(declared: Declared, settings: Settings, rounds: int) -> dict[str, object]:
    """Measure an environment in a cluster beside a bare one; times in seconds."""
    resources = declared.resources(settings)
    provider = next(each.provider for each in resources if isinstance(each, Kubernetes))
    if not isinstance(provider, KindProvider):
        raise UsageError(f"--env {settings.env}: only kind's clusters are compared with bare ones")
    names = list(declared.asked(settings))
    cache = Cache.open(settings.cache_dir)
    measure(declared, settings, names[:1])  # builds what isn't there yet
    figures: dict[str, list[float]] = {"ready_s": [], "bare_created_s": [], "bare_ready_s": []}
    for number in range(1, rounds + 1):
        everything = measure(declared, settings, names)
        figures["ready_s"].append(max(each.ready_s for each in everything.values()))
        with tempfile.TemporaryDirectory(prefix="groundwork-") as name:
            folder, begun = Path(name), time.monotonic()
            with bare_cluster(provider, cache, BARE, folder, BARE_PORT) as kubeconfig:
                figures["bare_created_s"].append(time.monotonic() - begun)
                await_bare(provider, Kube(kubeconfig, folder / "discovery.json", BARE))
                figures["bare_ready_s"].append(time.monotonic() - begun)
        sys.stderr.write(f"groundwork: round {number} of {rounds}\n")
    medians = {name: statistics.median(values) for name, values in figures.items()}
    return {
        "rounds": rounds,
        **medians,
        "ready_to_bare_created": medians["ready_s"] / medians["bare_created_s"],
        "ready_to_bare_ready": medians["ready_s"] / medians["bare_ready_s"],
    }


def run_bench() -> int:
    """Measure the environment of the project that the command is called in."""
    parser = argparse.ArgumentParser(prog="python -m groundwork.bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"default: {ROUNDS}")
    parser.add_argument("--env", help="the platform; default: local")
    given = parser.parse_args()
    declared = find_declared()
    settings = declared.settings({"env": given.env})
    hosted = any(each.host for each in declared.resources(settings))
    figures = (bench_cluster if hosted else bench)(declared, settings, given.rounds)
    out = bundle.out_root(declared.root, settings) / "bench.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(figures, indent=2) + "\n")
    for name, value in figures.items():
        if isinstance(value, float):
            say(f"{name:16} {value:.2f}")
        elif isinstance(value, dict):
            for key, own in value.items():
                say(f"  {key:22} {own:.2f}")
        else:
            say(f"{name:16} {value}")
    return 0


def main() -> int:
    """Run the bench as a command; its exit code."""
    return perform(run_bench)


if __name__ == "__main__":
    sys.exit(main())
