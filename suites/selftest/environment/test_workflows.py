"""The workflows: a laptop can do what they do, every suite is in the nightly, and none can hang."""

from __future__ import annotations

import itertools
import os
import re
import shlex
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from fixtures.paths import ROOT
from groundwork.base import process

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
NAMES = {"ci", "thorough", "nightly", "security", "images", "dependencies"}

# Make reads its file and asks a shell for Python.
MAKE_TIMEOUT_S = 60.0

# Says where the history is on a runner of Linux, wherever this runs.
WHERE = """
import sys
own, sys.platform = sys.platform, "linux"
import platformdirs
sys.platform = own
from fixtures import ENVIRONMENT
from reports.history import history_of
print(history_of(ENVIRONMENT.settings.from_json("{}")).folder)
"""

PINNED = re.compile(r"uses: [\w-]+(?:/[\w-]+){1,2}@[0-9a-f]{40} # v\d+\.\d+\.\d+$")
EXPRESSION = re.compile(r"\$\{\{ matrix\.(\w+)(?: \|\| '(\w+)')? \}\}")


def workflow(name: str) -> dict[Any, Any]:
    """One of them; YAML takes its key `on` for true."""
    text = (ROOT / ".github" / "workflows" / f"{name}.yml").read_text(encoding="utf-8")
    return dict(yaml.safe_load(text))


def filled(text: str, cell: Mapping[str, str]) -> str:
    """A text with the values of one cell of a matrix in it."""
    return EXPRESSION.sub(lambda found: str(cell.get(found[1], found[2] or "")), text)


