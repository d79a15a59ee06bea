"""Whoever is killed in the middle of a fault, of every kind of a cluster: it is healed."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.environment import resources
from fixtures.settings import FoundationSettings
from groundwork.base import process
from groundwork.base.errors import NotYetError
from groundwork.base.wait import Deadline, wait_for
from groundwork.containers.finding import find_engine
from groundwork.declare.capability import faults_of
from groundwork.keep.sweep import is_kept
from suites.support.middles import CLUSTER_BREAKS
from suites.support.midst import START_TIMEOUT_S, begin, folder_of, keeper_of, kept_scene
from suites.support.scene import Scene
from suites.support.wellness import HEALTHY_TIMEOUT_S, expect_well, open_faults

# What was broken is undone within the ten seconds of the promise. Until all is well a cluster takes
# its own time: a pod is placed and probed, a node tells that it is there, Kafka reads its log.
WELL_TIMEOUT_S = 180.0

# At once, for whoever comes next and removes them. What freezes a node comes last.
AT_ONCE = ("isolate", "misconfigure", "scale", "freeze")


@pytest.fixture(scope="module")
def kept(pytestconfig: pytest.Config) -> Iterator[Scene]:
    """A kept environment that is broken in one way after the other."""
    with kept_scene(pytestconfig, engine=True) as made:
        yield made


def await_healed(folder: Path) -> None:
    """Wait until nothing of an environment is broken on purpose, in the promise's time."""

    def look() -> None:
        if broken := open_faults(folder):
            raise NotYetError(f"open: {broken}")

    wait_for(look, deadline=Deadline.after(HEALTHY_TIMEOUT_S), what="what is broken to be healed")


def test_every_kind_of_a_cluster_is_among_them(decided: FoundationSettings) -> None:
    """What a resource there bears is broken there."""
    borne = {(fault.name, each.name) for each in resources(decided) for fault in faults_of(each)}
    broken = {(each.fault or name, each.resource) for name, each in CLUSTER_BREAKS.items()}
    assert {kind for kind, _ in borne} == {kind for kind, _ in broken}
    assert broken <= borne


@pytest.mark.parametrize("name", CLUSTER_BREAKS)
def test_the_run_is_killed_in_the_middle(
    kept: Scene, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """It had adopted what is kept: the keeper heals within seconds, and all of it gets well."""
    begin(kept, monkeypatch, name)
    folder = folder_of(kept)
    assert is_kept(folder)
    keeper = keeper_of(folder)
    assert [each.split("-")[-2] for each in open_faults(folder)] == [
        CLUSTER_BREAKS[name].fault or name
    ]
    kept.kill()
    await_healed(folder)
    expect_well(kept.scope.state_dir, WELL_TIMEOUT_S)
    assert keeper.alive()


def nodes_of(folder: Path) -> set[str]:
    """The containers that an environment's nodes are, as the engine lists them."""
    listed = find_engine().listed("ps", "--all", "--format", "{{.Names}}")
    return {name for name in listed if folder.name in name}


def test_they_are_killed_on_what_was_kept_and_the_next_start_begins_anew(
    kept: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is left who could heal: the cluster goes, with the node that stands still in it."""
    begin(kept, monkeypatch, *AT_ONCE)
    folder = folder_of(kept)
    assert len(open_faults(folder)) == len(AT_ONCE)
    assert nodes_of(folder) & set(find_engine().paused())
    process.send(keeper_of(folder), signal.SIGKILL)
    kept.kill()
    said = kept.call("groundwork", "up", timeout_s=START_TIMEOUT_S)
    assert f"removed what run {folder.name} had left" in said
    assert nodes_of(folder) == set()
    assert folder_of(kept) != folder
    expect_well(kept.scope.state_dir, WELL_TIMEOUT_S)
