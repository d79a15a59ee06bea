"""Faults: on record before they happen, seen before and after, healed whatever follows."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from groundwork.base.errors import GroundworkError, NotYetError, UsageError
from groundwork.base.ledger import read
from groundwork.base.wait import Deadline, wait_for
from groundwork.keep import faults as module
from groundwork.keep.events import FaultHealed, FaultInjected, FaultLanded, HealingFailed
from groundwork.keep.messages import Inject
from suites.support.hospital import NEVER, Hospital

LIMIT_S = 60.0


@pytest.fixture
def hospital(tmp_path: Path) -> Iterator[Hospital]:
    """A hospital in which connection 1 has the broker alone."""
    made = Hospital(tmp_path / "environment")
    made.claim(1, ("broker",), ("relay",))
    yield made
    made.ledger.close()


def inject(hospital: Hospital, *, target: str = "", limit_s: float = LIMIT_S, peer: int = 1) -> str:
    """Kill the broker; the fault's name."""
    return hospital.faults.inject(peer, Inject("broker", "kill", target, limit_s)).id


def test_what_happens_in_which_order(hospital: Hospital) -> None:
    """It is on record with what undoes it, seen, injected, seen; and the same way back."""
    name = inject(hospital)
    assert hospital.faults.heal(1, name).by == "asked"
    records = [record for record in read(hospital.ledger.folder) if record.kind == "fault"]
    assert [record.step for record in records] == ["fault", "healed"]
    assert records[0].data == {"fault": "kill", "heal": "revive", "target": "", "parameters": {}}
    assert hospital.events == [
        FaultInjected(name, "broker", "kill", "", LIMIT_S, {"node-1": "well"}),
        FaultLanded(name, "broker", {"node-1": "kill "}),
        FaultHealed(name, "broker", "asked", {"node-1": "well"}),
    ]


def test_a_fault_is_told_its_parameters(hospital: Hospital) -> None:
    """As they were checked, with what isn't given; they are on record."""
    for given, replicas in (({"replicas": "2"}, 2), ({}, 0)):
        asked = Inject("broker", "scale", "", LIMIT_S, dict(given))
        told = hospital.faults.inject(1, asked)
        assert told.after == {"node-1": f"scale {replicas}"}
        hospital.faults.heal(1, told.id)
        records = [each for each in read(hospital.ledger.folder) if each.name == told.id]
        assert records[0].data["parameters"] == {"replicas": replicas}
    hospital.tenancy.release(1)
    hospital.expect_whole()


def test_a_record_comes_before_the_deed(hospital: Hospital) -> None:
    """Whoever looks at the ledger while the hook runs finds the fault."""
    go_on = threading.Event()
    hospital.patients["broker"].hangs = go_on
    thread = threading.Thread(target=inject, args=(hospital,))
    thread.start()
    wait_until(lambda: bool(hospital.patients["broker"].broken), "the hook to run")
    assert len(hospital.open_by_ledger()) == 1
    go_on.set()
    thread.join()


def test_what_is_healed_stays_so(hospital: Hospital) -> None:
    """Asked again it tells how it was, and does nothing."""
    name = inject(hospital)
    first = hospital.faults.heal(1, name)
    assert hospital.faults.heal(1, name) == first
    assert len([each for each in hospital.events if isinstance(each, FaultHealed)]) == 1


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (Inject("well", "kill", "", 1), r"no such resource; known: broker, relay, stone"),
        (
            Inject("broker", "drown", "", 1),
            r"unknown fault 'drown'; known: .*; it bears kill, terminate, pause",
        ),
        (Inject("broker", "isolate", "", 1), r"broker is not Isolatable; it bears kill, terminate"),
        (Inject("stone", "kill", "", 1), r"stone is not Killable; it bears no fault"),
        (Inject("broker", "kill", "node-9", 1), r"it has no 'node-9'; it has node-1"),
        (Inject("broker", "kill", "", 0), r"limit_s=0 should be more than 0 and at most 600"),
        (Inject("broker", "kill", "", 601), r"limit_s=601 should be"),
        (Inject("broker", "exhaust", "", 61), r"limit_s=61 should be more than 0 and at most 60"),
        (
            Inject("broker", "exhaust", "", 1, {"spare": 65}),
            r"exhaust of broker: spare: Input should be less than or equal to 64; it takes spare",
        ),
        (
            Inject("broker", "kill", "", 1, {"force": 9}),
            r"kill of broker: force: Extra inputs are not permitted; it takes none",
        ),
        (
            Inject("broker", "scale", "", 1, {"replicas": 10}),
            r"scale of broker: replicas: Input should be less than or equal to 9; it takes rep",
        ),
        (Inject("relay", "kill", "", 1), r"must carry the marker disturbs\('relay'\)"),
    ],
)
def test_what_can_not_be_is_refused_in_one_line(
    hospital: Hospital, asked: Inject, why: str
) -> None:
    """And nothing is begun: nothing is on record, nothing told."""
    with pytest.raises(UsageError, match=why) as refused:
        hospital.faults.inject(1, asked)
    assert "\n" not in str(refused.value)
    assert hospital.events == []
    assert hospital.open_by_ledger() == set()


