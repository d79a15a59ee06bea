"""The warm-up: it ends when clients get on and no alert is on its way, and not for ever."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.recorder import Acknowledged
from chaos.warmup import BASELINES, CALM_WINDOWS, await_steady, calm_of, take_baseline
from groundwork.checkers.outage import BASELINE_MS_MAX

MS_NS = 1_000_000

PLATFORMS = st.sampled_from(["local", "kind"])

# What a second is like: all answered soon, one of a hundred late or two, nothing answered; and
# whether an alert is on its way.
SECONDS = st.lists(st.tuples(st.sampled_from([0, 1, 2, None]), st.booleans()), max_size=80)


def sends(late: int | None, calm_ns: int) -> list[Acknowledged]:
    """A hundred, of which so many are late; or none."""
    if late is None:
        return []
    took_ns = [calm_ns + 1] * late + [calm_ns] * (100 - late)
    return [Acknowledged(0, 5, 5 + each) for each in took_ns]


@given(PLATFORMS, SECONDS)
def test_it_ends_with_three_calm_seconds_in_a_row(
    platform: str, seconds: list[tuple[int | None, bool]]
) -> None:
    """Two of a hundred that are late, no answers, or an alert: and it is counted anew."""
    calm_ns, seconds_max = calm_of(platform)
    passed: list[float] = []
    # What isn't said is calm.
    padded = [*seconds, *[(0, False)] * seconds_max][:seconds_max]
    looks = iter(padded)
    alert = False

    def fresh() -> list[Acknowledged]:
        nonlocal alert
        late, alert = next(looks)
        return sends(late, calm_ns)

    steady_ns = await_steady(platform, fresh, lambda: ["Down"] * alert, passed.append)
    calm = [late in {0, 1} and not alert for late, alert in padded]
    ends = range(CALM_WINDOWS, seconds_max + 1)
    wanted = next((end for end in ends if all(calm[end - CALM_WINDOWS : end])), None)
    assert (steady_ns > 0) == (wanted is not None)
    assert passed == [1.0] * (wanted or seconds_max)


@pytest.mark.parametrize("platform", ["local", "kind"])
def test_what_is_never_calm_is_said_to_be(platform: str) -> None:
    """An alert that stays: after its time the experiment begins all the same, and it is known."""
    calm_ns, _ = calm_of(platform)
    found = await_steady(platform, lambda: sends(0, calm_ns), lambda: ["Down"], lambda _: None)
    assert found == 0


# What a baseline is like: how many of a hundred take too long; or that nothing is answered.
TAKEN = st.lists(st.sampled_from([0, 1, 2, None]), max_size=BASELINES)


@given(TAKEN, st.sampled_from([0, 100, None]))
def test_a_spoilt_baseline_is_taken_again(taken: list[int | None], before: int | None) -> None:
    """But no more than three times; and what was acknowledged before it says nothing of it."""
    limit_ns = round(BASELINE_MS_MAX * MS_NS)
    padded = [*taken, *[0] * BASELINES][:BASELINES]
    acknowledged = sends(before, limit_ns)
    times = 0

    def take() -> None:
        nonlocal times
        acknowledged.extend(sends(padded[times], limit_ns))
        times += 1

    def fresh() -> list[Acknowledged]:
        found = list(acknowledged)
        acknowledged.clear()
        return found

    good = [number for number, late in enumerate(padded, 1) if late in {0, 1}]
    assert take_baseline(take, fresh) == times == min([*good, BASELINES])
