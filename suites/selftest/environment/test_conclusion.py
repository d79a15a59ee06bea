"""Conclusions: by what an experiment is kept, broken, invalid or unknown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chaos.conclusion import CONCLUSION, Conclusion, conclude, read, write
from chaos.evidence import Evidence
from groundwork.base.errors import UsageError
from groundwork.checkers.objective import Objective
from groundwork.checkers.outage import Outage
from groundwork.checkers.recovery import Recovery
from groundwork.checkers.verdict import Finding, Verdict

OBJECTIVE = Objective("fault", 20.0)
OUTAGE = Outage(Recovery(10.0, 50.0, 3.0, 9.0), 0)
SHOWN = Evidence("kill", "broker", "", ("process 7 has ended",), ())
VALID = Verdict("valid", (), (), "No power was lost.")
LOSS = Finding("lost write", 3, np.arange(3), ())


def step(name: str, status: str = "succeeded", **more: Any) -> dict[str, Any]:
    """An activity as a journal has it."""
    return {"activity": {"name": name}, "status": status, "output": None, **more}


EXPERIMENT: dict[str, Any] = {"method": [{}, {}], "rollbacks": [{}]}

MET = {"steady_state_met": True, "probes": [step("acknowledged", tolerance_met=True)]}
MISSED = {
    "steady_state_met": False,
    "probes": [step("acknowledged", tolerance_met=True), step("metric", tolerance_met=False)],
}


def journal(**other: Any) -> dict[str, Any]:
    """One in which all went well, but for this."""
    return {
        "status": "completed",
        "steady_states": {"before": MET, "after": MET, "during": []},
        "run": [step("kill"), step("heal")],
        "rollbacks": [step("heal again")],
    } | other


@pytest.mark.parametrize(
    ("said", "outcome", "reason"),
    [
        ({}, "kept", ""),
        ({"journal": journal(status="interrupted")}, "invalid", "the experiment was interrupted"),
        (
            {
                "journal": journal(
                    run=[step("kill", "failed", exception=["a", "UsageError: no\n"]), step("heal")]
                )
            },
            "invalid",
            "kill: UsageError: no",
        ),
        ({"journal": journal(run=[step("kill")])}, "invalid", "2 of 3 activities took place"),
        ({"journal": journal(rollbacks=[])}, "invalid", "2 of 3 activities took place"),
        (
            {"journal": journal(run=[step("kill"), {"activity": {"name": "heal"}}])},
            "invalid",
            "heal: it was broken off",
        ),
        (
            {"journal": journal(steady_states={"before": MISSED, "after": None, "during": []})},
            "invalid",
            "wasn't: metric gave None",
        ),
        (
            {"journal": journal(steady_states={"before": None, "after": None, "during": []})},
            "invalid",
            "all was to be steady before the fault",
        ),
        ({"evidence": ()}, "invalid", "nothing was broken"),
        (
            {"evidence": (Evidence("kill", "broker", "", (), ("process 7 lives",)),)},
            "invalid",
            "kill of broker isn't shown: process 7 lives",
        ),
        ({"verdict": None}, "invalid", "there is no history"),
        (
            {"journal": journal(steady_states={"before": MET, "after": MISSED, "during": []})},
            "broken",
            "isn't: metric gave None",
        ),
        ({"verdict": Verdict("invalid", (LOSS,), (), "")}, "broken", "lost write: 3"),
        ({"outage": Outage(Recovery(10, 50, 3, 21), 0)}, "broken", "21 s after its landing"),
        ({"verdict": Verdict("unknown", (), ("too few",), "")}, "unknown", "too few"),
        ({"outage": Outage(Recovery(900, 1800, 3, 0), 0)}, "unknown", "within 900 ms"),
    ],
)
def test_an_outcome_and_why(said: dict[str, Any], outcome: str, reason: str) -> None:
    """What shows nothing is invalid, whatever else it is; what is missing keeps no promise."""
    whole: dict[str, Any] = {
        "journal": journal(),
        "evidence": (SHOWN,),
        "verdict": VALID,
        "outage": OUTAGE,
    } | said
    found, reasons = conclude(EXPERIMENT, objective=OBJECTIVE, **whole)
    assert found == outcome
    assert reason in "\n".join(reasons)
    assert (reasons == ()) == (outcome == "kept")


def test_what_is_known_in_kafka_breaks_nothing() -> None:
    """A finding with a name of its own."""
    known = Finding("aborted read", 1, np.arange(1), (), "KIP-890")
    verdict = Verdict("valid", (known,), (), "")
    assert conclude(EXPERIMENT, journal(), (SHOWN,), verdict, OUTAGE, OBJECTIVE) == ("kept", ())


def test_a_conclusion_is_kept_on_disk(tmp_path: Path) -> None:
    """As it was; and what can't be read is told by its name."""
    for outage in (OUTAGE, None):
        own = Conclusion("broker-killed", 7, "kept", (), (SHOWN,), OBJECTIVE, outage, "worth")
        write(own, tmp_path)
        assert read(tmp_path) == own
    assert any("process 7 has ended" in line for line in own.lines())
    (tmp_path / CONCLUSION).write_text("{}")
    with pytest.raises(UsageError, match=CONCLUSION):
        read(tmp_path)
    with pytest.raises(UsageError, match="No such file"):
        read(tmp_path / "nowhere")


def test_a_conclusion_in_lines() -> None:
    """How long, at most; what was lost; and what was left alone."""
    outage = Outage(Recovery(10.0, 50.0, 3.0, None), 2, 640)
    objective = Objective("healing", 5.0, spared_min=100)
    own = Conclusion("broker-paused", 7, "broken", ("a reason",), (), objective, outage)
    text = "\n".join(own.lines())
    for said in (
        "broker-paused: broken (seed 7)",
        "a reason",
        "from its healing to the first acknowledgements of what was sent then 3.0 s",
        "to five seconds as before never (at most 5 s)",
        "acknowledged and lost: 2 (at most 0)",
        "at least 640 records of each partition in 5 s (at least 100)",
    ):
        assert said in text
