"""Tenancy: whatever connections do and however they end, nothing stays broken and nothing held."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundwork.base.errors import GroundworkError
from groundwork.base.ledger import Ledger, read
from groundwork.declare.capability import ACTIONS
from groundwork.keep import claims as claims_module
from groundwork.keep.claims import Claims
from groundwork.keep.faults import Faults
from groundwork.keep.messages import TakeClaim
from groundwork.keep.provisioner import Provisioner
from groundwork.keep.tenancy import Tenancy

NAMES = ("broker", "relay")
NEVER = threading.Event()


@dataclass
class Patient:
    """A resource that may be killed and paused; what it bears at the moment."""

    broken: set[str] = field(default_factory=set)
    fails: int = 0

    def kill(self, _: object, target: str) -> None:
        """Break half-way, where it is to fail."""
        self.broken.add(f"kill {target}")
        if self.fails:
            self.fails -= 1
            raise GroundworkError("the hook failed half-way")

    def revive(self, _: object, target: str) -> None:
        """Heal, once or again."""
        self.broken.discard(f"kill {target}")

    def pause(self, _: object, target: str) -> None:
        """Break."""
        self.broken.add(f"pause {target}")

    def resume(self, _: object, target: str) -> None:
        """Heal, once or again."""
        self.broken.discard(f"pause {target}")


@dataclass
class Ward:
    """What tenancy needs of a provisioner."""

    resources: dict[str, Patient]

    def stage(self, _: str) -> None:
        """Nobody's."""

    def started(self) -> tuple[str, ...]:
        """All of them."""
        return tuple(self.resources)

    def check_health(self, names: frozenset[str], broken: frozenset[str]) -> None:
        """See that what is given to others is whole."""
        for name in names - broken:
            assert self.resources[name].broken == set(), name


class Hospital:
    """An environment without processes, and its connections."""

    def __init__(self, folder: Path) -> None:
        self.ward = Ward({name: Patient() for name in NAMES})
        provisioner = cast("Provisioner", self.ward)
        self.claims = Claims()
        self.ledger = Ledger.create(folder)
        self.faults = Faults(provisioner, self.ledger, self.claims, lambda _: None)
        self.tenancy = Tenancy(self.claims, self.faults, provisioner)
        self.keys: list[str] = []

    def do(self, peer: int, step: tuple[Any, ...]) -> None:
        """One thing that a connection asks for."""
        match step:
            case "claim", exclusive, shared:
                request = TakeClaim(f"test {peer}", exclusive, shared, 0.0)
                self.keys.append(self.tenancy.take(peer, request, NEVER))
            case "join", which:
                if self.keys:
                    self.tenancy.join(peer, self.keys[which % len(self.keys)])
            case "act", name, action, target, fails:
                self.ward.resources[name].fails = fails
                self.faults.act(peer, name, action, target)
            case "release", _:
                self.tenancy.release(peer)
            case "die", _:
                self.tenancy.end(peer)

    def bear(self, peer: int, step: tuple[Any, ...]) -> None:
        """Do it; what isn't allowed is refused, and changes nothing that matters."""
        try:
            self.do(peer, step)
        except GroundworkError:
            pass
        finally:
            for patient in self.ward.resources.values():
                patient.fails = 0

    def expect_sane(self) -> None:
        """What nobody has alone is whole."""
        alone = {name for claim in self.claims.held() for name in claim.wish.exclusive}
        for name, patient in self.ward.resources.items():
            assert name in alone or not patient.broken

    def expect_whole(self) -> None:
        """Nothing is broken, held or waited for, by memory and by the ledger."""
        assert all(patient.broken == set() for patient in self.ward.resources.values())
        assert self.claims.held() == ()
        assert self.claims.waiting() == ()
        records = [record for record in read(self.ledger.folder) if record.kind == "fault"]
        still: set[tuple[str, str]] = set()
        for record in records:
            key = record.name, record.data["action"]
            (still.add if record.step == "fault" else still.discard)(key)
        assert still == set()


resources = st.sets(st.sampled_from(NAMES)).map(lambda found: tuple(sorted(found)))
actions = st.sampled_from([a for each in ACTIONS[:2] for a in (each.inject, each.heal)])
steps = st.one_of(
    st.tuples(st.just("claim"), resources, resources),
    st.tuples(st.just("join"), st.integers(0, 3)),
    st.tuples(
        st.just("act"),
        st.sampled_from(NAMES),
        actions,
        st.sampled_from(["", "node-1"]),
        st.integers(0, 1),
    ),
    st.tuples(st.sampled_from(["release", "die"]), st.none()),
)


@pytest.fixture(scope="module")
def numbers() -> Iterator[int]:
    """Numbers of folders, none twice."""
    return iter(range(10**9))


@settings(max_examples=2000)
@given(todo=st.lists(st.tuples(st.integers(1, 4), steps), max_size=25))
def test_nothing_stays_open_and_nothing_held(
    tmp_path_factory: pytest.TempPathFactory, todo: list[tuple[int, tuple[Any, ...]]]
) -> None:
    """Up to four connections claim, join, break, heal, let go and die in any order."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(claims_module, "PATIENCE_S", 0.0)
        hospital = Hospital(tmp_path_factory.mktemp("hospital") / "environment")
        for peer, step in todo:
            hospital.bear(peer, step)
            hospital.expect_sane()
        for peer in range(1, 5):
            hospital.bear(peer, ("die", None))
            hospital.expect_sane()
        hospital.expect_whole()
        hospital.ledger.close()
