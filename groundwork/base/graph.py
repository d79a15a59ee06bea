"""The graph of resources: who needs whom. Pure; starting and stopping is the provisioner's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter

__all__ = ["Graph"]


class Graph:
    """Resources by name, each with the names of those that must be ready before it is.

    Raises:
        ValueError: A resource needs one that isn't declared, or itself, directly or not.
    """

    def __init__(self, needs: Mapping[str, Iterable[str]]) -> None:
        self.needs: dict[str, tuple[str, ...]] = {name: tuple(of) for name, of in needs.items()}
        for name, needed in self.needs.items():
            unknown = sorted(set(needed) - set(self.needs))
            if unknown:
                raise ValueError(f"{name} needs {', '.join(unknown)}, which is not declared")
        try:
            self.order: tuple[str, ...] = tuple(TopologicalSorter(self.needs).static_order())
        except CycleError as error:
            raise ValueError(f"resources need each other: {' -> '.join(error.args[1])}") from error

    def closure(self, names: Iterable[str]) -> tuple[str, ...]:
        """The names and all that they need, transitively, in an order fit for starting.

        Raises:
            KeyError: A name isn't declared.
        """
        wanted: set[str] = set()
        pending = list(names)
        while pending:
            name = pending.pop()
            if name not in wanted:
                wanted.add(name)
                pending.extend(self.needs[name])
        return tuple(name for name in self.order if name in wanted)

    def dependents(self, name: str) -> tuple[str, ...]:
        """Those that need ``name``, directly."""
        return tuple(other for other in self.order if name in self.needs[other])

    def longest_chain(self, cost_s: Mapping[str, float]) -> tuple[tuple[str, ...], float]:
        """The chain of needs whose costs add up to the most, and that sum in seconds."""
        best: dict[str, tuple[tuple[str, ...], float]] = {}
        for name in self.order:
            if name in cost_s:
                before = [best[need] for need in self.needs[name] if need in best]
                chain, sum_s = max(before, key=lambda found: found[1], default=((), 0.0))
                best[name] = ((*chain, name), sum_s + cost_s[name])
        return max(best.values(), key=lambda found: found[1], default=((), 0.0))
