"""The linters of what isn't Python: each finds what is seeded, and an ignore is for a while."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from fixtures.paths import ROOT
from groundwork.base import process
from groundwork.base.errors import UsageError
from suites.support.checks import CHECKS, CheckFailedError
from suites.support.ignores import IGNORES, Finding, left, load_ignores

TODAY = date(2026, 3, 1)
GIT_TIMEOUT_S = 30.0

# A pull request's title is run as a command: whoever opens one runs what they like.
INJECTED = """
on: pull_request_target
permissions: {}
jobs:
  greet:
    runs-on: ubuntu-24.04
    steps:
      - run: echo ${{ github.event.pull_request.title }}
"""

NO_SUCH_NEED = """
on: push
permissions: {}
jobs:
  late:
    needs: [early]
    runs-on: ubuntu-24.04
    steps:
      - run: make test
"""

WORKFLOW = ".github/workflows/seeded.yml"

# Made here: written out, it would be found in this very file.
KEY = "AKIA" + base64.b32encode(bytes(range(40, 50))).decode()

# By tool: a file with something wrong, its text, and what is found in it. A comment that tells the
# tool to look away stands in each that knows one.
SEEDED = {
    "actionlint": (WORKFLOW, NO_SUCH_NEED, "job-needs"),
    "zizmor": (
        WORKFLOW,
        INJECTED.replace("title }}", "title }} # zizmor: ignore[template-injection]"),
        "template-injection",
    ),
    "hadolint": (
        "Dockerfile",
        "# hadolint ignore=DL3007\nFROM python:latest\nUSER 1\n",
        "DL3007",
    ),
    "detect-secrets": (
        "settings.py",
        f'KEY = "{KEY}"  # pragma: allowlist secret\n',
        "AWS Access Key",
    ),
}


@pytest.fixture
def plant(tmp_path: Path) -> Callable[[str, str], Path]:
    """Make a repository of one file."""

    def make(name: str, text: str) -> Path:
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        for words in (["git", "init", "--quiet"], ["git", "add", "."]):
            process.run(words, timeout_s=GIT_TIMEOUT_S, cwd=tmp_path)
        return tmp_path

    return make


@pytest.mark.parametrize("tool", CHECKS)
def test_what_is_seeded_is_found(tool: str, plant: Callable[[str, str], Path]) -> None:
    """By rule, file and line, also where a comment says that it be ignored."""
    name, text, rule = SEEDED[tool]
    found = CHECKS[tool](plant(name, text))
    mine = [each for each in found if each.rule == rule]
    assert [each.file for each in mine] == [name], found
    assert mine[0].line > 0


@pytest.mark.parametrize("tool", CHECKS)
def test_nothing_is_found_where_nothing_is_wrong(
    tool: str, plant: Callable[[str, str], Path]
) -> None:
    """The same files, mended."""
    mended = {
        "actionlint": (WORKFLOW, NO_SUCH_NEED.replace("needs: [early]", "timeout-minutes: 5")),
        "zizmor": (WORKFLOW, "on: push\npermissions: {}\njobs: {}\n"),
        "hadolint": ("Dockerfile", "FROM python:3.13.1-slim-bookworm\nUSER 1\n"),
        "detect-secrets": ("settings.py", 'KEY = ""\n'),
    }
    assert CHECKS[tool](plant(*mended[tool])) == []


def test_an_archive_is_looked_at_too(tmp_path: Path) -> None:
    """Git lists nothing there, which isn't the same as there being nothing; outputs aren't ours."""
    for name in ("settings.py", "deep/er/settings.py", ".venv/lib.py", "reports/out/run.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f'KEY = "{KEY}"\n')
    found = CHECKS["detect-secrets"](tmp_path)
    assert {each.file for each in found} == {"settings.py", "deep/er/settings.py"}


def test_a_broken_repository_is_refused(tmp_path: Path) -> None:
    """No list of files would be no finding."""
    (tmp_path / "settings.py").write_text(f'KEY = "{KEY}"\n')
    (tmp_path / ".git").mkdir()
    with pytest.raises(CheckFailedError, match="git lists no files"):
        CHECKS["detect-secrets"](tmp_path)


def entry(**changes: object) -> dict[str, object]:
    """An ignore as the file has it, until tomorrow."""
    written = {
        "tool": "hadolint",
        "rule": "DL3007",
        "file": "Dockerfile",
        "reason": "no release yet",
        "until": TODAY + timedelta(days=1),
    }
    return written | changes


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ([entry(until=TODAY - timedelta(days=1))], "until 2026-02-28, which is over"),
        ([entry(until=TODAY + timedelta(days=91))], "at most 90 days ahead"),
        ([entry(until="soon")], "should be a day"),
        ([entry(reason="")], "needs each of"),
        ([{"tool": "hadolint"}], "needs each of"),
        ([entry()] * 6, "6 ignores; at most 5"),
    ],
)
def test_an_ignore_that_isnt_one_is_refused(
    entries: list[dict[str, object]], said: str, tmp_path: Path
) -> None:
    """Outdated, endless, without a reason, or one too many."""
    file = tmp_path / "ignores.yaml"
    file.write_text(yaml.safe_dump(entries))
    with pytest.raises(UsageError, match=said):
        load_ignores(file, TODAY)


def test_an_ignore_covers_its_finding_alone(tmp_path: Path) -> None:
    """Of this tool, rule and file; and it must be of something."""
    file = tmp_path / "ignores.yaml"
    file.write_text(yaml.safe_dump([entry()]))
    ignores = load_ignores(file, TODAY)
    covered = Finding("hadolint", "DL3007", "Dockerfile", 2, "latest")
    other = Finding("hadolint", "DL3007", "other/Dockerfile", 2, "latest")
    assert left([covered, other], ignores, CHECKS) == [other]
    with pytest.raises(UsageError, match="drop its ignore"):
        left([other], ignores, CHECKS)
    assert left([other], ignores, ["zizmor"]) == [other]  # hadolint wasn't run


def test_the_ignores_of_this_repository_are_in_order() -> None:
    """No more than five over all tools, none of them over."""
    assert len(load_ignores(IGNORES, datetime.now(UTC).date())) <= 5
    others = (".hadolint.yaml", ".trivyignore", ".github/zizmor.yml", ".github/actionlint.yaml")
    assert [name for name in others if (ROOT / name).exists()] == []
