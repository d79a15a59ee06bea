"""The report of a run: a first page that a reviewer decides from, and Allure's report behind it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from groundwork.base.errors import UsageError
from reports.account import Account
from reports.comparison import compare
from reports.detail import Detail, ReportError, detail_of
from reports.history import History, memory_of
from reports.page import Page, render
from reports.promises import Promise, rows_of
from reports.results import FOLDER

__all__ = ["NAME", "Report"]

NAME = "report.html"

# Where there is no page of a test to lead to.
NONE = Detail()

Promised = Callable[[Mapping[str, Any]], Sequence[Promise]]


@dataclass(frozen=True)
class Report:
    """What a report is built of, beside a run's folder.

    Attributes:
        title: Of what was verified.
        history: What is remembered of the runs before.
        cache_dir: Where Allure's command line is, or gets.
    """

    title: str
    history: History
    cache_dir: Path

    def build(self, run_dir: Path, promised: Promised) -> Path:
        """Build ``report.html`` and ``allure.html`` in a run's folder; the first one's path.

        They, and what they lead to, lie in that one folder, so that it can be handed on.

        Args:
            run_dir: The run's folder.
            promised: What was promised, by the options of the run.

        Raises:
            UsageError: The run has no results, or there was none.
            ArtifactError: Allure's command line can't be had.
            ReportError: It can't be written, or Allure failed otherwise.
        """
        results = run_dir / FOLDER
        if not any(results.glob("*-result.json")):
            if not (run_dir / "run.json").exists():
                raise UsageError(
                    f"{results}: no results; run `make smoke` first, or name another run"
                )
            return self.first_page(run_dir, promised)  # who died early has a record, and no test
        account = Account.read(run_dir)
        before = self.history.trend_before(account.run, account.kind)
        detail = detail_of(run_dir, results, self.cache_dir, before)
        try:
            self.history.keep_trend(account.run, account.kind, dict(detail.history))
        except OSError as error:
            raise ReportError(f"can't write {self.history.folder}: {error.strerror}") from error
        return self.first_page(run_dir, promised, detail)

    def first_page(self, run_dir: Path, promised: Promised, detail: Detail = NONE) -> Path:
        """Build ``report.html`` alone; its path.

        Args:
            run_dir: The run's folder.
            promised: What was promised, by the options of the run.
            detail: Allure's report behind it, if there is one.

        Raises:
            UsageError: Something of the run can't be read.
            ReportError: It can't be written.
        """
        account, report = Account.read(run_dir), run_dir / NAME
        earlier = self.history.before(account.run, account.kind)
        page = Page(
            title=self.title,
            account=account,
            rows=rows_of(promised(account.record.options), account),
            comparison=compare(memory_of(account), earlier),
            pages=detail.pages,
        )
        try:
            report.write_text(render(page), encoding="utf-8")
        except OSError as error:
            raise ReportError(
                f"can't write {report}: {error.strerror}; make room, or set GROUNDWORK_OUT_DIR to "
                "a folder elsewhere and run the tests again"
            ) from error
        return report
