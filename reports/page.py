"""The first page of the report: what a run promised, showed and left out, for a reviewer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import jinja2

from groundwork.base.errors import UsageError
from groundwork.keep.events import (
    ClaimOverdue,
    Died,
    Event,
    Failed,
    FaultHealed,
    FaultInjected,
    HealingFailed,
    JobEnded,
    Recovered,
    Refused,
    RunAborted,
)
from groundwork.use.bundle import grouped
from reports.account import Account
from reports.comparison import Comparison
from reports.figures import FOLDER as FIGURES
from reports.history import memory_of
from reports.judgement import Cause, Judgement, count, judge
from reports.matrix import MATRIX, Matrix, read_matrix
from reports.promises import Row, State
from reports.results import Result
from reports.trend import Trend

__all__ = ["Page", "render", "templates"]

# What a reviewer reads before the first scrolling; the rest follows below.
CAUSES = 3

# Lines of a failure's text: an assertion with what pytest says of it. All of it is behind the link.
LINES = 12

# Of what happened to the environment. A run of all faults has a hundred moments.
MOMENTS = 120

# In the order in which a reviewer wants to know.
STATES: tuple[State, ...] = ("broken", "unknown", "in part", "shown", "left out", "not looked at")

GIB, MIB = 1024**3, 1024**2

NS_PER_S = 1e9


@dataclass(frozen=True)
class Link:
    """A piece of evidence: what it shows, and where it lies beside the page."""

    text: str
    to: str
    picture: bool = False


@dataclass(frozen=True)
class Moment:
    """Something that happened to the environment, for people."""

    at_s: float
    text: str
    bad: bool


@dataclass(frozen=True)
class Page:
    """All that the page shows.

    Attributes:
        title: Of what was verified.
        account: Of the run.
        rows: What it has seen of each promise.
        comparison: With the runs before; None where there is none.
        pages: Each test's page in Allure's report, by the result's key.
        lacking: Why there is no report of Allure's, in a line; empty where nobody misses it.
    """

    title: str
    account: Account
    rows: Sequence[Row]
    comparison: Comparison | None
    pages: Mapping[tuple[str, int], str]
    lacking: str = ""

    @cached_property
    def judgement(self) -> Judgement:
        """What the run came to."""
        return judge(self.account)

    @property
    def causes(self) -> tuple[Cause, ...]:
        """The first causes."""
        return self.judgement.causes[:CAUSES]

    @property
    def unkept(self) -> tuple[Row, ...]:
        """The promises that the product has broken."""
        return self.states.get("broken", ())

    @property
    def failures(self) -> tuple[Result, ...]:
        """The tests that count: neither passed nor skipped, nor victims of the infrastructure."""
        return tuple(
            each
            for each in self.account.results
            if each.failed and each.category != "infrastructure failure"
        )

    @property
    def victims(self) -> tuple[Result, ...]:
        """The tests that could not be carried out."""
        found = self.account.results
        return tuple(each for each in found if each.category == "infrastructure failure")

    @cached_property
    def states(self) -> dict[State, tuple[Row, ...]]:
        """The promises by their state, the worst first."""
        found = {state: tuple(row for row in self.rows if row.state == state) for state in STATES}
        return {state: rows for state, rows in found.items() if rows}

    @cached_property
    def unpromised(self) -> tuple[Result, ...]:
        """The tests that ran and show no promise that is written down."""
        named = {each.test for row in self.rows for each in row.results}
        return tuple(each for each in self.account.results if each.test not in named)

    @property
    def left_out(self) -> list[str]:
        """The tests that can't be expressed where this ran, a line for each reason."""
        return grouped({each.test: each.reason for each in self.account.record.left_out})

    @property
    def skipped(self) -> tuple[Result, ...]:
        """The tests that skipped themselves."""
        return tuple(each for each in self.account.results if each.category == "skipped")

    @property
    def trend(self) -> Trend:
        """The runs before this one, and this one, as a picture."""
        before = self.comparison.runs if self.comparison is not None else ()
        return Trend.of((*before, memory_of(self.account)))

    @property
    def suites(self) -> Iterator[tuple[str, int, int, float]]:
        """Each suite, how many of its tests passed, how many ran, and for how long."""
        for suite in self.account.suites:
            own = [each for each in self.account.results if each.suite == suite]
            passed = sum(each.category == "passed" for each in own)
            yield suite, passed, len(own), sum(each.seconds for each in own)

    def page_of(self, result: Result) -> str:
        """Where Allure tells all of a test."""
        return self.pages.get(result.key, "")

    def page_of_test(self, test: str) -> str:
        """The same by the test's id."""
        found = (each for each in self.account.results if each.test == test)
        result = next(found, None)
        return self.page_of(result) if result is not None else ""

    def evidence_of(self, result: Result) -> list[Link]:
        """The files that a test has put into the report."""
        folder = "allure-results"
        return [
            Link(each.name, f"{folder}/{each.file}", each.picture)
            for each in result.attachments
            if (self.account.folder / folder / each.file).is_file()
        ]

    def logs_of(self, resource: str) -> list[Link]:
        """The logs of a resource, where the run has kept any."""
        logs = self.account.folder / "logs"
        found = [*logs.glob(f"{resource}/**/*.log"), *logs.glob(f"{resource}*.log")]
        return [Link(each.name, str(each.relative_to(logs.parent))) for each in sorted(set(found))]

    @cached_property
    def matrix(self) -> Matrix | None:
        """Which fault somebody was told of; None where no run of experiments came so far."""
        try:
            return read_matrix(self.account.folder)
        except UsageError:  # whoever was writing it was killed
            return None

    @property
    def matrix_pictures(self) -> list[Link]:
        """The same as a picture."""
        files = sorted((self.account.folder / MATRIX).glob("*.svg"))
        return [Link("the matrix", f"{MATRIX}/{each.name}", picture=True) for each in files]

    @property
    def weaker(self) -> set[str]:
        """The measures whose figures are worse than they usually are."""
        found = self.comparison.weaker if self.comparison is not None else ()
        return {each.figure.measure for each in found}

    def usual_of(self, measure: str) -> float | None:
        """What a figure usually is on this machine; None where nobody remembers."""
        return self.comparison.usual.get(measure) if self.comparison is not None else None

    @property
    def figure_pictures(self) -> list[Link]:
        """Pictures of figures: the steps of a load, pairs, what resources take."""
        files = sorted((self.account.folder / FIGURES).glob("*.svg"))
        return [Link(each.stem, f"{FIGURES}/{each.name}", picture=True) for each in files]

    @property
    def files(self) -> list[Link]:
        """What else lies beside the page, of which each is evidence."""
        own = self.account.folder
        told = {
            "allure.html": "every test with its steps and attachments (Allure)",
            "timeline.jsonl": "the timeline: every event of the environment",
            "run.json": "the run, for machines",
            "ledger.jsonl": "the ledger: what was made and removed",
            "logs": "logs of every resource",
            "experiments": "experiments: journals, evidence, histories, pictures",
            "matrix": "the matrix of faults and alerts, as a picture and for machines",
            "dashboards": "dashboards: a picture of each, as Grafana would show it",
            "figures": "figures: what was measured, as pictures and for machines",
            "versus": "comparisons with native tools: pairs, commands, logs",
            "load": "loads: latencies, seconds, histories, pictures",
            "histories": "histories of clients under load",
        }
        return [Link(text, name) for name, text in told.items() if (own / name).exists()]

    @property
    def moments(self) -> list[Moment]:
        """What happened to the environment, but for its coming and going."""
        entries = self.account.timeline
        begin_ns = entries[0].t_ns if entries else 0
        found = [
            Moment((entry.t_ns - begin_ns) / NS_PER_S, *told)
            for entry in entries
            if (told := told_of(entry.event)) is not None
        ]
        return found[:MOMENTS]


