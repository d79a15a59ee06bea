"""Configurations of servers, compared with what is declared and with what they take by default."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["undeclared"]


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
