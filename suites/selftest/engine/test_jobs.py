"""Jobs: declared commands that the keeper runs in the name of whoever asks, and ends with him."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from groundwork.base.errors import NotYetError
from groundwork.base.wait import Deadline, wait_for
from groundwork.keep.events import (
    ClaimOverdue,
    FaultHealed,
    FaultInjected,
    FaultLanded,
    JobEnded,
    JobStarted,
    Waiting,
)
from groundwork.keep.timeline import read
from suites.support.pond import RUN_TIMEOUT_S, Pond

CHECK = '''
"""Tests that have jobs run."""

import threading
import time
from pathlib import Path

import pytest
import requests

from groundwork.base.errors import GroundworkError, OverdueError, UsageError
from groundwork.keep.messages import ClientHello
from groundwork.use.client import Client

BREAK = {"resource": "spring"}


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


@pytest.mark.disturbs("spring")
def test_in_its_tests_claim(spring, tmp_path):
    """It breaks what the test has alone, at once; exit code and files come back."""
    began = time.monotonic()
    done = spring.client.job("break", BREAK, tmp_path / "out", 30)
    assert time.monotonic() - began < 20
    assert done.exit_code == 0
    names = [path.name for path in done.files]
    assert names == ["break.log", "evidence", "timeline.jsonl"]
    assert done.log.read_text() == "landed\\nhealed\\n"
    assert (tmp_path / "out" / "evidence").read_text() == "kill"
    assert answers(spring)


@pytest.mark.disturbs("spring")
def test_without_the_claim_it_waits(groundwork_session, spring, tmp_path):
    """The same job asked for by somebody else waits for the test, and then has its turn."""
    global LATE, RESULT
    RESULT = []
    stranger = Client(groundwork_session.client().path, ClientHello())

    def ask():
        RESULT.append(stranger.job("break", BREAK, tmp_path / "out", 30))
        stranger.close()

    LATE = threading.Thread(target=ask)
    LATE.start()
    await_waiting(groundwork_session, LATE.is_alive)
    assert RESULT == []
    assert answers(spring)


def test_after_the_wait(mill):
    """It came before this test, for it asked before."""
    LATE.join(30)
    assert RESULT[0].exit_code == 0


@pytest.mark.disturbs("spring")
def test_too_long(spring, tmp_path):
    """It is ended, with all that it has started, and what it has broken is healed."""
    with pytest.raises(OverdueError, match="was to take 1.5 s at most, and was ended"):
        spring.client.job("break", BREAK | {"seconds": 60}, tmp_path / "out", 1.5)
    deadline = time.monotonic() + 20
    while not answers(spring):
        assert time.monotonic() < deadline


@pytest.mark.disturbs("spring")
def test_what_can_not_be(spring, tmp_path):
    """It is told in one line, and nothing is started."""
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    for asked, why in (
        (("drain", {}, tmp_path / "a", 1), "job 'drain' isn't declared; there are: break, missing"),
        (("break", {}, tmp_path / "a", 1), "break: resource: Field required; it takes resource"),
        (("break", BREAK | {"fault": "drown"}, tmp_path / "a", 1), "fault: Input should be 'kill'"),
        (("break", BREAK | {"argv": "sh"}, tmp_path / "a", 1), "argv: Extra inputs are not perm"),
        (("break", BREAK, tmp_path / "a", 61), "timeout_s=61 should be more than 0 and at most 60"),
        (("break", BREAK, tmp_path / "full", 1), "isn't empty: choose a folder of its own"),
        (("break", BREAK, tmp_path / "full" / "file", 1), "can't write "),
    ):
        with pytest.raises(UsageError) as refused:
            spring.client.job(*asked)
        assert why in str(refused.value)
        assert "\\n" not in str(refused.value)
    with pytest.raises(GroundworkError, match="can't start /nowhere/program"):
        spring.client.job("missing", {}, tmp_path / "b", 1)
    assert not (tmp_path / "a").exists()
'''

OVERDUE = '''
"""A test that takes longer than it has said, with a fault open and a job running."""

import time

import pytest
import requests


@pytest.mark.disturbs("spring", "mill", limit_s=2)
def test_dawdles(spring, mill, tmp_path):
    """It would wait for a job for a minute, with the mill stopped."""
    with mill.fault("pause"):
        spring.client.job("break", {"resource": "spring", "seconds": 50}, tmp_path / "out", 60)


@pytest.mark.disturbs("spring", limit_s=1)
def test_breaks_too_late(spring):
    """Nothing is open when its time is over; nothing may be opened then."""
    time.sleep(1.5)
    with spring.fault("kill"):
        pass


def test_after(mill):
    """All is well again, and the alarm was the other test's alone."""
    time.sleep(0.2)
    assert requests.get(mill.endpoint(), timeout=5).text == "pond 1.0"
