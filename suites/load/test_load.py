"""Load: what was asked for was offered, and all that was acknowledged is there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from groundwork.use.client import Client, Handle
from groundwork.use.session import EnvironmentSession
from load.settings import LoadSettings
from suites.support.loads import OVERHEAD_S, expect_there, offer, show
from suites.support.told import expect_told

# The longest load that a test waits for is an hour.
LIMIT_S = 3600.0 + OVERHEAD_S


@dataclass(frozen=True)
class Offering:
    """What is asked for, where its files go, and who is told."""

    client: Client
    asked: dict[str, str]
    duration_s: float
    folder: Path
    tell: Callable[[str], None]
    note: Callable[[str, object], None]

    def expect_valid(self) -> None:
        """Offer it: it is what was asked for, and came out as it should."""
        conclusion = offer(self.client, self.asked, self.folder, self.duration_s, self.tell)
        text = show(conclusion, self.folder)
        self.note("load", text)
        expect_there(self.client, self.asked)
        expect_told(conclusion.outcome, text)
        assert conclusion.outcome == "valid", text


@pytest.fixture
def offering(
    broker: Handle,
    asked: dict[str, str],
    wanted: LoadSettings,
    out_dir: Path,
    record_property: Callable[[str, object], None],
    groundwork_session: EnvironmentSession,
) -> Offering:
    """A load of what is asked for."""
    # Where the keeper's own lines go, each of them whole: two streams would begin in each other's.
    tell = groundwork_session.terminal.say
    duration_s, folder = wanted.duration_s, out_dir / "load" / "offered"
    return Offering(broker.client, asked, duration_s, folder, tell, record_property)


@pytest.mark.alone(limit_s=LIMIT_S)
def test_what_is_offered_is_acknowledged_and_there(offering: Offering) -> None:
    """Each message went when it was due; each acknowledged one is read back, once and in order.

    What the generator couldn't offer is no measurement of the broker, and is told as such.
    """
    offering.expect_valid()


@pytest.mark.alone(limit_s=LIMIT_S)
def test_what_is_asked_of_the_service_is_answered(offering: Offering, hello_world: Handle) -> None:
    """Each request went when it was due, also where those before weren't answered yet.

    A round trip is from then until the message has come back through the broker.
    """
    del hello_world  # for its being there
    offering.expect_valid()
