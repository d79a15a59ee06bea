"""What clients saw, in the report: the verdict in lines, and pictures."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import allure

from groundwork.checkers.history import History
from groundwork.checkers.objective import Objective
from groundwork.checkers.outage import outage_of
from groundwork.checkers.verdict import Verdict
from reports.anomalies import draw_anomaly
from reports.pictures import draw
from reports.verdict import told

__all__ = ["attach_pictures", "attach_seen"]

# Of each anomaly so many are drawn; the text names more, and the history has all.
DRAWN = 2

KINDS = {".png": allure.attachment_type.PNG, ".svg": allure.attachment_type.SVG}


def attach_seen(
    history: History, verdict: Verdict, objective: Objective | None, title: str, folder: Path
) -> None:
    """Put a history into the report, as a reviewer would rather see than read it.

    Args:
        history: What clients saw.
        verdict: On it.
        objective: What it is held to, where there is one.
        title: Of the picture.
        folder: Where pictures lie, beside the report.
    """
    outage = outage_of(history, verdict, objective) if objective is not None else None
    allure.attach("\n".join(told(history, verdict, objective, outage)), "verdict")
    attach_pictures(draw(history, title, folder), "what clients saw")
    for finding in verdict.findings:
        for number, example in enumerate(finding.examples[:DRAWN], 1):
            stem = folder / f"{finding.anomaly.replace(' ', '-')}-{number}"
            pictures = draw_anomaly(history, finding, example, stem)
            attach_pictures(pictures, f"{finding.anomaly}, example {number}")


def attach_pictures(files: Iterable[Path], name: str) -> None:
    """Put a picture into the report, in each of the forms in which it was drawn."""
    for file in files:
        allure.attach.file(str(file), f"{name} ({file.suffix[1:]})", KINDS[file.suffix])
