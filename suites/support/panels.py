"""Panels: what a store answers to a dashboard's queries, and what is wrong with that."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import requests
from pydantic import BaseModel, ConfigDict, Field

from fixtures.declared.dashboards import (
    Dashboard,
    Panel,
    Query,
    Variable,
    filled,
    metrics_of,
)
from fixtures.declared.declarations import read_items, validate
from fixtures.declared.durations import Durations
from fixtures.resources.prometheus import Prometheus
from groundwork.base.errors import UsageError
from reports.panels import Line

__all__ = ["FOREIGN", "Still", "Viewer", "label_of", "load_still"]

# How the series of the other kind of broker begin: a panel asks for both, and there is one.
FOREIGN = {"kafka": ("redpanda_",), "redpanda": ("kafka_", "jvm_")}

# A label in a legend.
LABEL = re.compile(r"\{\{\s*(\w+)\s*\}\}")


class Still(BaseModel):
    """A panel that stands still while all is well, and why that is right.

    Attributes:
        panel: DASHBOARD: TITLE.
        reason: Why.
        env: Where; everywhere if nothing is said.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    panel: str = Field(pattern=r"^\w+: .+$")
    reason: str = Field(min_length=10)
    env: tuple[str, ...] = ()


def load_still(file: Path, dashboards: Sequence[Dashboard]) -> dict[str, Still]:
    """The panels that stand still, by DASHBOARD: TITLE.

    Raises:
        UsageError: The file is malformed, or there is no such panel.
    """
    known = {label_of(each, panel) for each in dashboards for panel in each.panels}
    found: dict[str, Still] = {}
    for item in read_items(file, "still"):
        still = validate(item, Still)
        if still.panel not in known:
            raise item.fault(f"there is no panel {still.panel}")
        if still.panel in found:
            raise item.fault(f"{still.panel} is there twice")
        found[still.panel] = still
    return found


def label_of(dashboard: Dashboard, panel: Panel) -> str:
    """A panel in words: its dashboard's name and its title."""
    return f"{dashboard.name}: {panel.title}"


@dataclass(frozen=True)
class Viewer:
    """Who looks at a dashboard, as Grafana would, at the store that there is.

    Attributes:
        prometheus: The store.
        durations: How often it measures.
        broker: Whose series of the broker there are: kafka or redpanda.
        span_s: How long a time is looked at.
    """

    prometheus: Prometheus
    durations: Durations
    broker: str
    span_s: float = 60.0

    def values(self, dashboard: Dashboard) -> dict[str, str]:
        """What stands for its variables while all of it is chosen, and for Grafana's own."""
        window = self.durations.rate_window
        own = {"__rate_interval": window, "__interval": self.durations.scrape_interval}
        chosen = {
            each.name: "|".join(map(quoted, self.values_of(each)))
            for each in dashboard.variables
            if each.label_of is not None
        }
        return own | {"__range": f"{self.span_s:.0f}s"} | chosen

    def foreign(self, dashboard: Dashboard, query: Query) -> bool:
        """Whether it is for the other kind of broker."""
        names = metrics_of(dashboard, query)
        return any(each.startswith(FOREIGN[self.broker]) for each in names)

    def lines(self, dashboard: Dashboard, panel: Panel) -> dict[str, list[Line]]:
        """The series of each query of a panel, over the last moments, by the query's name."""
        end_s = time.time()
        found = {}
        for query in panel.queries:
            if not self.foreign(dashboard, query):
                found[query.ref] = self.answer(dashboard, query, end_s)
        return found

    def answer(self, dashboard: Dashboard, query: Query, end_s: float) -> list[Line]:
        """The series of a query; what is no number is left out."""
        told = self.prometheus.get(
            "query_range",
            query=filled(query.expr, self.values(dashboard)),
            start=f"{end_s - self.span_s:.3f}",
            end=f"{end_s:.3f}",
            step=self.durations.scrape_interval,
        )
        found = (line_of(query, each) for each in told["result"])
        return [each for each in found if each.values]

    def faults(self, dashboard: Dashboard, panel: Panel, *, still: bool = False) -> Iterator[str]:
        """What is wrong with what a panel shows, in words that find it.

        Args:
            dashboard: The panel's.
            panel: Which.
            still: Whether it may show what doesn't move.
        """
        asked = [each for each in panel.queries if not self.foreign(dashboard, each)]
        if not asked:
            yield dashboard.told(panel, None, f"nothing of it is for {self.broker}")
            return
        try:
            lines = self.lines(dashboard, panel)
        except requests.HTTPError as error:
            yield dashboard.told(panel, None, f"the store refuses it: {error.response.text}")
            return
        for query in asked:
            unknown = [e for e in metrics_of(dashboard, query) if not self.prometheus.query(e)]
            if unknown:
                yield dashboard.told(panel, query, f"no series is called {', '.join(unknown)}")
            elif not lines[query.ref]:
                yield dashboard.told(panel, query, "it has no series")
        every = [line for query in asked for line in lines[query.ref]]
        if every and not still and not any(moves(each) for each in every):
            yield dashboard.told(panel, asked[0], f"nothing moves: {standing(every)}")

    def values_of(self, variable: Variable) -> list[str]:
        """The values that can be chosen of a variable that asks for a label's."""
        if variable.label_of is None:
            raise UsageError(f"variable {variable.name} asks for no label's values")
        series, label = variable.label_of
        found = self.prometheus.get(f"label/{label}/values", **{"match[]": series})
        return [str(each) for each in found]


def quoted(value: str) -> str:
    """A value in a regular expression in a string of PromQL: it means itself, as in Grafana."""
    return re.escape(value).replace("\\", "\\\\")


def line_of(query: Query, body: Mapping[str, object]) -> Line:
    """A series, as Prometheus answers it."""
    labels: dict[str, str] = body["metric"]  # type: ignore[assignment]
    pairs: list[tuple[float, str]] = body["values"]  # type: ignore[assignment]
    numbers = [(at, float(text)) for at, text in pairs if math.isfinite(float(text))]
    name = LABEL.sub(lambda found: labels.get(found[1], ""), query.legend)
    return Line(name, tuple(at for at, _ in numbers), tuple(value for _, value in numbers))


def moves(line: Line) -> bool:
    """Whether it is ever another than before."""
    return len(set(line.values)) > 1


def standing(lines: Sequence[Line]) -> str:
    """What series stand at, in words."""
    return ", ".join(f"{each.name} stands at {each.values[-1]:g}" for each in lines[:5])
