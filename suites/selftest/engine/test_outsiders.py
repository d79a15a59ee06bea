"""Processes that aren't pytest: they act in a test's name, or wait until they may."""

from __future__ import annotations

import sys
from pathlib import Path

from groundwork.keep.events import Waiting
from groundwork.keep.timeline import read
from suites.support.pond import Pond

CHECK = '''
"""Tests that have a process of their own break the spring."""

import os
import subprocess
import sys
import threading
import time

import pytest
import requests

from groundwork.base.errors import GroundworkError, OverdueError, UsageError
from groundwork.use.client import Client
from groundwork.keep.messages import ClientHello


def outsider(session, seconds=0, *, claim=True):
    """Begin the script, in the name of the running test or in its own."""
    own = session.variables()
    if not claim:
        del own["GROUNDWORK_CLAIM"]
    argv = [sys.executable, "outsider.py", "spring", "kill", str(seconds)]
    return subprocess.Popen(argv, env=os.environ | own, stdout=subprocess.PIPE, text=True)


def answers(spring):
    """Whether the spring is there."""
    try:
        return requests.get(spring.endpoint(), timeout=5).text == "pond 1.0"
    except requests.ConnectionError:
        return False


def await_waiting(session, process_alive):
    """Wait until the keeper knows that somebody waits: who asks later has his turn later."""
    timeline = session.run.out_dir / "timeline.jsonl"
    deadline = time.monotonic() + 60
    while '"waiting"' not in timeline.read_text():
        assert process_alive()
        assert time.monotonic() < deadline
        time.sleep(0.05)


def await_answer(spring):
    """Wait until it is."""
    deadline = time.monotonic() + 30
    while not answers(spring):
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.disturbs("spring")
def test_a_process_acts_in_the_name_of_its_test(groundwork_session, spring):
    """It breaks what the test has alone; its release heals that, and leaves the test its claim."""
    done = outsider(groundwork_session)
    out, _ = done.communicate(timeout=60)
    assert (done.returncode, out) == (0, "landed\\nhealed\\n")
    assert answers(spring)
    with spring.fault("kill"):
        assert not answers(spring)


@pytest.mark.disturbs("spring")
def test_what_a_dead_process_broke_is_healed(groundwork_session, spring):
    """By its death, while the test goes on; what the test broke stays broken."""
    process = outsider(groundwork_session, 60)
    assert process.stdout.readline() == "landed\\n"
    assert not answers(spring)
    process.kill()
    process.communicate()
    await_answer(spring)


@pytest.mark.disturbs("spring")
def test_what_is_the_tests_stays_the_tests(groundwork_session, spring):
    """A process that has joined and ends heals nothing that the test has broken."""
    joined = Client(groundwork_session.client().path, ClientHello())
    joined.join(groundwork_session.variables()["GROUNDWORK_CLAIM"])
    with spring.fault("kill"):
        joined.release()
        joined.close()
        time.sleep(0.5)
        assert not answers(spring)


@pytest.mark.disturbs("spring")
def test_a_fault_that_lasts_too_long_is_healed(spring):
    """By the keeper; whoever holds on is told, and fails."""
    with pytest.raises(OverdueError, match="kill of spring was to last 0.5 s at most"):
        with spring.fault("kill", limit_s=0.5):
            await_answer(spring)
    assert answers(spring)


@pytest.mark.disturbs("spring")
def test_what_a_test_raises_is_what_it_is_told(spring):
    """Not what healing has to say; and it is healed."""
    with pytest.raises(ZeroDivisionError):
        with spring.fault("kill"):
            1 / 0
    await_answer(spring)


def test_a_test_breaks_nothing_that_it_does_not_have(spring):
    """It must say so by a marker."""
    with pytest.raises(GroundworkError, match=r"must carry the marker disturbs\\('spring'\\)"):
        with spring.fault("kill"):
            pass
    assert answers(spring)


@pytest.mark.disturbs("spring")
def test_a_process_with_a_claim_of_its_own_waits(groundwork_session, spring):
    """For the test that has it; then it is its turn."""
    global LATE
    LATE = outsider(groundwork_session, claim=False)
    await_waiting(groundwork_session, lambda: LATE.poll() is None)
    assert LATE.poll() is None
    assert answers(spring)


def test_after_the_wait(mill):
    """The process that had to wait came before this test, for it asked before."""
    out, _ = LATE.communicate(timeout=60)
    assert (LATE.returncode, out) == (0, "landed\\nhealed\\n")


def test_a_secret_is_told_to_whoever_holds_its_resource(groundwork_session, spring):
    """By a claim of its own or a joined one; it is in nothing else that is told."""
    assert spring.client.secret("SOURCE").get_secret_value() == "under the oak"
    assert "oak" not in str(spring.client.status()) + str(spring.description)
    stranger = Client(groundwork_session.client().path, ClientHello())
    with pytest.raises(UsageError, match="SOURCE: it is told to whoever holds spring"):
        stranger.secret("SOURCE")
    with pytest.raises(UsageError, match="'SINK'; known: SOURCE"):
        stranger.secret("SINK")
    stranger.join(groundwork_session.variables()["GROUNDWORK_CLAIM"])
    assert "oak" not in repr(stranger.secret("SOURCE"))
    assert stranger.secret("SOURCE").get_secret_value() == "under the oak"
    stranger.close()


def test_who_knows_no_claim_joins_none(groundwork_session, spring):
    """Nor does who knows one that is over."""
    stranger = Client(groundwork_session.client().path, ClientHello())
    with pytest.raises(GroundworkError, match="over, or there never was one"):
        stranger.join("0" * 32)
    with pytest.raises(GroundworkError, match="claims 'well': no such resource; known: mill"):
        stranger.claim(["well"], [], holder="a stranger")
    stranger.close()
'''

