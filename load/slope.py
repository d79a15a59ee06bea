"""The slope of what grows: by Theil and Sen, which one outlier in four doesn't move."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["slope_of"]


def slope_of(at: Sequence[float], values: Sequence[float]) -> float:
    """The median of the slopes of all pairs (Theil 1950, Sen 1968); 0 where there are none.

    Args:
        at: When each was, shape (n,); pairs of the same moment say nothing.
        values: What it was, shape (n,).

    Returns:
        In units of ``values`` for each unit of ``at``.
    """
    x, y = np.asarray(at, dtype=np.float64), np.asarray(values, dtype=np.float64)
    first, second = np.triu_indices(len(x), k=1)
    run = x[second] - x[first]
    told = run != 0
    if not told.any():
        return 0.0
    return float(np.median((y[second] - y[first])[told] / run[told]))
