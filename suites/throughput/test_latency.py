"""Latency at a rate that a laptop bears beside what it does else, from when each record is due."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from groundwork.use.client import Handle
from load.conclusion import Conclusion
from suites.support.figures import Figures
from suites.support.loads import OVERHEAD_S, expect_there, offer, show
from suites.support.rates import Rates
from suites.support.signs import signs_of, watching
from suites.support.told import expect_told

DURATION_S = 10.0


@pytest.fixture
def valid(
    broker: Handle,
    from_inside: dict[str, str],
    out_dir: Path,
    request: pytest.FixtureRequest,
    say: Callable[[str], None],
) -> Callable[[dict[str, str]], Conclusion]:
    """A load that was offered as asked for, and all of it is there."""

    def do(asked: dict[str, str]) -> Conclusion:
        folder = out_dir / "load" / request.node.name
        whole = asked | from_inside | {"duration_s": f"{DURATION_S:g}", "seed": "1"}
        with watching(broker.client) as watched:
            conclusion = offer(broker.client, whole, folder, DURATION_S)
        text = show(conclusion, folder)
        signs_of(conclusion, watched)
        say(text)
        expect_there(broker.client, whole)
        expect_told(conclusion.outcome, text)
        assert conclusion.outcome == "valid", text
        return conclusion

    return do


@pytest.mark.alone(limit_s=DURATION_S + OVERHEAD_S)
def test_a_sustained_rate_is_acknowledged_in_time(
    valid: Callable[[dict[str, str]], Conclusion], rates: Rates, figures: Figures
) -> None:
    """At a sustained rate 99 of 100, and 999 of 1000."""
    found_ms = valid({"rate_per_s": f"{rates.sustained}"}).percentiles_ms
    figures.expect("sustained_ms_p99", found_ms["p99"])
    figures.expect("sustained_ms_p999", found_ms["p99.9"])


@pytest.mark.alone(limit_s=DURATION_S + OVERHEAD_S)
def test_a_record_comes_back_in_time(
    valid: Callable[[dict[str, str]], Conclusion], rates: Rates, figures: Figures
) -> None:
    """From when it was due until a consumer has it, of a quarter of as many."""
    asked = {"rate_per_s": f"{rates.end_to_end}", "operation": "end-to-end"}
    figures.expect("end_to_end_ms_p99", valid(asked).percentiles_ms["p99"])
