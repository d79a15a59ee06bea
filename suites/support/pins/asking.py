"""What is newer: each kind of pin is asked for where it comes from, by its own client.

Nobody's answer is guessed: where a registry can't be asked, one line says so.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from packaging.version import InvalidVersion, Version

from fixtures.paths import TOOLS
from groundwork.artifacts import NotThisWayError, Workshop
from groundwork.artifacts.gobuild import find_go
from groundwork.artifacts.maven import Coordinate, newest
from groundwork.artifacts.npm import find_npm, run_npm
from groundwork.base import process
from groundwork.base.errors import ArtifactError, GroundworkError
from groundwork.base.process import ProcessFailedError
from suites.support.pins.pin import Pin

__all__ = ["ASKED", "Answers", "NotAskedError", "ask_all", "tags_in"]

# Two hundred packages take five seconds, a module whose list is cold two.
TIMEOUT_S = 300.0

# A server of Git's answers in a second, or isn't in reach.
GIT_TIMEOUT_S = 20.0

# Questions to one server: more of them at once only queue there.
AT_ONCE = 8

ACTIONS = "https://github.com/"
DOTS = 2  # of three numbers

Newest = Mapping[str, str]


class NotAskedError(GroundworkError):
    """Nobody could be asked about a kind of pins; says why."""


@dataclass(frozen=True)
class Answers:
    """What was said.

    Attributes:
        newest: The newest version, by kind and name; what nobody knows isn't there.
        unasked: Why a kind could not be asked for.
    """

    newest: Mapping[tuple[str, str], str]
    unasked: Mapping[str, str]


def ask_pypi(names: Sequence[str], workshop: Workshop) -> Newest:
    """The newest of each package that runs on our Python, whoever holds it back."""
    del workshop
    with tempfile.TemporaryDirectory(prefix="gw-pins-") as work:
        wanted = Path(work) / "names.in"
        wanted.write_text("".join(f"{name}\n" for name in names))
        # As when locks are compiled: packages of other systems are there, too.
        words = ["uv", "pip", "compile", "--no-deps", "--universal", "--python-version", "3.11"]
        words += ["--no-header", "--no-annotate", "--quiet", "--no-config", "names.in"]
        told = process.run(words, timeout_s=TIMEOUT_S, cwd=Path(work), env=with_ours()).output
    found = [line.partition(";")[0].partition("==") for line in told.splitlines()]
    listed: dict[str, str] = {}
    for name, equal, version in found:
        if equal and (name not in listed or Version(version) > Version(listed[name])):
            listed[name] = version.strip()
    return listed


def with_ours() -> dict[str, str]:
    """This environment's programs come first."""
    return os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}"}


def ask_go(names: Sequence[str], workshop: Workshop) -> Newest:
    """The latest of each module; of another major version the module is another one."""
    go = find_go(TOOLS / "go", workshop)
    env = os.environ | {"GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "local", "GOWORK": "off"}
    with tempfile.TemporaryDirectory(prefix="gw-pins-") as work:
        words: list[str | Path] = [
            go,
            "list",
            "-m",
            "-e",
            "-json",
            *(f"{name}@latest" for name in names),
        ]
        told = process.run(words, timeout_s=TIMEOUT_S, cwd=Path(work), env=env).output
    found = {each["Path"]: each["Version"] for each in documents(told) if "Error" not in each}
    if not found:
        raise NotAskedError(f"Go: no module's versions are listed: {first_line(told)}")
    return found


def documents(text: str) -> Iterator[dict[str, str]]:
    """JSON objects one behind another, among lines that Go says while it fetches."""
    decoder, at = json.JSONDecoder(), text.find("{")
    while at >= 0:
        found, end = decoder.raw_decode(text, at)
        yield found
        at = text.find("{", end)


def ask_maven(names: Sequence[str], workshop: Workshop) -> Newest:
    """The newest release that is listed of each artifact."""
    del workshop
    wanted = [Coordinate.parse(f"{name}:jar:0") for name in names]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return dict(zip(names, pool.map(newest, wanted), strict=True))


def ask_npm(names: Sequence[str], workshop: Workshop) -> Newest:
    """What npm calls the latest of each package."""
    npm = find_npm(TOOLS / "node", workshop)
    found = {}
    for name in names:
        with tempfile.TemporaryDirectory(prefix="gw-pins-") as work:
            folder = Path(work) / "work"
            folder.mkdir()
            found[name] = run_npm(npm, ("view", name, "version"), folder, workshop).output.strip()
    return found


def ask_actions(names: Sequence[str], workshop: Workshop) -> Newest:
    """The highest tag of each action's repository; Git asks for it, and nobody for a password."""
    del workshop
    env = os.environ | {"GIT_TERMINAL_PROMPT": "0"}
    found = {}
    for name in names:
        repository = "/".join(name.split("/")[:2])
        words = ["git", "ls-remote", "--tags", "--refs", f"{ACTIONS}{repository}"]
        try:
            told = process.run(words, timeout_s=GIT_TIMEOUT_S, env=env).output
        except ProcessFailedError as error:
            raise NotAskedError(
                "actions: Git reaches no repository of theirs, so nobody knows what is newer"
            ) from error
        newest_tag = max(tags_in(told), default=None)
        if newest_tag is not None:
            found[name] = newest_tag[1]
    return found


def tags_in(told: str) -> Iterator[tuple[Version, str]]:
    """The tags of releases in what Git lists: whole versions, for a `v4` is moved about."""
    for line in told.splitlines():
        tag = line.rpartition("refs/tags/")[2]
        if tag.count(".") < DOTS:
            continue
        try:
            version = Version(tag.removeprefix("v"))
        except InvalidVersion:
            continue
        if not version.is_prerelease:
            yield version, tag


def nobody(kind: str, why: str) -> Callable[[Sequence[str], Workshop], Newest]:
    """What has no client that would list versions."""

    def ask(names: Sequence[str], workshop: Workshop) -> Newest:
        del names, workshop
        raise NotAskedError(f"{kind}: {why}")

    return ask


ASKED: Mapping[str, Callable[[Sequence[str], Workshop], Newest]] = {
    "PyPI": ask_pypi,
    "Go": ask_go,
    "Maven": ask_maven,
    "npm": ask_npm,
    "actions": ask_actions,
    "images": nobody(
        "images",
        "Docker lists no tags; those of programs that are built here, too, follow their pins",
    ),
    "charts": nobody(
        "charts", "their repositories are asked by nobody; values are checked by hand against each"
    ),
}


def ask_all(
    pins: Sequence[Pin],
    workshop: Workshop,
    say: Callable[[str], None],
    asked: Mapping[str, Callable[[Sequence[str], Workshop], Newest]] = ASKED,
) -> Answers:
    """Ask for each kind of pins in its place, and go on where one can't be asked."""
    found: dict[tuple[str, str], str] = {}
    unasked: dict[str, str] = {}
    for kind, ask in asked.items():
        names = sorted({pin.name for pin in pins if pin.kind == kind})
        if not names:
            continue
        say(f"asking for {len(names)} of {kind}")
        try:
            found |= {(kind, name): version for name, version in ask(names, workshop).items()}
        except (GroundworkError, NotThisWayError, ArtifactError) as error:
            unasked[kind] = first_line(str(error))
    return Answers(found, unasked)


def first_line(text: str) -> str:
    """The first line of what was said, cut where it would fill the screen."""
    return (text.strip().splitlines() or ["nothing was said"])[0][:200]