def test_only_under_the_claim(hospital: Hospital) -> None:
    """Whoever has no claim breaks nothing, and heals nothing of others."""
    name = inject(hospital)
    with pytest.raises(UsageError, match="disturbs"):
        inject(hospital, peer=2)
    with pytest.raises(UsageError, match="disturbs"):
        hospital.faults.heal(2, name)
    with pytest.raises(UsageError, match="there is no fault 'broker-kill-9'"):
        hospital.faults.heal(1, "broker-kill-9")


def test_what_fails_half_way_is_healed(hospital: Hospital) -> None:
    """The asker gets the error, and the resource is as before."""
    hospital.patients["broker"].fails = True
    with pytest.raises(GroundworkError, match="half-way"):
        inject(hospital)
    assert hospital.patients["broker"].broken == set()
    assert hospital.open_by_ledger() == set()
    assert isinstance(hospital.events[-1], FaultHealed)
    assert hospital.events[-1].by == "failure"


def test_what_can_not_be_healed_is_tried_again(hospital: Hospital) -> None:
    """Its asker is told; the end of the claim tries once more."""
    hospital.patients["broker"].stubborn = 1
    name = inject(hospital)
    with pytest.raises(GroundworkError, match="no rain"):
        hospital.faults.heal(1, name)
    assert hospital.open_by_ledger() == {name}
    hospital.tenancy.release(1)
    hospital.expect_whole()


def test_what_stays_broken_is_told(hospital: Hospital) -> None:
    """The release fails and says so; nothing is held any more."""
    hospital.patients["broker"].stubborn = 2
    name = inject(hospital)
    with pytest.raises((GroundworkError, AssertionError)):
        hospital.tenancy.release(1)
    assert HealingFailed(name, "broker", "no rain") in hospital.events
    assert hospital.claims.held() == ()


# --- time


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Wait until something is so."""

    def look() -> None:
        if not condition():
            raise NotYetError("it isn't")

    wait_for(look, deadline=Deadline.after(20), what=what)


def test_the_keeper_heals_what_nobody_heals(hospital: Hospital) -> None:
    """When its time is up, also where nobody asks; whoever asks then is told who has."""
    name = inject(hospital, limit_s=0.2)
    wait_until(lambda: not hospital.patients["broker"].broken, "the keeper to heal")
    wait_until(lambda: not hospital.open_by_ledger(), "the record of that")
    healed = hospital.faults.heal(1, name)
    assert healed.by == "time"
    assert 0.2 <= healed.lasted_s < 20


def test_a_hook_that_hangs_keeps_nobody_from_healing(
    hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The timer heals all the same, and so is what the hook does after that."""
    monkeypatch.setattr(module, "HOOK_TIMEOUT_S", 0.2)
    go_on = threading.Event()
    hospital.patients["broker"].hangs = go_on
    said: list[str] = []

    def hang() -> None:
        with pytest.raises(GroundworkError) as refused:
            inject(hospital, limit_s=0.2)
        said.append(str(refused.value))

    thread = threading.Thread(target=hang)
    thread.start()
    wait_until(lambda: bool(hospital.patients["broker"].broken), "the hook to run")
    wait_until(lambda: not hospital.patients["broker"].broken, "the keeper to heal")
    assert thread.is_alive()
    with pytest.raises(GroundworkError, match="what is being done to it hangs"):
        inject(hospital)
    go_on.set()
    thread.join()
    assert said == ["kill of broker took longer than the 0.2 s that it was to last; it is healed"]
    assert hospital.patients["broker"].broken == set()


def test_what_was_healed_in_time_is_left_alone(hospital: Hospital) -> None:
    """Its timer does nothing to what was broken anew."""
    name = inject(hospital, limit_s=0.3)
    hospital.faults.heal(1, name)
    inject(hospital)
    NEVER.wait(0.6)
    assert hospital.patients["broker"].broken == {"kill "}


def test_what_is_being_injected_at_the_end_of_the_claim_is_healed(hospital: Hospital) -> None:
    """The end waits for the hook, and heals what it has done."""
    go_on = threading.Event()
    hospital.patients["broker"].hangs = go_on
    injector = threading.Thread(target=inject, args=(hospital,))
    injector.start()
    wait_until(lambda: bool(hospital.patients["broker"].broken), "the hook to run")
    releaser = threading.Thread(target=hospital.tenancy.release, args=(1,))
    releaser.start()
    NEVER.wait(0.2)
    assert releaser.is_alive()
    go_on.set()
    releaser.join()
    injector.join()
    hospital.expect_whole()
