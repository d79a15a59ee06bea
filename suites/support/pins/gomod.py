"""What a go.mod pins of its own will: the modules of its tools and of its own code.

The others in it are what these need.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from suites.support.pins.pin import reason_in

__all__ = ["GoMod", "Required"]

# Of a line in a block, or of one that is a statement alone: its words before a comment.
REPLACED = re.compile(r"^(?P<name>\S+)(?: \S+)? => \S+ v(?P<version>\S+)$")


@dataclass(frozen=True)
class Required:
    """A line of requirement.

    Attributes:
        name: The module.
        version: Its version, without its v; of one that is replaced, that of the replacement.
        indirect: Whether it is no code of ours that imports it.
        replaced: Whether another line says which version that is.
        stays: Why it stays; empty where nobody says so.
    """

    name: str
    version: str
    indirect: bool
    replaced: bool
    stays: str


@dataclass(frozen=True)
class GoMod:
    """The text of a go.mod."""

    text: str

    def statements(self, verb: str) -> Iterator[tuple[str, str]]:
        """What stands behind a verb, alone or in a block, each with its comment."""
        inside = False
        for line in self.text.splitlines():
            words, _, comment = line.partition("//")
            words = words.strip()
            if words == f"{verb} (":
                inside = True
            elif words == ")":
                inside = False
            elif inside and words:
                yield words, comment
            elif words.startswith(f"{verb} "):
                yield words.removeprefix(f"{verb} ").strip(), comment

    @property
    def tools(self) -> tuple[str, ...]:
        """The packages that are its tools."""
        return tuple(package for package, _ in self.statements("tool"))

    @cached_property
    def replacements(self) -> Mapping[str, str]:
        """The versions that other lines give to modules."""
        found = (REPLACED.match(words) for words, _ in self.statements("replace"))
        return {each["name"]: each["version"] for each in found if each}

    @cached_property
    def required(self) -> tuple[Required, ...]:
        """All that it requires, whoever needs it."""
        found = []
        for words, comment in self.statements("require"):
            name, _, version = words.partition(" v")
            replaced = self.replacements.get(name)
            indirect = comment.strip().startswith("indirect")
            found.append(
                Required(
                    name, replaced or version, indirect, replaced is not None, reason_in(comment)
                )
            )
        return tuple(found)

    @property
    def named(self) -> tuple[Required, ...]:
        """What its tools are of, and what our own code imports."""
        owners = {self.owner(tool) for tool in self.tools}
        return tuple(each for each in self.required if not each.indirect or each.name in owners)

    def owner(self, package: str) -> str:
        """The module that a package is of: the longest that its path begins with."""
        names = [each.name for each in self.required]
        return max((n for n in names if f"{package}/".startswith(f"{n}/")), key=len, default="")