ALONE = '''
"""Tests of which one measures: no other may run beside it."""

import os
import time
from pathlib import Path

import pytest


def note(name, seconds):
    """Write down from when to when a test ran."""
    began = time.monotonic()
    time.sleep(seconds)
    line = f"{name} {began} {time.monotonic()}"
    (Path(os.environ["POND"]) / f"span-{name}").write_text(line)


@pytest.mark.parametrize("number", range(6))
def test_beside(number):
    """A test without any resource."""
    note(f"beside-{number}", 0.3)


@pytest.mark.alone
def test_measure(spring):
    """A measurement."""
    note("alone", 0.5)


@pytest.mark.parametrize("number", range(6))
def test_user(mill, number):
    """A test that uses something else."""
    note(f"user-{number}", 0.3)
'''


def test_processes_act_under_a_claim_or_wait_for_it(pond: Pond) -> None:
    """One that has joined breaks and its end heals; another waits, and it is told for whom."""
    (pond.root / "check_outsider.py").write_text(CHECK)
    done = pond.call([sys.executable, "-m", "pytest", "check_outsider.py", "-q"])
    assert done.returncode == 0, done.output
    assert "10 passed" in done.output
    events = [entry.event for entry in read(pond.root / "reports/out/latest/timeline.jsonl")]
    told = [(each.holder, each.reason) for each in events if isinstance(each, Waiting)]
    test = "check_outsider.py::test_a_process_with_a_claim_of_its_own_waits"
    assert any(
        who.startswith("process ") and f"spring held by {test} (" in why for who, why in told
    )
    assert pond.leftovers() == []


def test_whoever_measures_has_the_machine(pond: Pond) -> None:
    """Beside a test marked `alone` no other runs, not even one that uses nothing."""
    (pond.root / "check_alone.py").write_text(ALONE)
    done = pond.call([sys.executable, "-m", "pytest", "check_alone.py", "-q", "-n", "3"])
    assert done.returncode == 0, done.output
    spans = {}
    for file in Path(pond.root).glob("span-*"):
        name, first_s, last_s = file.read_text().split()
        spans[name] = float(first_s), float(last_s)
    assert len(spans) == 13
    began, ended = spans.pop("alone")
    beside = {name for name, (first, last) in spans.items() if last > began and first < ended}
    assert beside == set()


def test_a_shell_finds_the_kept_environment(pond: Pond) -> None:
    """And is told in one line where there is none."""
    argv = [sys.executable, "outsider.py", "spring", "kill", "0"]
    lonely = pond.call(argv)
    assert lonely.returncode == 1
    assert "UsageError: no environment is running here: `groundwork up` begins one" in lonely.output
    assert pond.groundwork("up").returncode == 0
    try:
        done = pond.call(argv)
        assert (done.returncode, done.output) == (0, "landed\nhealed\n")
    finally:
        down = pond.groundwork("down")
    assert down.returncode == 0, down.output
