"""What the sabotage shows at its end."""

from __future__ import annotations

from typing import Any

from fixtures.paths import ROOT
from suites.sabotage.table import PROPERTY, lines_of, rows_of
from suites.support.noted import noted

FILE = ROOT / "reports" / "out" / "sabotage.md"


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """The table, also as a file."""
    rows = rows_of(noted(terminalreporter, PROPERTY))
    if not rows:
        return
    lines = list(lines_of(rows))
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_text("\n".join(lines) + "\n", encoding="utf-8")
    for line in lines:
        terminalreporter.write_line(line)
    terminalreporter.write_line(f"written to {FILE.relative_to(ROOT)}")
