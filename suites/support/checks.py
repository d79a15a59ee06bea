"""`python -m suites.support.checks`: what four linters find in what isn't Python; offline.

Workflows (actionlint, zizmor), Dockerfiles (hadolint) and secrets (detect-secrets). Each tells its
findings as JSON, which this reads; comments that tell a tool to look away are not heard, so that
``tools/ignores.yaml`` has all that is left.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fixtures import ENVIRONMENT
from fixtures.paths import ROOT, TOOLS
from fixtures.resources.hello_world import TEMPLATE, render_template
from groundwork.artifacts import Cache, GoBuild, Workshop
from groundwork.base import process
from groundwork.base.errors import GroundworkError
from groundwork.use.command import perform, say
from suites.support.copies import LEFT_OUT
from suites.support.ignores import IGNORES, Finding, left, load_ignores

__all__ = ["CHECKS", "CheckFailedError", "check", "tracked"]

ACTIONLINT = GoBuild("actionlint", TOOLS / "actionlint", source="github.com/rhysd/actionlint")

BASELINE = ROOT / ".secrets.baseline"
HADOLINT = TOOLS / "hadolint.yaml"

# The slowest, detect-secrets, takes seconds for all files.
TIMEOUT_S = 120.0

# The folder that the environment's programs are in.
PROGRAMS = Path(sys.executable).parent


class CheckFailedError(GroundworkError):
    """A linter couldn't look; says what it said."""


def tracked(root: Path) -> tuple[str, ...]:
    """The files of a folder that git knows: those that can be published.

    Of a tree without git, such as an archive, all that isn't an output.

    Raises:
        CheckFailedError: Git can't list them; without a list nothing would be looked at.
    """
    if not (root / ".git").exists():
        return tuple(sorted(exported(root)))
    # A checkout may belong to another user than who looks at it, in a container of CI.
    words = ["git", "-c", f"safe.directory={root}", "ls-files", "-z"]
    try:
        listed = process.run(words, timeout_s=TIMEOUT_S, cwd=root).output
    except process.ProcessFailedError as error:
        raise CheckFailedError(f"{root}: git lists no files, so there is nothing to see") from error
    return tuple(name for name in listed.split("\0") if name and (root / name).is_file())


def exported(root: Path) -> Iterator[str]:
    """The files of a tree that isn't under git, but for what is made in it."""
    for folder, folders, files in os.walk(root):
        outputs = LEFT_OUT(folder, [*folders, *files])
        folders[:] = [name for name in folders if name not in outputs]
        for name in files:
            path = Path(folder) / name
            if name not in outputs and path.is_file():
                yield str(path.relative_to(root))


def asked(words: Sequence[str | Path], root: Path, empty: str = "[]") -> Any:
    """What a linter finds, as it tells it; its exit code says only whether there is anything.

    Raises:
        CheckFailedError: It tells no JSON.
    """
    said = process.run(words, timeout_s=TIMEOUT_S, cwd=root, check=False)
    text = said.output.strip() or ("" if said.returncode else empty)
    try:
        return json.loads(text)
    except ValueError as error:
        name = Path(words[0]).name
        raise CheckFailedError(f"{name} (exit code {said.returncode}): {text[-500:]}") from error


def workflows(root: Path) -> list[str]:
    """The workflows of a repository."""
    folder = root / ".github" / "workflows"
    return [str(path.relative_to(root)) for path in sorted(folder.glob("*.y*ml"))]


def actionlint(root: Path) -> list[Finding]:
    """Workflows that don't do what they say: syntax, types of expressions, needs, events."""
    cache_dir = ENVIRONMENT.settings.load({}, ROOT).cache_dir
    program = ACTIONLINT.resolve(Workshop(Cache.open(cache_dir))).program("actionlint")
    # Other linters are called where they happen to be installed: then machines would differ.
    words: list[str | Path] = [
        program,
        "-shellcheck=",
        "-pyflakes=",
        "-format",
        "{{json .}}",
        *workflows(root),
    ]
    return [
        Finding("actionlint", each["kind"], each["filepath"], each["line"], each["message"])
        for each in asked(words, root)
    ]


def zizmor(root: Path) -> list[Finding]:
    """Workflows that hand out more than they need, or run what a stranger has written."""
    words: list[str | Path] = [
        PROGRAMS / "zizmor",
        "--offline",
        "--quiet",
        "--no-ignores",
        "--no-config",
    ]
    words += ["--no-exit-codes", "--format", "json"]
    return [zizmors(each, root) for each in asked([*words, *workflows(root)], root)]


def zizmors(found: Mapping[str, Any], root: Path) -> Finding:
    """A finding in zizmor's words."""
    where = found["locations"][0]
    place = where["symbolic"]["key"]["Local"]
    file = (root / place.get("verbatim_path", place.get("given_path"))).relative_to(root)
    line = where["concrete"]["location"]["start_point"]["row"] + 1
    return Finding("zizmor", found["ident"], str(file), line, found["desc"])


def hadolint(root: Path) -> list[Finding]:
    """Dockerfiles whose images are larger, older or less certain than they need be.

    That of the service template is looked at as it is rendered.
    """
    own = [name for name in tracked(root) if Path(name).name == "Dockerfile" and "{{" not in name]
    with tempfile.TemporaryDirectory(prefix="gw-checks-") as work:
        if (root / TEMPLATE.relative_to(ROOT)).is_dir():
            render_template(root / TEMPLATE.relative_to(ROOT), Path(work))
        rendered = sorted(str(path) for path in Path(work).rglob("Dockerfile"))
        if not own and not rendered:
            return []
        words: list[str | Path] = [
            PROGRAMS / "hadolint",
            "--disable-ignore-pragma",
            "--config",
            HADOLINT,
        ]
        found = asked([*words, "-f", "json", *own, *rendered], root)
    return [
        Finding(
            "hadolint",
            each["code"],
            each["file"].replace(work, str(TEMPLATE.relative_to(ROOT))),
            each["line"],
            each["message"],
        )
        for each in found
    ]


def detect_secrets(root: Path) -> list[Finding]:
    """What looks like a secret in a file that git knows; nobody is asked whether it is one."""
    words: list[str | Path] = [
        PROGRAMS / "detect-secrets-hook",
        "--baseline",
        BASELINE,
        "--no-verify",
        "--json",
    ]
    found = asked([*words, *tracked(root)], root, empty="{}")
    return [
        Finding("detect-secrets", each["type"], file, each["line_number"], "looks like a secret")
        for file, listed in found.get("results", {}).items()
        for each in listed
    ]


CHECKS: Mapping[str, Callable[[Path], list[Finding]]] = {
    "actionlint": actionlint,
    "zizmor": zizmor,
    "hadolint": hadolint,
    "detect-secrets": detect_secrets,
}


def check(root: Path) -> list[Finding]:
    """What all of them find in a repository and no ignore covers.

    Raises:
        UsageError: An ignore isn't one.
        CheckFailedError: One of them can't look.
    """
    ignores = load_ignores(IGNORES, datetime.now(UTC).date())
    found = [each for look in CHECKS.values() for each in look(root)]
    return left(found, ignores, CHECKS)


def main() -> int:
    """Look at this repository; 1 where something is found."""
    found = check(ROOT)
    for each in found:
        say(str(each))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(perform(main))