'''


ENDS_FIRST = '''
"""A test that ends while a job runs in its name, asked for by somebody who has joined its claim."""

import threading
import time

import pytest
import requests

from groundwork.base.errors import GroundworkError
from groundwork.keep.messages import ClientHello
from groundwork.use.client import Client

SAID = []


@pytest.mark.disturbs("spring")
def test_ends(groundwork_session, spring, tmp_path):
    """As soon as the job has broken the spring."""
    global THREAD
    joined = Client(groundwork_session.client().path, ClientHello())
    joined.join(groundwork_session.variables()["GROUNDWORK_CLAIM"])

    def ask():
        try:
            joined.job("break", {"resource": "spring", "seconds": 50}, tmp_path / "out", 60)
        except GroundworkError as error:
            SAID.append(str(error))

    THREAD = threading.Thread(target=ask)
    THREAD.start()
    deadline = time.monotonic() + 30
    while not (tmp_path / "out" / "evidence").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_after(spring):
    """The job has ended with the claim, and the spring is well."""
    assert requests.get(spring.endpoint(), timeout=5).text == "pond 1.0"
    THREAD.join(5)
    assert SAID == ["job break-1 was ended with whoever had asked for it"]
'''


def run(pond: Pond, text: str, *args: str, env: Mapping[str, str] | None = None) -> tuple[int, str]:
    """Run tests of the pond; exit code and output."""
    (pond.root / "check_jobs.py").write_text(text)
    done = pond.call([sys.executable, "-m", "pytest", "check_jobs.py", "-q", *args], env)
    return done.returncode, done.output


def test_jobs_run_and_end(pond: Pond) -> None:
    """In a claim and without one; too long; refused. Nothing of them is left."""
    code, output = run(pond, CHECK)
    assert (code, "5 passed" in output) == (0, True), output
    events = [entry.event for entry in read(pond.root / "reports/out/latest/timeline.jsonl")]
    begun = [each.id for each in events if isinstance(each, JobStarted)]
    ended = [(each.id, each.by, each.exit_code) for each in events if isinstance(each, JobEnded)]
    assert begun == ["break-1", "break-2", "break-3"]
    assert ended[:2] == [("break-1", "itself", 0), ("break-2", "itself", 0)]
    assert ended[2][:2] == ("break-3", "time")
    waits = [each for each in events if isinstance(each, Waiting)]
    test = "check_jobs.py::test_without_the_claim_it_waits"
    assert any(
        each.holder.startswith("process ") and f"spring held by {test} (" in each.reason
        for each in waits
    )
    assert pond.leftovers() == []


@pytest.mark.parametrize("args", [[], ["-n", "1"]], ids=["alone", "a worker"])
def test_a_test_that_takes_too_long_is_ended_with_all_that_it_has_open(
    pond: Pond, args: list[str]
) -> None:
    """Faults are healed, jobs ended; it fails with the end of the timeline; the next is well."""
    code, output = run(pond, OVERDUE, *args)
    assert code == 1, output
    assert "2 failed, 1 passed" in output
    assert "the 2 s of check_jobs.py::test_dawdles are over" in output
    assert "--- the end of the timeline" in output
    assert "s ago  job: id=break-1, job=break" in output
    late = "the 1 s of check_jobs.py::test_breaks_too_late are over"
    assert f"spring may not be broken any more: {late}" in output
    events = [entry.event for entry in read(pond.root / "reports/out/latest/timeline.jsonl")]
    (overdue,) = [each for each in events if isinstance(each, ClaimOverdue)]
    assert overdue.jobs == ("break-1",)
    assert {each.by for each in events if isinstance(each, FaultHealed)} >= {"overdue"}
    assert pond.leftovers() == []


OWN = '''
"""A test that has a job of the project's own modules run."""


def test_own(spring, tmp_path):
    """They are found, though nobody has installed them."""
    done = spring.client.job("own", {}, tmp_path / "out", 30)
    assert (done.exit_code, done.log.read_text()) == (0, "pond\\n")
