"""A server that complains of what no fault has done to it: a run fails whose tests have passed."""

from __future__ import annotations

from collections.abc import Iterator

import allure
import pytest

from groundwork.base.errors import ExitCode
from suites.sabotage.saboteur import Saboteur, sabotaged

# What is asked is well-formed, and of a kind that there isn't: the broker closes the connection.
STRANGE = '''
"""Somebody asks the broker what it doesn't know."""

import socket
import struct

import pytest

KIND = 999


@pytest.mark.parametrize("asked", [False, True])
def test_question(broker, asked):
    """Whatever comes back, the test is content."""
    host, _, port = broker.endpoint().partition(",")[0].rpartition(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        if asked:
            question = struct.pack(">hhih", KIND, 0, 1, -1)
            connection.sendall(struct.pack(">i", len(question)) + question)
            assert connection.recv(1) == b""
'''


@pytest.fixture(scope="module")
def copy() -> Iterator[Saboteur]:
    """A copy of the project in short paths, which has one test more; what runs of it is ended."""
    with sabotaged("local") as made:
        (made.root / "suites" / "smoke" / "test_strange.py").write_text(STRANGE)
        yield made


@pytest.mark.parametrize(
    ("asked", "code"), [("False", ExitCode.OK), ("True", ExitCode.TESTS_FAILED)]
)
def test_an_error_that_nothing_explains_fails_a_run_that_passes(
    copy: Saboteur, asked: str, code: ExitCode
) -> None:
    """By the resource's name, with the file, its line, and what it says; else nothing is said."""
    done = copy.call("pytest", "suites/smoke/test_strange.py", "-k", asked, "--tb=short")
    allure.attach(done.output, "output")
    assert "1 passed" in done.output, done.output
    assert done.returncode == code, done.output
    told = "groundwork: product failure: broker: "
    blamed = [each for each in done.output.splitlines() if each.startswith(told)]
    assert len(blamed) == (code != ExitCode.OK), done.output
    for each in blamed:
        assert "that nothing explains: broker-1.log:" in each
        assert " ERROR " in each
