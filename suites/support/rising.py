"""Rising loads: records that are only counted, in steps, until somebody can't any more."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from groundwork.use.client import Client
from load.conclusion import Conclusion
from load.knee import Knee, Step, knee_of, steps_of
from load.result import together
from suites.support.loads import expect_answered, expect_there, offer, show
from suites.support.rates import Rates
from suites.support.signs import OBJECTIVE_MS, signs_of, watching

__all__ = ["RISING_S", "offer_counted", "rise"]

# From what any machine bears to more than one generator does, four seconds each: the first of them
# has what the step before has left, and three in a row decide.
RISING = {"arrivals": "step", "steps": "10"}
RISING_S = 40.0

# Nothing of a record is kept: half a minute of these has ten millions.
COUNTED = {"keep": "false", "seed": "1"}


def offer_counted(
    client: Client, asked: Mapping[str, str], folder: Path, duration_s: float
) -> Conclusion:
    """Have records offered that are only counted, whatever that shows of the generator.

    Raises:
        AssertionError: Something is missing, or there twice, or wasn't answered.
        ResourceError: The broker is gone for good.
    """
    whole = {**COUNTED, "duration_s": f"{duration_s:g}", **asked}
    with watching(client) as watched:
        conclusion = offer(client, whole, folder, duration_s)
    text = show(conclusion, folder)
    signs_of(conclusion, watched)
    expect_there(client, whole)
    # That a generator can't is what is looked for; that something is gone isn't.
    expect_answered(conclusion, text)
    return conclusion


def rise(
    client: Client, folder: Path, rates: Rates, more: Mapping[str, str]
) -> tuple[Knee, tuple[Step, ...]]:
    """Have a load rise; where it has come to, and its steps.

    Args:
        client: Of the keeper.
        folder: Where its files go.
        rates: Where it begins, and where it ends.
        more: What it is told besides, such as who offers it.
    """
    rising = {"rate_per_s": f"{rates.first}", "to_rate_per_s": f"{rates.last}"}
    conclusion = offer_counted(client, {**RISING, **rising, **more}, folder, RISING_S)
    steps = steps_of(conclusion.settings, together(conclusion.moments))
    return knee_of(steps, OBJECTIVE_MS), steps