'''


def test_a_job_finds_its_projects_modules(pond: Pond) -> None:
    """Wherever the project lies; and an operator is told that it runs, and what it came to."""
    code, output = run(pond, OWN, "-v", env={"POND_OWN": "1"})
    assert (code, "1 passed" in output) == (0, True), output
    assert "groundwork: job own-1 runs: -c import pond" in output
    assert re.search(r"groundwork: job own-1 ended after \d+ s: 0", output)


def test_a_job_ends_with_the_claim_that_it_acts_under(pond: Pond) -> None:
    """Whoever has asked for it: nothing runs any more when what it has broken is healed."""
    code, output = run(pond, ENDS_FIRST)
    assert (code, "2 passed" in output) == (0, True), output
    events = [entry.event for entry in read(pond.root / "reports/out/latest/timeline.jsonl")]
    assert [each.by for each in events if isinstance(each, JobEnded)] == ["end"]
    assert pond.leftovers() == []


HOLDS = ("job", "break", "resource=spring", "seconds=50", "--seconds", "55", "--out")


def await_landed(pond: Pond, folder: str) -> None:
    """Wait until the job has broken something."""

    def look() -> None:
        if not (pond.root / folder / "evidence").exists():
            raise NotYetError("not yet")

    wait_for(look, deadline=Deadline.after(RUN_TIMEOUT_S), what="the job to break the spring")


def test_a_shell_has_a_job_run_that_ends_with_the_environment(pond: Pond) -> None:
    """`groundwork down` ends it, and what it has broken is gone; whoever asked is told."""
    assert pond.groundwork("up").returncode == 0
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(pond.groundwork, *HOLDS, "out")
        await_landed(pond, "out")
        down = pond.groundwork("down")
    assert down.returncode == 0, down.output
    assert asked.result().returncode == 6, asked.result().output
    assert pond.leftovers() == []


def test_a_shell_has_a_job_run(pond: Pond) -> None:
    """Its files are named; with it ends what it has forgotten; without a run it has a timeline."""
    assert pond.groundwork("up").returncode == 0
    shown = pond.groundwork("job")
    assert shown.output == "break resource=... fault=... seconds=...\nmissing \n"
    done = pond.groundwork("job", "break", "resource=spring", "--seconds", "30", "--out", "out")
    assert done.returncode == 0, done.output
    assert f"  {pond.root}/out/evidence" in done.output
    events = [type(entry.event) for entry in read(pond.root / "out" / "timeline.jsonl")]
    assert events[:3] == [JobStarted, FaultInjected, FaultLanded]
    assert events[-1] is JobEnded
    assert not any(
        "sleep" in " ".join(each.cmdline()) for each in pond.processes() if of_a_job(each)
    )
    assert pond.groundwork("down").returncode == 0
    assert pond.leftovers() == []


def of_a_job(each: psutil.Process) -> bool:
    """Whether a process was begun by a job."""
    return ":job:" in each.environ().get("GROUNDWORK_TOKEN", "")


def test_a_shell_breaks_what_is_kept(pond: Pond) -> None:
    """It is told what was to be seen, before and after; all is well again."""
    assert pond.groundwork("up").returncode == 0
    done = pond.groundwork("fault", "spring", "kill", "--seconds", "1", "--out", "told")
    assert done.returncode == 0, done.output
    lines = done.output.splitlines()
    assert lines[0] == "kill of spring (spring-kill-1), for 1 s"
    assert re.fullmatch(r"  spring: \w+ \(pid \d+.*\) -> gone \(-9\)", lines[1])
    assert re.fullmatch(r"healed after 1\.\d s", lines[2])
    assert lines[-1] == "spring and all who need it are well"
    events = [type(entry.event) for entry in read(pond.root / "told" / "timeline.jsonl")]
    assert events[:3] == [FaultInjected, FaultLanded, FaultHealed]
    assert pond.groundwork("down").returncode == 0
    assert pond.leftovers() == []


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (["fault", "spring"], "groundwork fault RESOURCE FAULT [PARAMETER=VALUE]... --seconds N"),
        (["fault", "spring", "drown", "--seconds", "1"], "unknown fault 'drown'; known: kill"),
        (["fault", "sea", "kill", "--seconds", "1"], "process"),
        (["fault", "spring", "isolate", "--seconds", "1"], "spring is not Isolatable; it bears"),
        (["fault", "spring", "kill", "--seconds", "0"], "groundwork fault"),
        (["fault", "spring", "kill", "--seconds", "9", "--target", "x"], "it has no 'x'; it has"),
        (["job", "drain", "--seconds", "1", "--out", "o"], "job 'drain' isn't declared; there are"),
        (["job", "break", "--seconds", "1", "--out", "o"], "job break: resource: Field required"),
        (["job", "break", "spring", "--seconds", "1", "--out", "o"], "should be ARGUMENT=VALUE"),
        (["job", "break", "resource=spring"], "groundwork job NAME [ARGUMENT=VALUE]..."),
        (["status", "spring", "--seconds", "1"], "groundwork status takes no spring, --seconds"),
    ],
)
def test_what_a_shell_gets_wrong_is_told_in_one_line(
    kept: Pond, args: list[str], line: str
) -> None:
    """With exit code 4; nothing is started, nothing broken."""
    done = kept.groundwork(*args)
    assert done.returncode == 4, done.output
    said = [text for text in done.output.splitlines() if text]
    assert len(said) == 1, done.output
    assert line in said[0]
    assert not (kept.root / "o").exists()
