"""Wellness: what a kept environment comes to after somebody has died in the middle of a fault."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from groundwork.base import ledger, process
from groundwork.base.errors import NotYetError
from groundwork.base.wait import Deadline, wait_for
from groundwork.keep.messages import ClientHello
from groundwork.use.client import Client
from groundwork.use.kept import Kept, kept_environments

__all__ = ["HEALTHY_TIMEOUT_S", "expect_well", "open_faults", "well"]

# From the promise: what a dead process has broken is healed, and all is healthy, within 10 s.
HEALTHY_TIMEOUT_S = 10.0


def open_faults(folder: Path) -> set[str]:
    """The faults of an environment that are on record and not healed."""
    found: set[str] = set()
    for record in ledger.read(folder):
        if record.kind == "fault":
            (found.add if record.step == "fault" else found.discard)(record.name)
    return found


def _expect_over(kept: Kept, client: Client) -> None:
    """See that no run uses it, nothing is broken on purpose, and no job runs."""
    if client.status().run:
        raise NotYetError("the run isn't over")
    running = process.find_by_token(f"{kept.folder.name}:job:")
    broken = open_faults(kept.folder)
    if broken or running:
        raise NotYetError(f"open: {broken}; running: {running}")


@contextmanager
def well(
    state_dir: Path, timeout_s: float = HEALTHY_TIMEOUT_S
) -> Iterator[tuple[Client, Deadline]]:
    """Wait until the kept environment is over it, and have all of it alone while the block runs.

    Whoever gets a claim after somebody has died gets what was seen to be well.
    """
    deadline = Deadline.after(timeout_s)
    (kept,) = kept_environments(state_dir)
    with closing(Client(kept.socket, ClientHello())) as client:
        wait_for(
            lambda: _expect_over(kept, client), deadline=deadline, what="the killed run to be over"
        )
        names = [each.name for each in client.status().resources]
        client.claim(names, [], holder="the test", limit_s=deadline.left_s())
        status = client.status()
        assert status.failures == {}
        assert {each.state for each in status.resources} == {"ready"}
        yield client, deadline
        client.release()
    assert deadline.left_s() > 0


def expect_well(state_dir: Path, timeout_s: float = HEALTHY_TIMEOUT_S) -> None:
    """See that the kept environment is well in time, and nothing of it is broken or held."""
    with well(state_dir, timeout_s):
        pass  # that it was given is what was to be seen
