"""Questions about tests and fixtures are answered without starting anything."""

from __future__ import annotations

import sys

import pytest

from groundwork.base.errors import ExitCode
from suites.support.pond import Pond

CLOSED = ["sh", "-c", 'exec 2>&-; exec "$@"', "sh"]


@pytest.mark.parametrize(
    "words",
    [
        ["--fixtures"],
        ["--fixtures", "-v"],
        ["--fixtures-per-test"],
        ["--setup-plan"],
        ["--setup-plan", "-n", "2"],
        ["--collect-only"],
        ["--markers"],
        ["--help"],
        ["--version"],
    ],
    ids=" ".join,
)
def test_a_question_starts_nothing(pond: Pond, words: list[str]) -> None:
    """No server, no keeper, no ledger, no output: only the answer."""
    done = pond.pytest(*words)
    assert done.returncode in {ExitCode.OK, ExitCode.NO_TESTS}, done.output
    assert not (pond.root / "state").exists()
    assert not list((pond.root / "reports" / "out").glob("*"))
    assert pond.leftovers() == []


def test_help_needs_no_settings(pond: Pond) -> None:
    """Whoever has given something wrong is told how to give it."""
    done = pond.pytest("--help", env={"GROUNDWORK_WATER": "syrup"})
    assert done.returncode == ExitCode.OK, done.output
    assert "--water" in done.output


def test_a_closed_standard_error_hides_nothing_but_progress(pond: Pond) -> None:
    """Tests run, and their results are on standard output; pytest alone can't do without one."""
    words = pond.command("-q")
    done = pond.call([*CLOSED, *words])
    assert done.returncode == ExitCode.OK, done.output
    assert "passed" in done.output


def test_the_plugin_does_nothing_where_nothing_is_declared(pond: Pond) -> None:
    """In a project without an environment it neither needs nor makes anything."""
    folder = pond.root / "elsewhere"
    folder.mkdir()
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "test_it.py").write_text("def test_it():\n    assert True\n")
    done = pond.call(
        [*CLOSED, sys.executable, "-m", "pytest", "-q", "-p", "no:faulthandler"], cwd=folder
    )
    assert done.returncode == ExitCode.OK, done.output
    assert pond.leftovers() == []
