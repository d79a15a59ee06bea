"""What tests have noted of themselves (``record_property``), for the end of a run's terminal."""

from __future__ import annotations

from typing import Any

__all__ = ["noted"]


def noted(terminalreporter: Any, name: str) -> list[str]:
    """The values of a property of all tests that ran to their end, in whichever process."""
    ran = (terminalreporter.stats.get(outcome, []) for outcome in ("passed", "failed"))
    return [
        str(value)
        for reports in ran
        for report in reports
        if report.when == "call"
        for found, value in report.user_properties
        if found == name
    ]