def told_of(event: Event) -> tuple[str, bool] | None:
    """An event for people, and whether it is bad; None where it is of no interest here."""
    told: tuple[str, bool] | None = None
    match event:
        case Died(resource=name, process=own, exit_code=code, fault=fault):
            why = "as the fault explains" if fault else "and nothing explains it"
            told = f"{name} ended ({own}, code {code}), {why}", not fault
        case Failed(resource=name, error=error, because_of=other):
            why = f"for it needs {other}" if other else error.partition("\n")[0]
            told = f"{name} failed: {why}", True
        case FaultInjected(resource=name, fault=fault, target=target):
            told = f"fault: {fault} of {target or name}", False
        case FaultHealed(resource=name, by=by):
            told = f"{name} healed ({by})", by != "asked"
        case Recovered(resource=name, within_s=within_s):
            told = f"{name} well again within {within_s:.1f} s", False
        case HealingFailed(resource=name, error=error):
            told = f"{name} can't be healed: {error}", True
        case ClaimOverdue(holder=holder, reason=reason):
            told = f"{holder}: {reason}", True
        case JobEnded(id=name, by=by, exit_code=code):
            told = f"job {name} ended by {by}, code {code}", bool(code)
        case Refused(error=error) | RunAborted(reason=error):
            told = error, True
    return told


def duration(seconds: float) -> str:
    """A time, for people."""
    if seconds < 60:  # noqa: PLR2004 - a minute
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def cut(text: str) -> str:
    """The beginning of a failure's text."""
    lines = text.strip().splitlines()
    return "\n".join([*lines[:LINES], *(["…"] if len(lines) > LINES else [])])


def templates() -> jinja2.Environment:
    """The templates of pages, with what they need to tell times and numbers."""
    found = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= {"duration": duration, "cut": cut}
    found.globals |= {"count": count, "MIB": MIB}
    return found


def render(page: Page) -> str:
    """The page as HTML: one file that asks nobody for anything, and needs no script."""
    return templates().get_template("page.html.jinja").render(page=page)
