"""The graph of resources: who needs whom. Pure; starting and stopping is the provisioner's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter

__all__ = ["Graph"]


class Graph:
    """Resources by name.

    Args:
        needs: The names of those that must be ready before each is.
        wants: The names of those that each is told of, and does without: soft edges.

    Raises:
        ValueError: A resource needs or wants one that isn't declared, or itself, directly or not.
    """

    def __init__(
        self, needs: Mapping[str, Iterable[str]], wants: Mapping[str, Iterable[str]] | None = None
    ) -> None:
        self.needs: dict[str, tuple[str, ...]] = {name: tuple(of) for name, of in needs.items()}
        self.wants: dict[str, tuple[str, ...]] = dict.fromkeys(self.needs, ())
        self.wants |= {name: tuple(of) for name, of in (wants or {}).items()}
        for verb, edges in (("needs", self.needs), ("wants", self.wants)):
            for name, others in edges.items():
                unknown = sorted(set(others) - set(self.needs))
                if unknown:
                    raise ValueError(f"{name} {verb} {', '.join(unknown)}, which is not declared")
        edges = {name: (*of, *self.wants[name]) for name, of in self.needs.items()}
        try:
            self.order: tuple[str, ...] = tuple(TopologicalSorter(edges).static_order())
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
        """Those that need or want ``name``, directly."""
        return tuple(n for n in self.order if name in self.needs[n] or name in self.wants[n])

    def longest_chain(self, cost_s: Mapping[str, float]) -> tuple[tuple[str, ...], float]:
        """The chain of needs whose costs add up to the most, and that sum in seconds."""
        best: dict[str, tuple[tuple[str, ...], float]] = {}
        for name in self.order:
            if name in cost_s:
                before = [best[need] for need in self.needs[name] if need in best]
                chain, sum_s = max(before, key=lambda found: found[1], default=((), 0.0))
                best[name] = ((*chain, name), sum_s + cost_s[name])
        return max(best.values(), key=lambda found: found[1], default=((), 0.0))
