"""Output: where it can't be written, results are on the terminal, and one line tells why."""

from __future__ import annotations

import sys

import pytest

from groundwork.base import process
from groundwork.base.errors import ExitCode
from suites.support.disk import on_a_small_disk
from suites.support.pond import RUN_TIMEOUT_S, Pond


@pytest.mark.parametrize("size", ["4k", "8k", "12k"])
@pytest.mark.parametrize("plan", ["", "fail"], ids=["all pass", "one fails"])
@pytest.mark.parametrize(
    "words", [[], ["-n", "2"], ["--junitxml", "out/junit.xml"]], ids=["alone", "-n 2", "junit"]
)
def test_a_full_disk_is_told_in_one_line(
    pond: Pond, words: list[str], plan: str, size: str
) -> None:
    """Whatever there is no room for: results are told, what was made is removed, exit code 6."""
    out = pond.root / "out"
    out.mkdir()
    env = {"GROUNDWORK_OUT_DIR": str(out), "POND_PLAN": plan}
    done = process.run(
        on_a_small_disk(out, size, pond.command(*words)),
        timeout_s=RUN_TIMEOUT_S,
        cwd=pond.root,
        env=pond.environment(env),
        check=False,
    )
    text = done.output
    assert ("1 failed, 7 passed" if plan else "8 passed") in text
    assert "Traceback" not in text
    assert "INTERNALERROR" not in text
    assert "environment removed" in text
    assert "not removed" not in text
    assert pond.leftovers() == []
    told = text.count("groundwork: infrastructure failure: output: can't write ")
    full = told or size == "4k"  # no run leaves less
    assert told == full, text
    if full:
        assert done.returncode == ExitCode.INFRASTRUCTURE, text
        assert "No space left on device" in text


def test_a_report_elsewhere_is_told_by_its_name(pond: Pond) -> None:
    """Where JUnit's file can't be written, it isn't the folder of the run that is full."""
    done = pond.pytest("--junitxml", "/dev/full")
    assert done.returncode == ExitCode.INFRASTRUCTURE, done.output
    assert "output: can't write /dev/full: No space left on device" in done.output
    assert "8 passed" in done.output
    assert "environment removed" in done.output
    assert pond.leftovers() == []


PIPES = {
    "a reader that leaves": '"$@" | head -1',
    "standard output closed": '"$@" >&-',
    "standard error closed": '"$@" 2>&-',
    "both closed": '"$@" >&- 2>&-',
    "all closed": '"$@" <&- >&- 2>&-',
    "a reader of both that leaves": '"$@" 2>&1 | head -1',
    "a reader of errors that is gone": '"$@" 2>&1 >/dev/null | true',
    "standard error full": '"$@" 2>/dev/full',
}

# A reader that leaves must not hide the exit code of what it reads.
SHELL = ["bash", "-o", "pipefail", "-c"]


@pytest.mark.parametrize("how", PIPES)
@pytest.mark.parametrize("command", [["up"], ["status"], ["down"], ["--help"]], ids=" ".join)
def test_commands_bear_closed_pipes(pond: Pond, how: str, command: list[str]) -> None:
    """No traceback; and whoever wanted an environment has one, whoever wanted none has none."""
    if command != ["up"]:
        assert pond.groundwork("up").returncode == 0
    done = pond.call([*SHELL, PIPES[how], "bash", sys.executable, "-m", "groundwork", *command])
    assert "Traceback" not in done.output
    assert "Exception ignored" not in done.output
    assert done.returncode == 0, done.output
    status = pond.groundwork("status").output
    assert ("kept" in status) == (command != ["down"]), status
    assert pond.groundwork("down").returncode == 0
    assert pond.leftovers() == []


@pytest.mark.parametrize("command", ["up", "status", "down"])
def test_a_full_standard_output_is_told(pond: Pond, command: str) -> None:
    """What was to be done is done; what was to be said is lost, which isn't a success."""
    if command != "up":
        assert pond.groundwork("up").returncode == 0
    done = pond.call(
        ["sh", "-c", '"$@" >/dev/full', "sh", sys.executable, "-m", "groundwork", command]
    )
    assert done.returncode == ExitCode.INFRASTRUCTURE, done.output
    assert "groundwork: can't write standard output: No space left on device" in done.output
    assert "Traceback" not in done.output
    assert ("kept" in pond.groundwork("status").output) == (command != "down")
    assert pond.groundwork("down").returncode == 0
    assert pond.leftovers() == []


@pytest.mark.parametrize("how", ["both closed", "all closed", "standard error closed"])
@pytest.mark.parametrize("words", [[], ["-n", "2"]], ids=["alone", "-n 2"])
def test_a_run_bears_closed_streams(pond: Pond, how: str, words: list[str]) -> None:
    """Its exit code and what it writes down are what they would be."""
    done = pond.call([*SHELL, PIPES[how], "bash", *pond.command(*words)])
    assert done.returncode == ExitCode.OK, done.output
    assert (pond.root / "reports/out/latest/run.json").exists()
    assert pond.leftovers() == []


@pytest.mark.parametrize("how", ["standard error full", "a reader of errors that is gone"])
@pytest.mark.parametrize("words", [[], ["-n", "2"]], ids=["alone", "-n 2"])
def test_what_can_t_be_shown_of_progress_is_no_failure(
    pond: Pond, how: str, words: list[str]
) -> None:
    """Also where every warning is an error: no thread dies of it."""
    done = pond.call([*SHELL, PIPES[how], "bash", *pond.command("-W", "error", *words)])
    assert done.returncode == ExitCode.OK, done.output
    assert pond.leftovers() == []


@pytest.mark.parametrize("words", [[], ["-n", "2"]], ids=["alone", "-n 2"])
@pytest.mark.parametrize("how", ["a reader that leaves", "a reader of both that leaves"])
def test_a_run_bears_a_reader_that_leaves(pond: Pond, how: str, words: list[str]) -> None:
    """What nobody reads is lost; what was made is removed."""
    done = pond.call([*SHELL, PIPES[how], "bash", *pond.command(*words)])
    assert "Traceback" not in done.output
    assert "Exception ignored" not in done.output
    pond.await_nothing_left(RUN_TIMEOUT_S)
