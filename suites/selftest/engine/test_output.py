"""Output: where it can't be written, results are on the terminal, and one line tells why."""

from __future__ import annotations

import sys

import pytest

from groundwork.base import process
from groundwork.base.errors import ExitCode
from suites.support.disk import on_a_small_disk
from suites.support.pond import RUN_TIMEOUT_S, Pond


@pytest.mark.parametrize("words", [[], ["-n", "2"]], ids=["alone", "-n 2"])
def test_a_full_disk_is_told_in_one_line(pond: Pond, words: list[str]) -> None:
    """All tests have passed, and are told so; the run is one of a failed infrastructure."""
    out = pond.root / "out"
    out.mkdir()
    done = process.run(
        on_a_small_disk(out, "4k", pond.command(*words)),
        timeout_s=RUN_TIMEOUT_S,
        cwd=pond.root,
        env=pond.environment({"GROUNDWORK_OUT_DIR": str(out)}),
        check=False,
    )
    assert done.returncode == ExitCode.INFRASTRUCTURE, done.output
    assert "8 passed" in done.output
    assert f"groundwork: infrastructure failure: output: can't write {out}" in done.output
    assert "No space left on device" in done.output
    assert "Traceback" not in done.output
    assert "INTERNALERROR" not in done.output
    assert "environment removed" in done.output
    assert pond.leftovers() == []


PIPES = {
    "a reader that leaves": '"$@" | head -1',
    "standard output closed": '"$@" >&-',
    "standard error closed": '"$@" 2>&-',
    "both closed": '"$@" >&- 2>&-',
}


@pytest.mark.parametrize("how", PIPES)
@pytest.mark.parametrize("command", [["up"], ["status"], ["down"], ["--help"]], ids=" ".join)
def test_commands_bear_closed_pipes(pond: Pond, how: str, command: list[str]) -> None:
    """No traceback; and whoever wanted an environment has one, whoever wanted none has none."""
    if command != ["up"]:
        assert pond.groundwork("up").returncode == 0
    done = process.run(
        ["sh", "-c", PIPES[how], "sh", sys.executable, "-m", "groundwork", *command],
        timeout_s=RUN_TIMEOUT_S,
        cwd=pond.root,
        env=pond.environment({}),
        check=False,
    )
    assert "Traceback" not in done.output
    assert "Exception ignored" not in done.output
    assert done.returncode == 0, done.output
    status = pond.groundwork("status").output
    assert ("kept" in status) == (command != ["down"]), status
    assert pond.groundwork("down").returncode == 0
    assert pond.leftovers() == []


def test_a_run_bears_a_reader_that_leaves(pond: Pond) -> None:
    """What nobody reads is lost; what was made is removed."""
    done = process.run(
        ["sh", "-c", '"$@" | head -1', "sh", *pond.command()],
        timeout_s=RUN_TIMEOUT_S,
        cwd=pond.root,
        env=pond.environment({}),
        check=False,
    )
    assert done.returncode == 0
    pond.await_nothing_left(RUN_TIMEOUT_S)
