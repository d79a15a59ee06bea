"""The watch: an objective that is broken tenfold ends an experiment, and nothing less does."""

from __future__ import annotations

import threading

import pytest

from chaos.recorder import Acknowledged
from chaos.watch import Tally, Watch
from groundwork.checkers.history import SECOND_NS
from groundwork.checkers.objective import Objective


def at(seconds: float, partition: int = 0) -> Acknowledged:
    """A record that was acknowledged then."""
    return Acknowledged(partition, 0, round(seconds * SECOND_NS))


def broken(tally: Tally, seconds: float) -> str:
    """What is, at a moment."""
    return tally.broken(round(seconds * SECOND_NS))


@pytest.mark.parametrize("since", ["fault", "healing"])
def test_silence_counts_from_where_the_objective_says(since: str) -> None:
    """Ten times the limit after the landing, or the healing, and not a moment earlier."""
    tally = Tally(Objective(since, 2.0))  # type: ignore[arg-type]
    tally.add([at(99)])
    assert broken(tally, 1_000) == ""  # nothing was broken yet: it isn't about that
    tally.landed(100 * SECOND_NS, ())
    assert (broken(tally, 120.5) != "") == (since == "fault")
    tally.healed(110 * SECOND_NS)
    begin_s = 100 if since == "fault" else 110
    assert broken(tally, begin_s + 20) == ""
    assert "nothing was acknowledged for 20 s" in broken(tally, begin_s + 20.5)
    tally.add([at(125)])
    assert broken(tally, 130) == ""


def test_what_a_fault_leaves_alone_is_to_get_on() -> None:
    """A tenth of what is promised in a window, once one is whole."""
    tally = Tally(Objective("fault", 15.0, spared_min=100))
    tally.landed(100 * SECOND_NS, (1, 2))
    tally.add([at(100 + n / 10, 1) for n in range(100)])
    assert broken(tally, 104.9) == ""
    said = broken(tally, 105)
    assert "of partition 2" in said
    assert "0 records were acknowledged in 5 s" in said
    tally.add([at(104, 2) for _ in range(10)])
    assert broken(tally, 105) == ""
    tally.add([at(109, 1) for _ in range(10)])
    assert "of partition 2" in broken(tally, 110)


def test_the_watch_tells_once() -> None:
    """And ends; also where it is told to before."""
    told: list[str] = []
    heard = threading.Event()
    tally = Tally(Objective("fault", 0.001, spared_min=1))
    tally.landed(1, ())

    def stop(why: str) -> None:
        told.append(why)
        heard.set()

    watch = Watch(tally, list, stop)
    watch.start()
    assert heard.wait(20)
    watch.end()
    assert len(told) == 1
    calm = Watch(Tally(Objective("fault", 1.0)), list, stop)
    calm.start()
    calm.end()
    assert len(told) == 1
