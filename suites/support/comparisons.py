"""Comparisons: what is promised or declared, and what files and servers have, told in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["broken", "differences", "undeclared"]


def undeclared(
    effective: Mapping[str, Any],
    declared: Mapping[str, Any],
    defaults: Mapping[str, Any],
    *,
    what: str,
) -> list[str]:
    """How a part of a configuration differs from what is declared of it, in words.

    Args:
        effective: What the server tells, by name.
        declared: What it was told.
        defaults: What it takes where it was told nothing.
        what: What the part is called.
    """
    wanted = {**{name: defaults[name] for name in effective.keys() & defaults.keys()}, **declared}
    lines = [
        f"{what}: {name} is {effective[name]}, which nobody declared"
        for name in effective.keys() - wanted.keys()
    ]
    for name, value in wanted.items():
        if name not in effective:
            if value != defaults.get(name):
                lines.append(f"{what}: {name} is declared to be {value}, but not in effect")
        elif effective[name] != value:
            kind = "declared" if name in declared else "without a declaration"
            lines.append(f"{what}: {name} is {effective[name]}; {kind} it is {value}")
    return sorted(lines)


def broken(promised: object, found: object, *, what: str, where: str) -> list[str]:
    """A promise that isn't kept, in words that name both sides; nothing where it is.

    Args:
        promised: What the promises say.
        found: What is.
        what: Of what.
        where: Whose word that is: a file or a server.
    """
    return [] if promised == found else [f"{what}: promised {promised}, but {where} has {found}"]


def differences(
    promised: Mapping[Any, Any], found: Mapping[Any, Any], *, what: str, where: str
) -> list[str]:
    """Of things with names: what is missing, what nobody promised, and what is otherwise.

    Args:
        promised: By name, what the promises say.
        found: By name, what is.
        what: What such a thing is called.
        where: Whose word that is: a file or a server.
    """
    lines = [
        f"{what} {name} is promised, but {where} has none"
        for name in promised.keys() - found.keys()
    ]
    lines += [
        f"{what} {name} of {where} is not promised" for name in found.keys() - promised.keys()
    ]
    for name in promised.keys() & found.keys():
        lines += broken(promised[name], found[name], what=f"{what} {name}", where=where)
    return sorted(lines)
