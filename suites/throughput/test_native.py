"""Native tools do the same to the same broker, in turn: how much of a figure is our own side's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from groundwork.use.client import Handle
from load.versus.contests import What
from reports.throughput import draw_pairs
from suites.support.figures import Figures
from suites.support.seen import attach_pictures
from suites.support.versuses import TIMEOUT_S, compared


@pytest.mark.alone(limit_s=TIMEOUT_S + 60)
@pytest.mark.parametrize("what", ["produce", "consume", "get"])
@pytest.mark.usefixtures("hello_world")
def test_our_side_does_as_much_as_it_should_of_what_a_native_tool_does(
    broker: Handle,
    what: What,
    pairs: int,
    figures: Figures,
    out_dir: Path,
    say: Callable[[str], None],
) -> None:
    """Five million records of 100 bytes, or requests for three seconds; the median pair counts."""
    versus = compared(broker.client, what, pairs, out_dir / "versus" / what)
    say("\n".join(versus.lines()))
    sides = {
        "native": [each.native.rate_per_s for each in versus.pairs],
        "ours": [each.own.rate_per_s for each in versus.pairs],
    }
    title = f"{what}: ours is as fast as the native tool by {versus.ratio}"
    attach_pictures(draw_pairs(sides, versus.unit, title, figures.stem(what)), "pairs")
    figures.expect(f"{what}_ratio", versus.ratio.median)
