"""The walls: a line that breaks one is refused by machine, whoever reviews it."""

from __future__ import annotations

import shutil
import sys
import tomllib
from pathlib import Path

import pytest

from fixtures.paths import ROOT
from groundwork.base import process
from suites.support.assertions import silent_tests

TIMEOUT_S = 60.0

PACKAGES = ("doctor", "groundwork", "fixtures", "chaos", "load", "reports", "suites")

LAYERS = "Each layer knows only those below it; chaos, load and reports don't know each other"
WINGS = "The engine's wings: each knows only those below it, and every module has its place"

# Where a line is planted, the line, and the contract that must refuse it.
VIOLATIONS = (
    (
        "doctor/files.py",
        "import groundwork.base.wait",
        "The doctor needs Python alone: it is asked where nothing is installed",
    ),
    ("fixtures/settings.py", "import reports.report", LAYERS),
    ("chaos/stray.py", "import load", LAYERS),
    ("groundwork/base/wire.py", "import fixtures.settings", LAYERS),
    ("groundwork/base/wire.py", "import groundwork.keep.claims", WINGS),
    ("groundwork/kube/guard.py", "import groundwork.containers.engine", WINGS),
    ("groundwork/use/client.py", "import groundwork.plugin", WINGS),
    ("groundwork/stray.py", "", WINGS),
    (
        "groundwork/checkers/rules.py",
        "import groundwork.base.process",
        "Checkers are pure: of the engine they know its errors alone",
    ),
    ("groundwork/base/errors.py", "import groundwork.base.wait", "No circles between neighbours"),
    ("groundwork/use/run.py", "import subprocess", "Only base.process runs programs"),
    (
        "fixtures/settings.py",
        "import kubernetes.client",
        "Only the wing kube talks to an API server",
    ),
    (
        "fixtures/settings.py",
        "import locust",
        "Only load knows Locust, which patches the process that imports it",
    ),
    ("groundwork/use/client.py", "import pytest", "Only the plugins and the suites know pytest"),
    (
        "chaos/stray.py",
        "import fixtures.plugin",
        "The keeper, chaos and load are other processes: no pytest, not even through others",
    ),
)


def tool(name: str, *args: str, cwd: Path) -> process.Completed:
    """A tool of the virtual environment, run in a folder."""
    program = Path(sys.executable).with_name(name)
    env = process.plain_environment({"COLUMNS": "500", "PYTHONDONTWRITEBYTECODE": "1"})
    return process.run([program, *args], timeout_s=TIMEOUT_S, cwd=cwd, env=env, check=False)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project's own code."""
    root = tmp_path_factory.mktemp("walls") / "project"
    for name in PACKAGES:
        ignored = shutil.ignore_patterns("__pycache__", "out")
        shutil.copytree(ROOT / name, root / name, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", root)
    return root


@pytest.fixture
def project(original: Path, tmp_path: Path) -> Path:
    """A copy to break."""
    return Path(shutil.copytree(original, tmp_path / "project"))


def test_every_contract_has_a_violation() -> None:
    """A contract that nothing can break proves nothing."""
    table = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    assert {each["name"] for each in table["contracts"]} == {name for *_, name in VIOLATIONS}


def test_the_walls_stand(project: Path) -> None:
    """The copy, as it is, breaks nothing: what is refused below is what was planted."""
    linted = tool("lint-imports", "--no-cache", cwd=project)
    assert linted.returncode == 0, linted.output


@pytest.mark.parametrize(
    ("file", "line", "contract"),
    VIOLATIONS,
    ids=[f"{line or 'a module without a place'} in {file}" for file, line, _ in VIOLATIONS],
)
def test_an_import_across_a_wall_is_refused(
    project: Path, file: str, line: str, contract: str
) -> None:
    """import-linter names the contract that it breaks."""
    with (project / file).open("a") as source:
        source.write(f"{line}\n")
    linted = tool("lint-imports", "--no-cache", cwd=project)
    assert linted.returncode == 1, linted.output
    assert f"{contract} BROKEN" in " ".join(linted.output.split())


@pytest.mark.parametrize(
    ("body", "silent"),
    [
        ("    print(1)", True),
        ("    look()", True),
        ("    assert look()", False),
        ("    check()", False),
        ("    with pytest.raises(ValueError): look()", False),
    ],
)
def test_a_test_that_asserts_nothing_is_refused(tmp_path: Path, body: str, *, silent: bool) -> None:
    """By name and line; what a function that it calls asserts counts."""
    file = tmp_path / "test_x.py"
    helpers = "def look():\n    return 1\n\ndef check():\n    assert look()\n\n"
    file.write_text(f"{helpers}def test_something():\n{body}\n")
    found = [f"{file}:7: test_something asserts nothing"] if silent else []
    assert silent_tests([file]) == found


@pytest.mark.parametrize("line", ["import subprocess", "import time\n\ntime.sleep(1)"])
def test_waiting_and_running_by_oneself_is_refused(project: Path, line: str) -> None:
    """There is one way of each."""
    (project / "chaos" / "stray.py").write_text(f'"""Stray."""\n\n{line}\n')
    linted = tool("ruff", "check", "--select", "TID251", ".", cwd=project)
    assert linted.returncode == 1, linted.output
    assert "stray.py" in linted.output
    assert "TID251" in linted.output
