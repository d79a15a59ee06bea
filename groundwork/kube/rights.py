"""Rights, as the API server lists them, in words."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from kubernetes import client

__all__ = ["rights_of"]


def rights_of(status: client.V1SubjectRulesReviewStatus) -> frozenset[str]:
    """Each right of a review: `list nodes`, `patch deployments.apps`, `get /api`.

    A right to objects of one name alone ends with the name.
    """
    return frozenset(_rights(status))


def _rights(status: client.V1SubjectRulesReviewStatus) -> Iterator[str]:
    for rule in status.resource_rules:
        groups, names = rule.api_groups or ("",), rule.resource_names or ("",)
        for verb, resource, group, name in product(rule.verbs, rule.resources, groups, names):
            yield f"{verb} {resource}{'.' if group else ''}{group} {name}".rstrip()
    for rule in status.non_resource_rules:
        for verb, path in product(rule.verbs, rule.non_resource_urls):
            yield f"{verb} {path}"
