"""Limits of experiments, for whoever waits for them."""

from __future__ import annotations

__all__ = ["LIMIT_S", "TIMEOUT_S"]

# An experiment takes a minute; one whose broker doesn't come back, until its clients give up.
TIMEOUT_S = 400.0
LIMIT_S = TIMEOUT_S + 60.0
