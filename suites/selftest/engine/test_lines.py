"""Counting lines: those of porters, keepers and jobs, which no pytest is in, are counted, too."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from fixtures.paths import ROOT
from suites.support.lines import CLUSTERS, omitted
from suites.support.pond import Pond

CONFIGURED = 'data_file = ".venv/coverage/data"'

# How many lines of each module of the engine a process has reached.
Lines = dict[str, int]

# A bit for each line, as coverage keeps them.
REACHED = "select path, numbits from line_bits join file on file.id = line_bits.file_id"


def lines_of(file: Path) -> Lines:
    """What one process has reached, by the module's path in the engine."""
    engine = ROOT / "groundwork"
    with contextlib.closing(sqlite3.connect(file)) as data:
        return {
            str(Path(path).relative_to(engine)): int.from_bytes(bits, "little").bit_count()
            for path, bits in data.execute(REACHED)
        }


@pytest.fixture
def counted(pond: Pond, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[Lines]]:
    """A kept environment and a job in it, counted as the project's configuration says."""
    data = pond.root / "counted" / "data"
    data.parent.mkdir()
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert CONFIGURED in text
    rules = pond.root / "counted.toml"
    rules.write_text(text.replace(CONFIGURED, f'data_file = "{data}"'))
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)  # where these tests are counted
    env = {"COVERAGE_PROCESS_START": str(rules)}
    out = pond.root / "job"
    words = ["resource=spring", "fault=pause", "seconds=1", "--seconds", "30", "--out", str(out)]
    for command in (["up"], ["job", "break", *words], ["down"]):
        done = pond.groundwork(*command, env=env)
        assert done.returncode == 0, done.output
    return lambda: [lines_of(file) for file in sorted(data.parent.iterdir())]


def test_what_no_pytest_is_in_is_counted(counted: Callable[[], list[Lines]]) -> None:
    """The porter, the keeper that it turns into, and a job that knows its client alone."""
    processes = counted()
    porters = [each for each in processes if each.get("keep/porter.py", 0) > 50]
    keepers = [each for each in processes if each.get("keep/keeper.py", 0) > 80]
    jobs = [
        each
        for each in processes
        if each.get("use/client.py") and not each.get("__main__.py") and not each.get("plugin.py")
    ]
    assert porters, processes
    assert keepers, processes
    assert jobs, processes


def test_only_what_a_cluster_reaches_is_left_out_and_says_why() -> None:
    """Each pattern is of something that is there, with a reason; with a cluster's run, none is."""
    for pattern, reason in CLUSTERS.items():
        assert list(ROOT.glob(pattern)), pattern
        assert reason
    assert omitted(clusters=False) == list(CLUSTERS)
    assert omitted(clusters=True) == []
