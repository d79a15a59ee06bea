"""Whoever is killed in the middle of a fault, of every kind of this machine: it is healed."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from fixtures.environment import resources
from fixtures.settings import FoundationSettings
from groundwork.base import process
from groundwork.declare.capability import faults_of
from groundwork.keep.sweep import is_kept
from suites.support.middles import BREAKS
from suites.support.midst import START_TIMEOUT_S, begin, folder_of, keeper_of, kept_scene
from suites.support.scene import Scene, options_of, scene_of
from suites.support.wellness import expect_well, open_faults

# From the promise, as for kills at any other moment.
GONE_TIMEOUT_S = 10.0


@pytest.fixture(scope="module")
def kept(pytestconfig: pytest.Config) -> Iterator[Scene]:
    """A kept environment that is broken in one way after the other."""
    with kept_scene(pytestconfig, engine=False) as made:
        yield made


def test_every_kind_of_this_machine_is_among_them() -> None:
    """What a resource here bears is broken here."""
    own = FoundationSettings(_env_file=None, volume="small")  # type: ignore[call-arg]
    borne = {(fault.name, each.name) for each in resources(own) for fault in faults_of(each)}
    assert {kind for kind, _ in borne} == set(BREAKS)
    assert {(kind, each.resource) for kind, each in BREAKS.items()} <= borne


@pytest.mark.parametrize("kind", BREAKS)
def test_the_run_is_killed_in_the_middle(
    kept: Scene, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """It had adopted what is kept: the keeper heals, and all of it is well within seconds."""
    begin(kept, monkeypatch, kind)
    folder = folder_of(kept)
    assert is_kept(folder)
    keeper = keeper_of(folder)
    assert [each.split("-")[-2] for each in open_faults(folder)] == [kind]
    kept.kill()
    expect_well(kept.scope.state_dir)
    assert keeper.alive()


def test_they_are_killed_on_what_was_kept_and_the_next_start_begins_anew(
    pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run had adopted it; what is kept from then on is another one, and all of it is well."""
    with scene_of(options_of(pytestconfig), engine=False) as scene:
        before = scene.inventory()
        scene.call("groundwork", "up", timeout_s=START_TIMEOUT_S)
        folder = folder_of(scene)
        begin(scene, monkeypatch, *BREAKS)
        assert len(open_faults(folder)) == len(BREAKS)
        process.send(keeper_of(folder), signal.SIGKILL)
        scene.kill()
        assert process.find_by_token(f"{folder.name}:"), "what it had started is there still"
        said = scene.call("groundwork", "up", timeout_s=START_TIMEOUT_S)
        assert f"removed what run {folder.name} had left" in said
        assert not process.find_by_token(f"{folder.name}:")
        assert folder_of(scene) != folder
        expect_well(scene.scope.state_dir)
        scene.call("groundwork", "down", timeout_s=START_TIMEOUT_S)
        scene.await_nothing_left(before, GONE_TIMEOUT_S)


def test_the_run_and_the_keeper_are_killed_in_the_middle_of_all_at_once(
    pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is left who could heal: the next start removes what is broken, and leaves nothing."""
    with scene_of(options_of(pytestconfig), engine=False) as scene:
        before = scene.inventory()
        begin(scene, monkeypatch, *BREAKS)
        folder = folder_of(scene)
        keeper = keeper_of(folder)
        assert len(open_faults(folder)) == len(BREAKS)
        process.send(keeper, signal.SIGKILL)
        scene.kill()
        following = scene.smoke("-k", "version")
        assert following.wait(START_TIMEOUT_S) == 0, scene.log()
        assert f"removed what run {folder.name} had left" in scene.text()
        scene.await_nothing_left(before, GONE_TIMEOUT_S)
