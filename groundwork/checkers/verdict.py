"""Verdicts: what a checker comes to, with what shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["Example", "Finding", "Judgement", "Verdict"]

Judgement = Literal["valid", "invalid", "unknown"]


@dataclass(frozen=True)
class Example:
    """The smallest set of operations that shows an anomaly.

    Attributes:
        text: What they show, in one sentence.
        ops: Their numbers.
    """

    text: str
    ops: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Finding:
    """Everything of one kind that should not be.

    Attributes:
        anomaly: Its name.
        count: How often it was found.
        values: The records that it concerns, all of them.
        examples: The first ones.
        known: The name of what is known and unfixed in Kafka, where that explains it; else empty.
    """

    anomaly: str
    count: int
    values: NDArray[np.int64]
    examples: tuple[Example, ...]
    known: str = ""


@dataclass(frozen=True)
class Verdict:
    """What a history is worth.

    Attributes:
        judgement: ``invalid`` where there is an anomaly that isn't known, ``unknown`` where too
            little was seen to tell, else ``valid``.
        findings: What should not be, known or not.
        doubts: Why too little was seen; empty where enough was.
        worth: What it says and what it doesn't, for people.
    """

    judgement: Judgement
    findings: tuple[Finding, ...]
    doubts: tuple[str, ...]
    worth: str

    def found(self, anomaly: str) -> Finding | None:
        """What was found of one kind, known or not; None for nothing."""
        return next((each for each in self.findings if each.anomaly == anomaly), None)
