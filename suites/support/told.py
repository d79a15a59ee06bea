"""Outcomes that tell nothing: of what was to be shown neither that it is kept nor that it isn't."""

from __future__ import annotations

from groundwork.base.errors import NothingShownError

__all__ = ["expect_told"]

# What experiments and loads call it when it wasn't what was to be measured, or too little was seen.
NOTHING = frozenset({"invalid", "unknown"})


def expect_told(outcome: str, text: str) -> None:
    """See that an outcome says something of the product.

    Raises:
        NothingShownError: It doesn't, which fails, and is no failure of the product.
    """
    if outcome in NOTHING:
        raise NothingShownError(text)
