"""Witnesses on a cluster: what happened is seen, and what didn't is doubted."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import pytest

from chaos import podwitness
from chaos.podwitness import POD_WITNESSES, Calm, Starvation, part_of
from chaos.sightings import Witness
from groundwork.checkers.objective import Objective
from groundwork.kube.pods import Pod
from suites.support.samplepod import POD


def pod(number: int, uid: str = "", **fields: object) -> Pod:
    """A pod of the broker, which is ready."""
    made = dataclasses.replace(
        POD,
        name=f"broker-{number}",
        uid=uid or f"uid-{number}",
        containers=(f"container-{number}",),
    )
    return dataclasses.replace(made, **fields)  # type: ignore[arg-type]


Pods = tuple[Pod, ...]

BEFORE: Pods = (pod(0), pod(1))
GONE: Pods = (pod(0),)
ANOTHER: Pods = (pod(0), pod(1, "uid-9", containers=("container-9",)))
STARTED_AGAIN: Pods = (pod(0), pod(1, restarts=1, containers=("container-9",)))
BOTH_OTHERS: Pods = (pod(0, "uid-8", containers=("c",)), pod(1, "uid-9", containers=("d",)))
UNREADY: Pods = tuple(dataclasses.replace(each, ready=False) for each in BOTH_OTHERS)


def witnessed(
    monkeypatch: pytest.MonkeyPatch, fault: str, before: Pods, during: Pods, after: Pods
) -> tuple[list[str], list[str]]:
    """What a witness has seen of a fault of the second pod, and what it doubts."""
    monkeypatch.setattr(podwitness, "RETURN_TIMEOUT_S", 0.1)
    now: list[Pods] = [before]

    def look() -> Mapping[str, Pod]:
        return {each.name: each for each in now[-1]}

    chosen = frozenset[str]() if fault == "misconfigure" else frozenset({"broker-1"})
    witness: Witness = {**POD_WITNESSES, "": Calm}[fault](look, chosen, ())
    witness.look_before()
    now.append(during)
    witness.look_during()
    now.append(after)
    witness.look_after()
    return witness.sightings.seen, witness.sightings.doubts


@pytest.mark.parametrize(
    ("fault", "during", "after"),
    [
        ("kill", GONE, ANOTHER),
        ("terminate", ANOTHER, ANOTHER),
        ("crash", BEFORE, STARTED_AGAIN),
        ("crash", STARTED_AGAIN, ANOTHER),
        ("pause", BEFORE, BEFORE),
        ("isolate", BEFORE, BEFORE),
        ("scale", GONE, ANOTHER),
        ("misconfigure", UNREADY, BOTH_OTHERS),
        ("", BEFORE, BEFORE),
    ],
)
def test_what_has_happened_is_seen(
    monkeypatch: pytest.MonkeyPatch, fault: str, during: Pods, after: Pods
) -> None:
    """By names that no other pod and no other container ever gets."""
    seen, doubts = witnessed(monkeypatch, fault, BEFORE, during, after)
    assert doubts == []
    assert seen


@pytest.mark.parametrize(
    ("fault", "during", "after", "doubt"),
    [
        ("kill", BEFORE, BEFORE, "pod broker-1 (uid-1) was to be gone, and is there"),
        ("kill", GONE, GONE, "1 other pods were to be there, and 0 are"),
        ("kill", GONE, BOTH_OTHERS, "1 other pods were to be there, and 2 are"),
        ("kill", (), ANOTHER, "pod broker-0 (uid-0) was to be the same, and is not there"),
        ("crash", BEFORE, BEFORE, "a container of pod broker-1 was to have ended, and runs"),
        ("pause", BEFORE, STARTED_AGAIN, "pod broker-1 (uid-1) was to be the same"),
        ("pause", STARTED_AGAIN, STARTED_AGAIN, "pod broker-1 (uid-1) was to be the same"),
        ("scale", BEFORE, BEFORE, "pod broker-1 (uid-1) was to be gone, and is there"),
        ("scale", ANOTHER, ANOTHER, "nobody was to be in their places, and broker-1 is"),
        ("scale", GONE, GONE, "1 other pods were to be there, and 0 are"),
        ("misconfigure", BEFORE, BEFORE, "pod broker-1 (uid-1) was to be gone, and is there"),
        ("misconfigure", BOTH_OTHERS, BOTH_OTHERS, "nobody was to be ready in their places"),
        ("misconfigure", UNREADY, UNREADY, "waited 0.1 s for pods to be ready"),
        ("", STARTED_AGAIN, STARTED_AGAIN, "pod broker-1 (uid-1) was to be the same"),
        ("", BEFORE, ANOTHER, "pod broker-1 (uid-1) was to be the same"),
        ("isolate", GONE, BEFORE, "pod broker-1 (uid-1) was to be the same, and is not there"),
    ],
)
def test_what_hasnt_happened_is_doubted(
    monkeypatch: pytest.MonkeyPatch, fault: str, during: Pods, after: Pods, doubt: str
) -> None:
    """A hook that does nothing, what isn't healed, and what befalls somebody else."""
    _, doubts = witnessed(monkeypatch, fault, BEFORE, during, after)
    assert any(each.startswith(doubt) for each in doubts), doubts


