"""Expressions of PromQL, read by a parser: which labels they leave."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

import promql_parser

from fixtures.declared.expressions import BARE, is_number, selectors
from fixtures.declared.rules import Rule

__all__ = ["Labels", "labels_of", "labels_told", "records_of"]

# What a template reads of its alert's labels.
TOLD = re.compile(r"\$labels\.(\w+)")

# Aggregations that pick series and leave them as they are.
PICKING = {"topk", "bottomk"}


@dataclass(frozen=True)
class Labels:
    """The labels that an expression's series may have.

    Attributes:
        names: Those that are known.
        open: Whether there may be others: a series from a target has what that gives it.
        lost: Of the others, those that are gone for certain.
    """

    names: frozenset[str] = frozenset()
    open: bool = False
    lost: frozenset[str] = frozenset()

    def __contains__(self, name: str) -> bool:
        return name in self.names or (self.open and name not in self.lost)

    def only(self, names: Iterable[str]) -> Labels:
        """Those of them that are called so."""
        return Labels(frozenset(each for each in names if each in self))

    def without(self, names: Iterable[str]) -> Labels:
        """The others."""
        return Labels(self.names - set(names), self.open, self.lost | set(names))

    def with_(self, names: Iterable[str]) -> Labels:
        """These and some more."""
        return Labels(self.names | set(names), self.open, self.lost - set(names))

    def common(self, other: Labels) -> Labels:
        """What series of both kinds have."""
        if self.open and other.open:
            names = {each for each in self.names | other.names if each in self and each in other}
            return Labels(frozenset(names), open=True, lost=self.lost | other.lost)
        return self.only(other.names) if self.open else other.only(self.names)


def labels_told(rule: Rule) -> frozenset[str]:
    """The labels that an alert's texts and its own labels read."""
    texts = (*rule.annotations.values(), *rule.labels.values())
    return frozenset(name for text in texts for name in TOLD.findall(text))


def records_of(rules: Iterable[Rule]) -> dict[str, Labels]:
    """The labels of each recorded series; where several rules record it, what all of them leave."""
    exprs: dict[str, list[str]] = {}
    for rule in rules:
        if rule.record:
            exprs.setdefault(rule.record, []).append(rule.expr)
    found: dict[str, Labels] = {}
    # As often as records may read records: the first pass knows nothing of those behind it.
    for _ in exprs:
        found = {
            name: reduce(Labels.common, (labels_of(promql_parser.parse(e), found) for e in own))
            for name, own in exprs.items()
        }
    return found


def labels_of(node: Any, records: Mapping[str, Labels]) -> Labels:
    """The labels that a parsed expression leaves.

    Args:
        node: The expression.
        records: Those of recorded series, by name; any other series may have any label.
    """
    if isinstance(node, promql_parser.VectorSelector):
        return records.get(node.name or "", Labels(open=True))
    if isinstance(node, promql_parser.AggregateExpr):
        return of_aggregation(node, records)
    if isinstance(node, promql_parser.BinaryExpr):
        return of_pair(node, records)
    if isinstance(node, promql_parser.Call):
        return of_call(node, records)
    inner = getattr(node, "vector_selector", None) or getattr(node, "expr", None)
    return labels_of(inner, records) if inner is not None else Labels()


def of_aggregation(node: Any, records: Mapping[str, Labels]) -> Labels:
    """What an aggregation leaves: what it is told to, and nothing where it is told nothing."""
    inner = labels_of(node.expr, records)
    if str(node.op) in PICKING:
        return inner
    if node.modifier is None:
        return Labels()
    if str(node.modifier).startswith("by"):
        return inner.only(node.modifier.labels)
    return inner.without(node.modifier.labels)


def of_pair(node: Any, records: Mapping[str, Labels]) -> Labels:
    """What an operator leaves: of both sides, of one, or what they are matched by."""
    left, right = labels_of(node.lhs, records), labels_of(node.rhs, records)
    if is_number(node.lhs):
        return right
    if is_number(node.rhs) or str(node.op) in {"and", "unless"}:
        return left
    return left.common(right) if str(node.op) == "or" else matched(node.modifier, left, right)


def matched(modifier: Any, left: Labels, right: Labels) -> Labels:
    """What arithmetic and comparisons of two vectors leave: the many's, or what they share."""
    if modifier is None:
        return left
    for many, card in ((left, "ManyToOne"), (right, "OneToMany")):
        if str(modifier.card).endswith(card):
            return many.with_(modifier.group_labels or ())
    if modifier.matching is None:
        return left
    names = modifier.matching.labels
    on = str(modifier.matching).startswith("on")
    return left.only(names) if on else left.without(names)


def of_call(node: Any, records: Mapping[str, Labels]) -> Labels:
    """What a function leaves."""
    name, args = node.func.name, list(node.args)
    if name in BARE:
        return Labels()
    if name.startswith("absent"):
        (selector,) = selectors(node)
        asked = selector.matchers.matchers
        return Labels(frozenset(each.name for each in asked if str(each.op).endswith("Equal")))
    inner = [labels_of(each, records) for each in args if not is_number(each)]
    left = inner[0] if inner else Labels()
    if name in {"label_replace", "label_join"}:
        return left.with_([args[1].val])
    return left.without(["le"]) if name == "histogram_quantile" else left
