"""A restart under load: what passes from a broker's death to the first acknowledgement after it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import allure
import numpy as np
import pytest

from chaos.caller import host_and_port
from groundwork.base.errors import NotYetError
from groundwork.base.wait import Deadline, wait_for
from groundwork.checkers import archive
from groundwork.checkers.history import Kind, Outcome
from groundwork.keep.events import FaultHealed, FaultLanded
from groundwork.use.client import Handle
from load.desk import PROGRESS
from suites.support.figures import Figures
from suites.support.loads import OVERHEAD_S, offer, show
from suites.support.meanwhile import await_told, meanwhile
from suites.support.stamps import stamp_of

DURATION_S = 20.0
ASKED = {"rate_per_s": "2000", "duration_s": f"{DURATION_S:g}", "seed": "1"}

AFTER_S, DEAD_S = 4, 3.0
CONNECT_TIMEOUT_S, BACK_TIMEOUT_S = 1.0, 60.0
LIMIT_S = DURATION_S + OVERHEAD_S + 60.0

MS_NS = 1_000_000


@pytest.mark.alone(limit_s=LIMIT_S)
@pytest.mark.disturbs("broker", limit_s=LIMIT_S)
def test_what_passes_until_records_are_acknowledged_again(
    broker: Handle,
    figures: Figures,
    out_dir: Path,
    say: Callable[[str], None],
) -> None:
    """Its process is killed and started again; nothing that it had acknowledged is lost."""
    folder, faults, accepted_ns = out_dir / "load" / "restart", [], []
    place = host_and_port(broker.endpoint("kafka").partition(",")[0])

    def connect() -> None:
        try:
            socket.create_connection(place, CONNECT_TIMEOUT_S).close()
        except OSError as error:
            raise NotYetError(f"{error}") from error

    def kill(over: threading.Event) -> None:
        await_told(lambda: [folder / PROGRESS], f"load: {AFTER_S} s:", over, OVERHEAD_S)
        with broker.fault("kill", limit_s=60) as opened:
            faults.append(opened.told.id)
            over.wait(DEAD_S)
        deadline = Deadline.after(BACK_TIMEOUT_S)
        wait_for(connect, deadline=deadline, what="the broker to accept a connection")
        accepted_ns.append(time.monotonic_ns())

    with meanwhile(kill):
        conclusion = offer(broker.client, ASKED, folder, DURATION_S)
    text = show(conclusion, folder)
    assert conclusion.outcome in {"valid", "invalid"}, text
    assert conclusion.account.acknowledged == conclusion.account.scheduled, text
    timeline = out_dir / "timeline.jsonl"
    landed_ns, healed_ns = (
        stamp_of(timeline, kind, faults[0]) for kind in (FaultLanded, FaultHealed)
    )
    columns = archive.read(folder).columns
    sent = (columns["kind"] == Kind.SEND) & (columns["outcome"] == Outcome.OK)
    heard_ns = columns["complete_ns"][sent & (columns["complete_ns"] > landed_ns + MS_NS)]
    first_ns = int(np.min(heard_ns))
    stages = {
        "killed, until it is started again": healed_ns - landed_ns,
        "from then until it accepts a connection": accepted_ns[0] - healed_ns,
        "until a record is acknowledged": first_ns - healed_ns,
    }
    lines = [f"{name}: {span_ns / MS_NS:,.0f} ms" for name, span_ns in stages.items()]
    allure.attach("\n".join(lines), "stages")
    say("\n".join(lines))
    figures.expect("restart_ms", (first_ns - healed_ns) / MS_NS)
