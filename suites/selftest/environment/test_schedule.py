"""Schedules: the same seed draws the same, and all is healed before the end."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from chaos.schedule import LANES, PAUSE_S, drawn, moments_of
from fixtures.environment import resources
from fixtures.settings import FoundationSettings
from groundwork.declare.arguments import arguments_of
from groundwork.declare.capability import fault_of

SEEDS = st.integers(0, 2**32)


@given(SEEDS, st.floats(0, 3600))
def test_all_is_healed_before_the_end(seed: int, duration_s: float) -> None:
    """Within a lane one thing at a time, with time to recover after it."""
    steps = drawn(seed, duration_s)
    assert steps == drawn(seed, duration_s)
    assert all(0 <= step.at_s < step.until_s <= duration_s for step in steps)
    assert [step.at_s for step in steps] == sorted(step.at_s for step in steps)
    for kinds in LANES:
        own = [step for step in steps if step.kind in kinds]
        for before, after in itertools.pairwise(own):
            assert after.at_s - before.until_s >= PAUSE_S[0]


@given(SEEDS)
def test_each_fault_begins_before_it_is_healed_and_once(seed: int) -> None:
    """In the order of the clock."""
    steps = drawn(seed, 300)
    assert steps
    moments = list(moments_of(steps))
    assert [each.at_s for each in moments] == sorted(each.at_s for each in moments)
    for number in range(len(steps)):
        assert [each.begins for each in moments if each.number == number] == [True, False]


def test_a_long_schedule_combines_faults() -> None:
    """Of both lanes at the same time; else it would be experiments one after another."""
    steps = drawn(1, 1200)
    pairs = [(a, b) for a in steps for b in steps if a.at_s < b.at_s < a.until_s]
    assert len(pairs) >= 5
    assert all(any(step.kind == kind for step in steps) for kinds in LANES for kind in kinds)


def test_what_may_be_drawn_can_be_done() -> None:
    """Each resource is there, bears its fault, and that takes what it is told."""
    settings = FoundationSettings.from_json("{}")
    known = {each.name: each for each in resources(settings)}
    for kind in (kind for kinds in LANES for kind in kinds):
        fault = fault_of(kind.fault, known[kind.resource], kind.resource)
        arguments_of(fault.parameters, dict(kind.parameters), kind.fault)