def commands(name: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Each command of a workflow, with the variables that it is given."""
    for job in workflow(name)["jobs"].values():
        cells = job.get("strategy", {}).get("matrix", {}).get("include", [{}])
        for cell, step in itertools.product(cells, job["steps"]):
            if "run" in step:
                given = {**job.get("env", {}), **step.get("env", {})}
                yield (
                    filled(step["run"], cell),
                    {key: filled(str(value), cell) for key, value in given.items()},
                )


def recipe(command: str, variables: Mapping[str, str]) -> str:
    """What make would do; it only says so.

    An expression of GitHub's stays what it is: make would take its dollar for a variable.
    """
    words = shlex.split(command)
    assert words[0] == "make", command
    given = {key: value for key, value in variables.items() if "${{" not in value}
    env = process.plain_environment(given)
    told = process.run(["make", "-n", *words[1:]], timeout_s=MAKE_TIMEOUT_S, cwd=ROOT, env=env)
    return told.output


EVERY = sorted(
    {(name, command, tuple(env.items())) for name in NAMES for command, env in commands(name)}
)


def test_all_of_them_are_known() -> None:
    """No file is left out of these tests, and none is missing."""
    assert {path.stem for path in WORKFLOWS} == NAMES


@pytest.mark.parametrize(("name", "command", "env"), EVERY)
def test_what_a_workflow_runs_is_a_target(
    name: str, command: str, env: tuple[tuple[str, str], ...]
) -> None:
    """Of the Makefile, so that a laptop can do the same; make refuses a target that isn't there."""
    assert recipe(command, dict(env)), name


def suites_of(text: str) -> set[str]:
    """The suites that a recipe calls pytest with."""
    found: set[str] = set()
    for line in text.splitlines():
        if "-m pytest" in line:
            found.update(re.findall(r"suites/(\w+)", line))
    return found


def test_every_suite_is_in_the_nightly() -> None:
    """A folder that is forgotten here is tried by nobody."""
    folders = {
        path.parent.relative_to(ROOT / "suites") for path in (ROOT / "suites").rglob("test_*.py")
    }
    suites = {folder.parts[0] for folder in folders}
    ran: set[str] = set()
    for command, env in commands("nightly"):
        ran |= suites_of(recipe(command, env))
    assert ran == suites


def test_the_nightly_of_a_laptop_is_the_same() -> None:
    """`make nightly` calls what the workflow's jobs do."""
    ran: set[str] = set()
    for command, env in commands("nightly"):
        ran |= suites_of(recipe(command, env))
    assert suites_of(recipe("make nightly", {})) == ran


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_nothing_is_allowed_that_isnt_said(path: Path) -> None:
    """No permission unless a job asks; an end, with the reason for it; actions by commit."""
    text = path.read_text(encoding="utf-8")
    told = workflow(path.stem)
    assert told["permissions"] == {}
    for name, job in told["jobs"].items():
        assert "permissions" in job, name
        assert job["timeout-minutes"] > 0, name
    assert len(re.findall(r"timeout-minutes: \d+ # \w", text)) == len(told["jobs"])
    uses = [line.strip().removeprefix("- ") for line in text.splitlines() if "uses:" in line]
    assert [line for line in uses if not PINNED.match(line)] == []


def test_a_night_remembers_one_thing_and_a_bad_one_too() -> None:
    """The history of runs, where they look for it: restored before a job's run, saved after it."""
    jobs = workflow("nightly")["jobs"]
    steps = [step for job in jobs.values() for step in job["steps"]]
    cached = [step for step in steps if "cache" in step.get("uses", "").partition("@")[0]]
    programs, restored, saved = cached
    assert programs["with"]["key"].startswith("programs-")
    assert restored["uses"].startswith("actions/cache/restore@")
    assert saved["uses"].startswith("actions/cache/save@")
    assert saved["if"] == "always()"
    assert restored["with"]["key"] == saved["with"]["key"]
    assert saved["with"]["key"].startswith(restored["with"]["restore-keys"])
    assert restored["with"]["path"] == saved["with"]["path"]
    at = steps.index
    runs = at(next(step for step in steps if step.get("run") == "make ${{ matrix.target }}"))
    assert at(restored) < runs < at(saved)
    home = {key: value for key, value in os.environ.items() if not key.startswith("XDG_")}
    told = process.run(
        [sys.executable, "-c", WHERE],
        timeout_s=MAKE_TIMEOUT_S,
        cwd=ROOT,
        env={**home, "HOME": "/home/runner", "GROUNDWORK_STATE_DIR": ""},
    )
    assert saved["with"]["path"].replace("~", "/home/runner") == told.output.strip()


def test_each_runs_when_the_documentation_says() -> None:
    """On every change, on what is merged, at night; of YAML the key `on` is true."""
    both = {"branches": ["main", "develop"]}
    changes = {"push": both, "pull_request": both}
    merged = {"push": {"branches": ["main"]}, "workflow_dispatch": None}
    assert {name: workflow(name)[True] for name in NAMES} == {
        "ci": changes,
        "thorough": merged,
        "nightly": {"schedule": [{"cron": "0 2 * * *"}], "workflow_dispatch": None},
        "security": changes | {"schedule": [{"cron": "0 5 * * *"}]},
        "images": merged,
        "dependencies": {"schedule": [{"cron": "0 0 * * 1"}], "workflow_dispatch": None},
    }


def test_only_what_publishes_may_write() -> None:
    """Each job that may write, and what; all others read the repository, and no more."""
    rights = {
        f"{name} {job}": told["permissions"]
        for name in NAMES
        for job, told in workflow(name)["jobs"].items()
    }
    assert {job: own for job, own in rights.items() if own != {"contents": "read"}} == {
        "dependencies propose": {"contents": "write", "pull-requests": "write"},
        "images push": {"contents": "read", "packages": "write"},
        "nightly publish": {"contents": "read", "pages": "write", "id-token": "write"},
    }


def test_vendors_images_are_run_where_a_registry_is_in_reach() -> None:
    """On every cluster that CI makes: packages' images are what everybody else has to do with."""
    for name in ("thorough", "nightly"):
        clusters = [
            (command, env["ARGS"])
            for command, env in commands(name)
            if "--env kind" in recipe(command, env) and "pytest" in recipe(command, env)
        ]
        assert clusters, name
        assert [each for each in clusters if "--images vendor" not in each[1]] == []


def test_what_is_required_needs_every_other_job() -> None:
    """The one check that a branch's protection names can't be green without the others."""
    jobs = workflow("ci")["jobs"]
    assert set(jobs["required"]["needs"]) == jobs.keys() - {"required"}
    assert jobs["required"]["if"] == "always()"


@pytest.mark.parametrize(
    ("results", "code"),
    [("success success", 0), ("success failure", 2), ("success skipped", 2), ("", 2)],
)
def test_only_success_is_success(results: str, code: int) -> None:
    """A job that was left out, too, holds a change back."""
    env = process.plain_environment({"RESULTS": results})
    words = ["make", "succeeded"]
    done = process.run(words, timeout_s=MAKE_TIMEOUT_S, cwd=ROOT, env=env, check=False)
    assert done.returncode == code
