"""Whose failure it is: what a fault has killed is the product's, what ends by itself isn't."""

from __future__ import annotations

import sys

import pytest

from groundwork.keep.events import Died, Recovered
from groundwork.keep.timeline import read
from suites.support.pond import Pond

CHECK = '''
"""Tests in which the mill dies of the spring's death."""

import time

import pytest
import requests


def await_end(mill):
    """Wait until it is dead."""
    deadline = time.monotonic() + 30
    while True:
        try:
            requests.get(mill.endpoint(), timeout=5)
        except requests.ConnectionError:
            return
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.disturbs("spring")
def test_kill(spring, mill):
    """While the spring is dead on purpose the mill's end is nobody's failure."""
    with spring.fault("kill") as fault:
        print(fault.told.id)
        await_end(mill)
        spring.client.check(["mill"], examine=True)


def test_after(mill):
    """Whoever comes next is told what the mill has died of."""
'''

ACCIDENT = '''
"""A spring that ends by itself, and the mill with it."""

import time

import pytest
import requests


def test_exit(spring, mill):
    """Nobody has injected anything."""
    with pytest.raises(requests.ConnectionError):
        requests.get(spring.endpoint() + "/exit", timeout=5)
    time.sleep(1)
'''


def check(pond: Pond, text: str, **env: str) -> tuple[int, str]:
    """Run tests of the pond; exit code and output."""
    (pond.root / "check_death.py").write_text(text)
    done = pond.call([sys.executable, "-m", "pytest", "check_death.py", "-q"], env)
    assert pond.leftovers() == []
    return done.returncode, done.output


def test_who_dies_of_a_fault_and_stays_dead_is_the_products_failure(pond: Pond) -> None:
    """Exit code 1; victim and fault are named to the test, to the next one, and at the end."""
    code, output = check(pond, CHECK, POND_MILL="frail")
    assert code == 1, output
    told = "mill: not recovered from kill of spring (spring-kill-1) within 20 s of its healing: "
    assert f"{told}process mill ended with exit code 5" in output
    assert f"groundwork: product failure: {told}" in output
    assert "no water any more" in output, "the log is kept, and quoted"
    assert output.count(f"\n{told}") == 2, "to whoever has broken it, and to who comes next"
    assert "infrastructure failure" not in output
    assert "1 passed, 2 errors" in output
    events = [entry.event for entry in read(pond.root / "reports/out/latest/timeline.jsonl")]
    assert [each for each in events if isinstance(each, Died)] == [
        Died("mill", "mill", 5, "spring-kill-1")
    ]
    well = [each for each in events if isinstance(each, Recovered)]
    assert [(each.id, each.resource) for each in well] == [("spring-kill-1", "spring")]


def test_the_same_without_a_fault_is_the_infrastructures(pond: Pond) -> None:
    """Exit code 6."""
    code, output = check(pond, ACCIDENT, POND_MILL="frail")
    assert code == 6, output
    assert "infrastructure failure: spring: process spring ended with exit code 3" in output
    assert "infrastructure failure: mill: process mill ended with exit code 5" in output
    assert "product failure" not in output


@pytest.mark.parametrize(("recovery_s", "code"), [("0.3", 1), ("30", 0)], ids=["missed", "kept"])
def test_who_takes_too_long_has_not_recovered(pond: Pond, recovery_s: str, code: int) -> None:
    """The objective counts from the healing; a run that keeps it tells how long it took."""
    env = {"POND_RECOVERY": recovery_s, "POND_SPRING": "slow=1"}
    run = pond.pytest("-k", "kill or after", env=env)
    assert run.returncode == code, run.output
    events = [entry.event for entry in read(pond.root / "reports/out/latest/timeline.jsonl")]
    well = [each.within_s for each in events if isinstance(each, Recovered)]
    if code:
        told = "spring: not recovered from kill of spring (spring-kill-1) within 0.3 s"
        assert f"product failure: {told} of its healing: waited 0.3 s for spring" in run.output
        assert well == []
    else:
        (within_s,) = well
        assert within_s >= 1
    assert pond.leftovers() == []
