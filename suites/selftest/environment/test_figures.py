"""Figures: kept beside a run, held to what is promised, compared with what they usually are."""

from __future__ import annotations

import statistics
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundwork.base.errors import UsageError
from reports.figures import FOLDER, USUAL_RUNS, Figure, figures_of, usual_of, weaker_of

MORE = Figure("rate", "borne", "records/s", "more", 1_000.0, 1_000.0)
LESS = Figure("memory", "memory at rest", "MB", "less", 500.0, 500.0)

VALUES = st.floats(1, 1e6)


@pytest.mark.parametrize(
    ("figure", "missed", "line"),
    [
        (MORE, False, "borne: 1,000 records/s, promised are at least 1,000 records/s"),
        (
            replace(MORE, value=999.0),
            True,
            "borne: 999 records/s, which should be at least 1,000 records/s",
        ),
        (LESS, False, "memory at rest: 500 MB, promised are at most 500 MB"),
        (
            replace(LESS, value=501.0),
            True,
            "memory at rest: 501 MB, which should be at most 500 MB",
        ),
        (replace(LESS, value=12_345.0, promised=None), False, "memory at rest: 12,345 MB"),
        (Figure("r", "ratio", "", "more", 0.6214, 0.6), False, "ratio: 0.621, promised are at "),
    ],
)
def test_a_figure_is_held_to_its_promise(figure: Figure, line: str, *, missed: bool) -> None:
    """More of it is better, or less; where nothing is promised nothing is missed."""
    assert figure.missed is missed
    assert figure.line.startswith(line)


def test_figures_are_kept_beside_a_run(tmp_path: Path) -> None:
    """Each in a file of its own, as several processes measure them; the last one counts."""
    assert figures_of(tmp_path) == {}
    for each in (MORE, LESS, replace(MORE, value=2_000.0)):
        each.write(tmp_path)
    assert figures_of(tmp_path) == {"memory": LESS, "rate": replace(MORE, value=2_000.0)}
    (tmp_path / FOLDER / "rate.json").write_text("{")
    with pytest.raises(UsageError, match=r"rate\.json"):
        figures_of(tmp_path)


@given(st.lists(VALUES, max_size=12), VALUES, st.booleans())
def test_worse_by_a_seventh_is_a_warning(before: list[float], now: float, more: bool) -> None:  # noqa: FBT001 - hypothesis gives it
    """Against the median of the last seven; the other way it is none, nor of the first run."""
    figure = replace(MORE if more else LESS, value=now)
    runs = [{figure.measure: replace(figure, value=each)} for each in before]
    found = list(weaker_of({figure.measure: figure}, [{}, *runs, {}]))
    if not before:
        assert found == []
        return
    usual = statistics.median(before[-USUAL_RUNS:])
    assert usual_of(figure.measure, runs) == usual
    worse = now < usual * 0.85 if more else now > usual * 1.15
    assert [each.usual for each in found] == ([usual] if worse else [])


def test_a_warning_says_what_it_usually_is() -> None:
    """Both values, in the figure's unit."""
    (found,) = weaker_of({"rate": replace(MORE, value=700.0)}, [{"rate": MORE}])
    assert found.line == "borne: 700 records/s, usually 1,000 records/s"
