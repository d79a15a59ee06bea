"""Tenancy: whatever connections do and however they end, nothing stays broken and nothing held."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundwork.base.errors import GroundworkError
from groundwork.keep import claims as claims_module
from groundwork.keep.messages import Inject
from suites.support.hospital import Hospital

LIMIT_S = 60.0


class Play:
    """What connections do in a hospital."""

    def __init__(self, hospital: Hospital) -> None:
        self.hospital = hospital
        self.keys: list[str] = []
        self.faults: list[str] = []

    def do(self, peer: int, step: tuple[Any, ...]) -> None:
        """One thing that a connection asks for; what isn't allowed is refused."""
        match step:
            case "claim", exclusive, shared:
                self.keys.append(self.hospital.claim(peer, exclusive, shared))
            case "join", which if self.keys:
                self.hospital.tenancy.join(peer, self.keys[which % len(self.keys)])
            case "inject", name, fault, target, fails:
                patient = self.hospital.patients[name]
                patient.fails = fails
                try:
                    asked = Inject(name, fault, target, LIMIT_S)
                    self.faults.append(self.hospital.faults.inject(peer, asked).id)
                finally:
                    patient.fails = False
            case "heal", which if self.faults:
                self.hospital.faults.heal(peer, self.faults[which % len(self.faults)])
            case "release", _:
                self.hospital.tenancy.release(peer)
            case "die", _:
                self.hospital.tenancy.end(peer)

    def expect_sane(self) -> None:
        """What nobody has alone is whole."""
        held = self.hospital.claims.held()
        alone = {name for claim in held for name in claim.wish.exclusive}
        for name, patient in self.hospital.patients.items():
            assert name in alone or not patient.broken


names = st.sampled_from(Hospital.NAMES)
resources = st.sets(names).map(lambda found: tuple(sorted(found)))
steps = st.one_of(
    st.tuples(st.just("claim"), resources, resources),
    st.tuples(st.just("join"), st.integers(0, 3)),
    st.tuples(
        st.just("inject"),
        names,
        st.sampled_from(["kill", "terminate", "pause", "exhaust", "isolate"]),
        st.sampled_from(["", "node-1", "node-2"]),
        st.booleans(),
    ),
    st.tuples(st.just("heal"), st.integers(0, 5)),
    st.tuples(st.sampled_from(["release", "die"]), st.none()),
)


@pytest.fixture(scope="module", autouse=True)
def impatience() -> Iterator[None]:
    """Nobody waits longer than holders have declared: not at all."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(claims_module, "PATIENCE_S", 0.0)
        yield


@settings(max_examples=2000)
@given(todo=st.lists(st.tuples(st.integers(1, 4), steps), max_size=25))
def test_nothing_stays_open_and_nothing_held(
    tmp_path_factory: pytest.TempPathFactory, todo: list[tuple[int, tuple[Any, ...]]]
) -> None:
    """Up to four connections claim, join, break, heal, let go and die in any order."""
    hospital = Hospital(tmp_path_factory.mktemp("hospital") / "environment")
    play = Play(hospital)
    for peer, step in [*todo, *((peer, ("die", None)) for peer in range(1, 5))]:
        with contextlib.suppress(GroundworkError):  # refused, or failed half-way
            play.do(peer, step)
        play.expect_sane()
    hospital.expect_whole()
    hospital.ledger.close()


@pytest.mark.parametrize("way", ["release", "end"])
def test_the_owners_end_heals_what_members_have_broken(tmp_path: Path, way: str) -> None:
    """Whether it lets go or dies; from then on the member breaks nothing more."""
    hospital = Hospital(tmp_path / "environment")
    hospital.tenancy.join(2, hospital.claim(1, ("broker",)))
    hospital.faults.inject(2, Inject("broker", "kill", "", LIMIT_S))
    getattr(hospital.tenancy, way)(1)
    hospital.expect_whole()
    with pytest.raises(GroundworkError, match="disturbs"):
        hospital.faults.inject(2, Inject("broker", "kill", "", LIMIT_S))
    hospital.ledger.close()
