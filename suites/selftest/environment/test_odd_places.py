"""Odd places: whatever folders are called, servers start, and write where they are meant to."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from groundwork.artifacts import default_cache_dir
from groundwork.base import process
from groundwork.base.errors import ExitCode
from suites.support.copies import copy_project

# Several times what a start takes on a machine under load.
RUN_TIMEOUT_S = 180.0

# One file of each kind that is written for a server is read by it in these.
TESTS = "declared_version or every_rule or kept_as_long or comes_back or reaches_the_webhook"

# Each means something in properties, globs, class paths, options, URLs or shells.
ODD = ("Größe [x] %s $HOME #1,2=3;'\"", "a\\b{c}*?!&(d)~`|<e>", " leading and trailing ")


@pytest.fixture
def base() -> Iterator[Path]:
    """A folder in a short path, for the sockets below it."""
    made = Path(tempfile.mkdtemp(prefix="gw-odd-"))
    yield made
    shutil.rmtree(made)


@pytest.mark.parametrize("odd", ODD)
def test_servers_start_in_odd_places_and_leave_nothing_there(base: Path, odd: str) -> None:
    """The checkout, the state folder and the home are called oddly, and no locale is set.

    Afterwards there is nothing but what there was, anywhere beside them: no file went to a folder
    of almost the same name.
    """
    root, home = base / odd / "project", base / odd / "home"
    copy_project(root)
    home.mkdir()
    (base / "tmp").mkdir()
    before = {path for path in base.rglob("*") if root not in path.parents}
    env = {n: v for n, v in os.environ.items() if not n.startswith(("LC_", "LANG", "XDG_"))}
    env |= {
        "GROUNDWORK_CACHE_DIR": str(default_cache_dir()),
        "GROUNDWORK_OUT_DIR": str(root / "reports" / "out"),
        "GROUNDWORK_STATE_DIR": str(base / odd / "state"),
        "HOME": str(home),
        "TMPDIR": str(base / "tmp"),
    }
    words = ["pytest", "suites/smoke", "-q", "-p", "no:cacheprovider", "-k", TESTS]
    done = process.run(
        [sys.executable, "-m", *words], timeout_s=RUN_TIMEOUT_S, cwd=root, env=env, check=False
    )
    assert done.returncode == ExitCode.OK, done.output
    assert "7 passed" in done.output
    after = {path for path in base.rglob("*") if root not in path.parents}
    pytests = {path for path in after if any(p.startswith("pytest-of-") for p in path.parts)}
    state = base / odd / "state"
    remembered = {path for path in after if path.name.endswith(".run.json")}
    assert [path.parent for path in remembered] == [state / "history"]
    stay = {state, state / "envs", state / "ports.lock", state / "history"}  # for the next run
    stay |= remembered
    assert after - before - pytests - stay == set()
