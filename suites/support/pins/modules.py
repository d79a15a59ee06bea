"""Locks of Go modules: go.mod and go.sum, of what is named or of the newest of it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from groundwork.artifacts import NotThisWayError, Workshop
from groundwork.artifacts.gobuild import build
from groundwork.base import process
from groundwork.base.errors import GroundworkError
from groundwork.base.process import ProcessFailedError
from suites.support.pins.gomod import GoMod, Required

__all__ = ["Module", "NotLockedError", "moved"]

# Kubernetes' module with a cold cache: some hundred modules are fetched.
TIMEOUT_S = 900.0


class NotLockedError(GroundworkError):
    """A lock can't be compiled; says which, and why."""


@dataclass(frozen=True)
class Module:
    """A folder with go.mod and go.sum, and the Go that changes them.

    Attributes:
        folder: The folder.
        go: Go.
        workshop: Who is told to stop.
    """

    folder: Path
    go: Path
    workshop: Workshop

    @property
    def files(self) -> tuple[Path, Path]:
        """Both files of the lock."""
        return self.folder / "go.mod", self.folder / "go.sum"

    @property
    def read(self) -> GoMod:
        """What go.mod holds by now."""
        return GoMod(self.files[0].read_text(encoding="utf-8"))

    def lock(self, *, upgrade: bool) -> str:
        """Have the files hold what is named, or the newest of it; what was done, if anything.

        A module whose sums are there is left as it is, to the letter: another order of its lines
        would be another build. One whose newest can't be had stays, and that is said.

        Raises:
            NotLockedError: What is named can't be had.
        """
        before = self.read
        texts = {file: file.read_text(encoding="utf-8") for file in self.files}
        missing = [each for each in before.named if sum_of(each) not in texts[self.files[1]]]
        rising = {each.name for each in before.named if upgrade and not each.stays}
        if not rising and not missing:
            return ""
        try:
            self._get(before, rising)
            if any(file.read_text(encoding="utf-8") != text for file, text in texts.items()):
                self._call("mod", "tidy")
                self._compile()
        except (ProcessFailedError, NotThisWayError) as error:
            for file, text in texts.items():
                file.write_text(text, encoding="utf-8")
            last = str(error).strip().splitlines()[-1]
            if missing:
                raise NotLockedError(f"{self.files[0]}: {last}") from error
            return f"stays, for what is newer can't be had: {last}"
        return ", ".join(moved(before, self.read))

    def _get(self, module: GoMod, rising: set[str]) -> None:
        """Ask Go for each of what is named: tools by their packages, whose sums are needed, too."""
        owners = {tool: module.owner(tool) for tool in module.tools}
        for each in module.named:
            version = "latest" if each.name in rising else f"v{each.version}"
            tools = [tool for tool, owner in owners.items() if owner == each.name]
            if tools:
                self._call("get", "-tool", *(f"{tool}@{version}" for tool in tools))
            elif not each.replaced:
                self._call("get", f"{each.name}@{version}")

    def _call(self, *words: str) -> None:
        """Have Go change the module, by the Go that is here."""
        env = os.environ | {"GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "local", "GOWORK": "off"}
        process.run([self.go, *words], timeout_s=TIMEOUT_S, cwd=self.folder, env=env)

    def _compile(self) -> None:
        """See that what the module is for compiles: minutes, for what has moved."""
        with tempfile.TemporaryDirectory(prefix="gw-locks-") as work:
            for package in self.read.tools or (".",):
                target = Path(work) / "program"
                cancel = self.workshop.cancel
                build(self.go, self.folder, package, target, cancel, ldflags="-s -w")


def sum_of(each: Required) -> str:
    """What go.sum's line of a module begins with."""
    return f"{each.name} v{each.version} h1:"


def moved(before: GoMod, after: GoMod) -> Iterator[str]:
    """Which of the named modules have another version than before."""
    had = {each.name: each.version for each in before.named}
    for each in after.named:
        if had.get(each.name) not in {None, each.version}:
            yield f"{each.name} {had[each.name]} to {each.version}"
