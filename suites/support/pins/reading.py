"""Which pins there are: what each kind of file holds of them."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

import yaml

from groundwork.artifacts.maven import wanted_in
from suites.support.checks import tracked
from suites.support.pins.gomod import GoMod
from suites.support.pins.pin import Pin, reason_in

__all__ = ["COVERED_BY", "READERS", "pins_of", "reader_of"]

LOCKED = re.compile(
    r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;\\]+)(?: ; (?P<where>[^\\]*?))?(?: \\)?$"
)
OLD = re.compile(r"python_full_version < '(?P<python>[\d.]+)'")
NEEDED_BY = re.compile(r"^    #\s+(?:via )?(?P<name>[A-Za-z0-9._-]+)(?: \(.*\))?$")
NAMED = re.compile(r'^[\s"]*(?:requires = \[")?(?P<name>[A-Za-z0-9._-]+)[^#]*#.*\bstays: ')
USED = re.compile(r"^\s*-? *uses: (?P<name>[\w./-]+)@[0-9a-f]{40} # (?P<version>v\S+)")
IMAGE = re.compile(
    r"^\s*-? *(?:image:|ARG BASE_IMAGE=|FROM) *(?P<name>[\w./-]+):(?P<version>[\w.-]+)"
)
OURS = "localhost/"  # an image that is built here, of what is pinned elsewhere

Reader = Callable[[Path, str], Iterator[Pin]]


def of_python(root: Path, file: str) -> Iterator[Pin]:
    """The packages of a lock; reasons stand in what it is compiled of."""
    reasons = reasons_beside(root, file)
    begun: list[tuple[re.Match[str], list[str]]] = []
    for line in (root / file).read_text(encoding="utf-8").splitlines():
        locked, needing = LOCKED.match(line), NEEDED_BY.match(line)
        if locked:
            begun.append((locked, []))
        elif needing and needing["name"] not in {"via", "groundwork"}:
            begun[-1][1].append(needing["name"])
    versions = Counter(locked["name"] for locked, _ in begun)
    for locked, needed_by in begun:
        old = OLD.search(locked["where"] or "") if versions[locked["name"]] > 1 else None
        reason = f"of Python before {old['python']}" if old else ""
        name = locked["name"]
        yield Pin(
            "PyPI", name, locked["version"], file, reasons.get(name, reason), tuple(needed_by)
        )


def reasons_beside(root: Path, lock: str) -> dict[str, str]:
    """Why packages of a lock stay, by name: what its input says."""
    source = root / PurePosixPath(lock).with_suffix(".in")
    file = source if source.exists() else root / "pyproject.toml"
    lines = file.read_text(encoding="utf-8").splitlines()
    return {found["name"]: reason_in(line) for line in lines if (found := NAMED.match(line))}


def of_go(root: Path, file: str) -> Iterator[Pin]:
    """The modules that a go.mod names of its own will."""
    for each in GoMod((root / file).read_text(encoding="utf-8")).named:
        yield Pin("Go", each.name, f"v{each.version}", file, each.stays)


def of_maven(root: Path, file: str) -> Iterator[Pin]:
    """The coordinates that are asked for."""
    lines = (root / file).read_text(encoding="utf-8").splitlines()
    for each in wanted_in(root / file):
        (line,) = (line for line in lines if line.partition("#")[0].strip() == str(each))
        yield Pin("Maven", f"{each.group}:{each.artifact}", each.version, file, reason_in(line))


def of_npm(root: Path, file: str) -> Iterator[Pin]:
    """The packages of npm's lock."""
    for place, each in json.loads((root / file).read_text(encoding="utf-8"))["packages"].items():
        if place:  # the lock's own project has none
            yield Pin("npm", place.rpartition("node_modules/")[2], each["version"], file)


def of_lines(pattern: re.Pattern[str], kind: str) -> Reader:
    """What lines of a file pin, each once."""

    def read(root: Path, file: str) -> Iterator[Pin]:
        lines = (root / file).read_text(encoding="utf-8").splitlines()
        found = [(pattern.match(line), reason_in(line)) for line in lines]
        pins = [
            Pin(kind, match["name"], match["version"], file, reason)
            for match, reason in found
            if match and not match["name"].startswith(OURS)
        ]
        yield from dict.fromkeys(pins)

    return read


def of_charts(root: Path, file: str) -> Iterator[Pin]:
    """The charts that are installed by Helm."""
    text = (root / file).read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.strip().startswith("version:")]
    for each, line in zip(yaml.safe_load(text)["charts"], lines, strict=True):
        yield Pin("charts", each["name"], str(each["version"]), file, reason_in(line))


def of_build(root: Path, file: str) -> Iterator[Pin]:
    """What the project itself is built with; the rest of the file is ranges."""
    for line in (root / file).read_text(encoding="utf-8").splitlines():
        found = re.match(r'^requires = \["(?P<name>[\w-]+)==(?P<version>[\w.]+)"\]', line)
        if found:
            yield Pin("PyPI", found["name"], found["version"], file, reason_in(line))


READERS: tuple[tuple[str, Reader], ...] = (
    ("tools/maven/*.in", of_maven),
    ("*/go.mod", of_go),
    ("*/package-lock.json", of_npm),
    (".github/workflows/*.yml", of_lines(USED, "actions")),
    ("manifests/helm/charts.yaml", of_charts),
    ("manifests/*.yaml", of_lines(IMAGE, "images")),
    ("*/Dockerfile", of_lines(IMAGE, "images")),
    ("pyproject.toml", of_build),
    ("*requirements*.lock", of_python),
    ("tools/python/*.lock", of_python),
)

# Files with pins that need no reader, for whoever is named has them: patterns, with the reason.
COVERED_BY: dict[str, str] = {
    "tools/maven/*.lock": "compiled from the .in beside it, which names what we ask for",
    "*/go.sum": "the sums of go.mod's",
    "tools/*/requirements.in": "compiled into the lock beside it",
    "tools/python/load.in": "compiled into the lock beside it",
    "*/package.json": "npm's lock beside it has the versions",
}


def reader_of(file: str) -> Reader | None:
    """Who reads the pins of a file; the first whose pattern fits."""
    return next((reader for pattern, reader in READERS if fnmatchcase(file, pattern)), None)


def pins_of(root: Path) -> tuple[Pin, ...]:
    """All pins of a repository, file by file."""
    found = ((file, reader_of(file)) for file in tracked(root))
    return tuple(pin for file, reader in found if reader for pin in reader(root, file))
