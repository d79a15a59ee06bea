"""The report of a run: a first page that a reviewer decides from, and Allure's report behind it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from groundwork.base.errors import GroundworkError, UsageError
from reports import trend
from reports.account import Account
from reports.comparison import compare
from reports.detail import Detail, ReportError, detail_of
from reports.history import History, memory_of
from reports.page import Page, render
from reports.promises import Promise, rows_of
from reports.results import FOLDER

__all__ = ["NAME", "Built", "Report"]

NAME = "report.html"

# Where there is no page of a test to lead to.
NONE = Detail()

Promised = Callable[[Mapping[str, Any]], Sequence[Promise]]


@dataclass(frozen=True)
class Built:
    """A report that can be read.

    Attributes:
        page: The first page.
        lacking: Why not all is behind it; None where it is.
    """

    page: Path
    lacking: GroundworkError | None = None


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

    def build(self, run_dir: Path, promised: Promised) -> Built:
        """Build ``report.html`` and ``allure.html`` in a run's folder.

        They, and what they lead to, lie in that one folder, so that it can be handed on. Where the
        second can't be had or has no room, the first says so, and leads nowhere that isn't there.

        Args:
            run_dir: The run's folder.
            promised: What was promised, by the options of the run.

        Raises:
            UsageError: The run has no results, or there was none.
            ReportError: Not even the first page can be written.
        """
        if not any((run_dir / FOLDER).glob("*-result.json")):
            if not (run_dir / "run.json").exists():
                raise UsageError(
                    f"{run_dir / FOLDER}: no results; run `make smoke` first, or name another run"
                )
            # Who died early has a record, and no test.
            return Built(self.first_page(run_dir, promised))
        account, detail, lacking = Account.read(run_dir), NONE, None
        try:
            before = self.history.trend_before(account.run, account.kind)
            detail = detail_of(run_dir, run_dir / FOLDER, self.cache_dir, before)
            self._keep(account, detail)
        except GroundworkError as error:
            lacking = error
        return Built(self.first_page(run_dir, promised, detail, lacking), lacking)

    def _keep(self, account: Account, detail: Detail) -> None:
        """Have the next run's report know what Allure knows now."""
        try:
            self.history.keep_trend(account.run, account.kind, dict(detail.history))
        except OSError as error:
            raise ReportError(f"can't write {self.history.folder}: {error.strerror}") from error

    def first_page(
        self,
        run_dir: Path,
        promised: Promised,
        detail: Detail = NONE,
        lacking: GroundworkError | None = None,
    ) -> Path:
        """Build ``report.html`` alone, and what a list of reports shows of it; its path.

        Args:
            run_dir: The run's folder.
            promised: What was promised, by the options of the run.
            detail: Allure's report behind it, if there is one.
            lacking: Why there is none, if there should be one.

        Raises:
            UsageError: Something of the run can't be read.
            ReportError: It can't be written; what was there before is left as it was.
        """
        account = Account.read(run_dir)
        earlier = self.history.before(account.run, account.kind)
        page = Page(
            title=self.title,
            account=account,
            rows=rows_of(promised(account.record.options), account),
            comparison=compare(memory_of(account), earlier),
            pages=detail.pages,
            lacking=str(lacking).partition("\n")[0] if lacking and not detail.pages else "",
        )
        written(run_dir / NAME, render(page))
        written(run_dir / trend.NAME, trend.dump_trend(page.trend))
        return run_dir / NAME


def written(file: Path, text: str) -> None:
    """Put a file into its place as a whole: half of a page would look like all of it.

    Raises:
        ReportError: It can't be written.
    """
    draft = file.with_name(f".{file.name}")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(file)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise ReportError(
            f"can't write {file}: {error.strerror}; make room, or set GROUNDWORK_OUT_DIR to "
            "a folder elsewhere and run the tests again"
        ) from error