def test_a_pod_that_counts_more_ends_than_one_wasnt_killed_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It has ended by itself besides."""
    often = (pod(0), pod(1, restarts=2, containers=("container-9",)))
    _, doubts = witnessed(monkeypatch, "crash", BEFORE, BEFORE, often)
    (doubt,) = doubts
    assert doubt.startswith("pod broker-1 was to be started again once")


def test_what_wasnt_well_before_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pod that isn't ready; or none at all."""
    ill = (pod(0), pod(1, ready=False))
    _, doubts = witnessed(monkeypatch, "kill", ill, GONE, ANOTHER)
    assert doubts == ["pod broker-1 wasn't ready before"]
    _, doubts = witnessed(monkeypatch, "isolate", (), (), ())
    assert doubts == ["there were no pods before"]


WELL: Pods = (pod(0),)
ENDED: Pods = (pod(0, ready=False),)
AGAIN: Pods = (pod(0, restarts=1, containers=("container-8",)),)


@pytest.mark.parametrize(
    ("states", "doubts"),
    [
        pytest.param(((9, WELL), (0, ENDED), (9, AGAIN)), [], id="full"),
        pytest.param(
            ((9, WELL), (9, ENDED), (9, AGAIN)),
            ["the volume was to be full, and 9 bytes are free"],
            id="not full",
        ),
        pytest.param(
            ((9, WELL), (0, WELL), (9, WELL)),
            ["broker-0 is ready", "pod broker-0 (uid-0) was to have another container"],
            id="it bears that",
        ),
        pytest.param(
            ((9, WELL), (0, ENDED), (0, AGAIN)), ["no byte is free again"], id="not emptied"
        ),
        pytest.param(((0, WELL), (0, ENDED), (9, AGAIN)), ["no byte is free before"], id="before"),
        pytest.param(
            ((9, WELL), (0, ENDED), (9, (pod(0, "uid-9", containers=("container-8",)),))),
            ["pod broker-0 (uid-0) was to have another container"],
            id="another pod",
        ),
    ],
)
def test_whether_a_volume_is_full_is_seen_at_its_pod(
    monkeypatch: pytest.MonkeyPatch, states: tuple[tuple[int, Pods], ...], doubts: list[str]
) -> None:
    """By what can be written there, and by the container that ends: its pod is the same."""
    for name in ("RETURN_TIMEOUT_S", "END_TIMEOUT_S"):
        monkeypatch.setattr(podwitness, name, 0.1)
    now = [states[0]]
    witness = Starvation(lambda: {each.name: each for each in now[-1][1]}, (), lambda: now[-1][0])
    looks = (witness.look_before, witness.look_during, witness.look_after)
    for look, state in zip(looks, states, strict=True):
        now.append(state)
        look()
    found = witness.sightings.doubts
    assert len(found) == len(doubts), found
    assert all(part in doubt for part, doubt in zip(doubts, found, strict=True)), found


@pytest.mark.parametrize(
    ("resource", "target", "platform", "part"),
    [
        ("broker", "broker-1", "local", "broker-1"),
        ("broker", "broker-1", "kind", "broker-0"),
        ("broker", "", "kind", ""),
        ("relay", "broker-1", "kind", "broker-1"),
    ],
)
def test_nodes_are_counted_from_one_and_pods_from_none(
    resource: str, target: str, platform: str, part: str
) -> None:
    """The relay has its ways called as nodes are, on every platform."""
    assert part_of(resource, target, platform) == part


def test_clients_have_twice_the_time_where_servers_are_pods() -> None:
    """And nothing more may be lost, nor may what is spared get on less."""
    local = Objective("fault", within_s=20, lost_max=1, spared_min=100, window_s=5)
    assert local.in_a_cluster() == Objective("fault", 40, 1, 100, 5)
