"""The checker against a simulator that shares no code with it: no miss, no false alarm."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from groundwork.checkers import delivery
from groundwork.checkers.history import NONE
from groundwork.checkers.rules import RULES, Rule
from suites.support.corruption import CORRUPTIONS, corrupted
from suites.support.every_log import OPERATIONS_MAX, explicable
from suites.support.simulator import BEHAVIOURS, history_of, simulate
from suites.support.soak import SHARE_MIN, found_in, judge

MANY = 1_000


def test_a_thousand_histories_are_judged_rightly() -> None:
    """Half are legal and valid, half have one corruption, which is found, with its records.

    Each legal behaviour and each corruption is in its share of them.
    """
    tally = judge(0, MANY)
    assert tally.wrong == []
    assert tally.behaviours.keys() == set(BEHAVIOURS)
    assert tally.corruptions.keys() == CORRUPTIONS.keys()
    seldom = {
        name: count
        for name, count in (tally.behaviours + tally.corruptions).items()
        if count < SHARE_MIN * MANY
    }
    assert seldom == {}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_no_rule_is_idle(rule: Rule, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any one of them some corruption isn't found as what it is."""
    monkeypatch.setattr(delivery, "RULES", tuple(each for each in RULES if each is not rule))
    missed = [
        name
        for name in CORRUPTIONS
        if (planted := corrupted(1, name)).expected - found_in(planted.history).keys()
    ]
    assert missed


def test_the_verdict_on_what_is_small_is_that_of_brute_force() -> None:
    """Whatever log could explain it, is tried; legal ones have one, corrupted ones have none."""
    judged = {True: 0, False: 0}
    for seed in range(400):
        if seed % 2:
            name = list(CORRUPTIONS)[seed // 2 % len(CORRUPTIONS)]
            try:
                history = corrupted(seed, name, operations=5).history
            except LookupError:  # nothing so small can be corrupted so
                continue
        else:
            world = simulate(seed, operations=5)
            history = history_of(world.lines, world.clients, world.partitions())
        if len(set(history.columns["op"].tolist())) > OPERATIONS_MAX:
            continue
        right = explicable(history)
        assert (found_in(history) == {}) == right, f"seed {seed}"
        judged[right] += 1
    assert min(judged.values()) >= 100


def test_the_same_seed_gives_the_same_history() -> None:
    """So that a failure can be repeated."""
    one, other = simulate(7), simulate(7)
    assert one.lines == other.lines
    history = history_of(one.lines, one.clients, one.partitions())
    assert list(history.columns["op"]) == sorted(history.columns["op"])
    for name in CORRUPTIONS:
        first, again = corrupted(3, name), corrupted(3, name)
        assert first.values == again.values
        assert first.history.columns["value"].tolist() == again.history.columns["value"].tolist()


def test_names_may_be_any_numbers() -> None:
    """Records and transactions that are numbered far apart come to the same verdict."""
    apart = 10**9
    for name in CORRUPTIONS:
        history = corrupted(3, name).history
        columns = dict(history.columns)
        for names in ("value", "transaction"):
            column = columns[names]
            columns[names] = np.where(column == NONE, NONE, column * apart)
        far = replace(history, columns=columns)
        expected = {
            anomaly: frozenset(value * apart for value in values)
            for anomaly, values in found_in(history).items()
        }
        assert found_in(far) == expected
