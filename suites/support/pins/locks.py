"""`python -m suites.support.pins.locks [--upgrade]`: the locks that uv doesn't compile.

Go modules, Maven's coordinates, npm's packages, and vendors' images of programs that are pinned
elsewhere, too. With --upgrade the newest is taken of whatever has no reason to stay beside it; a Go
module that can't be resolved or doesn't compile then stays as it is, and that is said.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from fixtures import ENVIRONMENT
from fixtures.paths import KUBERNETES, ROOT, TOOLS
from groundwork.artifacts import Cache, NotThisWayError, Workshop
from groundwork.artifacts.gobuild import find_go
from groundwork.artifacts.maven import Coordinate, newest, wanted_in, write_lock
from groundwork.artifacts.npm import QUIET, find_npm, run_npm
from groundwork.base.process import ProcessFailedError
from groundwork.use.command import perform, say
from suites.support.pins.images import followed
from suites.support.pins.modules import Module, NotLockedError
from suites.support.pins.pin import is_newer, reason_in

__all__ = ["follow", "follow_in", "raised"]


def raised(text: str, newest_of: dict[str, str]) -> str:
    """The text of a file of Maven's coordinates with the newest of each that has no reason to stay.

    Of one group and version, such as Kafka's jars, all go as far as the last of them is listed.
    """
    lines = text.splitlines()
    asked = {number: c for number, line in enumerate(lines) if (c := coordinate_in(line))}
    for number, each in asked.items():
        family = [
            newest_of[f"{other.group}:{other.artifact}"]
            for other in asked.values()
            if (other.group, other.version) == (each.group, each.version)
        ]
        least = family[0]
        for version in family:
            least = version if is_newer(least, version) else least
        if not reason_in(lines[number]) and is_newer(least, each.version):
            lines[number] = lines[number].replace(f":{each.version}", f":{least}", 1)
    return "".join(f"{line}\n" for line in lines)


def coordinate_in(line: str) -> Coordinate | None:
    """The coordinate in a line; None in a comment."""
    text = line.partition("#")[0].strip()
    return Coordinate.parse(text) if text else None


def lock_maven(file: Path, *, upgrade: bool) -> str:
    """Compile the lock of a file of coordinates, after raising these."""
    if upgrade:
        known = {f"{each.group}:{each.artifact}": newest(each) for each in wanted_in(file)}
        file.write_text(raised(file.read_text(), known))
    return f"{write_lock(file)} files"


def lock_npm(folder: Path, workshop: Workshop, *, upgrade: bool) -> str:
    """Have npm write its lock, without an address."""
    npm = find_npm(TOOLS / "node", workshop)
    verb = "update" if upgrade else "install"
    with tempfile.TemporaryDirectory(prefix="gw-locks-") as work:
        inner = Path(work) / "work"
        inner.mkdir()
        for file in ("package.json", "package-lock.json"):
            if (folder / file).exists():
                (inner / file).write_text((folder / file).read_text())
        words = (verb, "--package-lock-only", "--omit-lockfile-registry-resolved", *QUIET)
        run_npm(npm, words, inner, workshop)
        (folder / "package-lock.json").write_text((inner / "package-lock.json").read_text())
    return "locked"


def follow_in(text: str, tags: dict[str, str]) -> str:
    """A manifest with the tags of images that are pinned elsewhere, too."""
    for name, tag in tags.items():
        text = re.sub(rf"(\bimage: {re.escape(name)}):[\w.-]+", rf"\g<1>:{tag}", text)
    return text


def follow(root: Path) -> Iterator[str]:
    """Have vendors' images be of the versions that are built here; the files that were changed."""
    tags = followed()
    for file in sorted(root.rglob("*.yaml")):
        before = file.read_text()
        after = follow_in(before, tags)
        if after != before:
            file.write_text(after)
            yield str(file.relative_to(ROOT))


def main() -> int:
    """Lock all of it."""
    parser = argparse.ArgumentParser(
        prog="python -m suites.support.pins.locks", description=__doc__
    )
    parser.add_argument("--upgrade", action="store_true", help="take the newest")
    upgrade = parser.parse_args().upgrade
    workshop = Workshop(Cache.open(ENVIRONMENT.settings.load({}, ROOT).cache_dir))
    try:
        for file in sorted((TOOLS / "maven").glob("*.in")):
            say(f"{file.relative_to(ROOT)}: {lock_maven(file, upgrade=upgrade)}")
        for file in sorted(TOOLS.glob("*/package.json")):
            done = lock_npm(file.parent, workshop, upgrade=upgrade)
            say(f"{file.relative_to(ROOT)}: {done}")
        go = find_go(TOOLS / "go", workshop)
        for file in sorted(TOOLS.glob("*/go.sum")):
            done = Module(file.parent, go, workshop).lock(upgrade=upgrade)
            say(f"{file.with_name('go.mod').relative_to(ROOT)}: {done or 'as it was'}")
    except (NotThisWayError, ProcessFailedError) as error:
        raise NotLockedError(str(error)) from error
    for changed in follow(KUBERNETES):
        say(f"{changed}: the image follows")
    return 0


if __name__ == "__main__":
    sys.exit(perform(main))
