"""Evidence: what shows that a fault has landed, by witnesses that the fault's own code isn't.

The keeper says what it has done. A witness looks for itself: at the operating system's processes,
and by calls of its own. What it doesn't see hasn't happened, and the experiment proves nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import psutil

from chaos.caller import call, crowd, host_and_port, question
from chaos.distance import Distance
from chaos.omission import Omission, jobs_at
from chaos.sightings import Evidence, Sightings, Witness
from groundwork.base import process
from groundwork.base.errors import NotYetError, UsageError, WaitTimeoutError
from groundwork.base.process import Identity
from groundwork.base.wait import Deadline, wait_for
from groundwork.declare.resource import Description
from groundwork.keep.messages import Status

__all__ = [
    "WITNESSES",
    "Calm",
    "Descriptors",
    "Evidence",
    "Sightings",
    "Witness",
    "addresses_of",
    "found_at",
    "witness_of",
]

# More than a server gets free while somebody looks, by those who hang up meanwhile; and what it may
# have been left.
CROWD = 100

# A killed broker reads its log before it listens again.
RETURN_TIMEOUT_S = 60.0


def found_at(address: str) -> psutil.Process | None:
    """The process that listens at an address; None where none does, or it isn't ours to see."""
    _, port = host_and_port(address)
    for each in psutil.process_iter():
        try:
            sockets = each.net_connections("tcp")
        except psutil.Error:  # it has just ended, or isn't ours
            continue
        if any(s.status == psutil.CONN_LISTEN and s.laddr.port == port for s in sockets):
            return each
    return None


def identity_at(address: str) -> Identity | None:
    """Who listens at an address."""
    found = found_at(address)
    return process.identify(found.pid) if found is not None else None


class Death:
    """Of a process that is ended: another one takes its place, a child of the keeper.

    Args:
        addresses: Where the processes listen that are to end.
        keeper: Whose children they are.
    """

    def __init__(self, addresses: tuple[str, ...], keeper: Identity) -> None:
        self.sightings = Sightings()
        self._addresses = addresses
        self._keeper = keeper
        self._old: dict[str, Identity] = {}
        self._begin_ticks = 0

    def look_before(self) -> None:
        """Somebody listens."""
        for address in self._addresses:
            found = identity_at(address)
            if found is None:
                self.sightings.doubts.append(f"nobody listened at {address} before")
            else:
                self._old[address] = found
        self._begin_ticks = process.ticks_now()

    def look_during(self) -> None:
        """Nobody of them lives any more."""
        for old in self._old.values():
            self.sightings.expect(
                so=not old.alive(),
                seen=f"process {old.pid} (start ticks {old.start_ticks}) has ended",
                doubt=f"process {old.pid} was to end, and lives",
            )

    def look_after(self) -> None:
        """Others listen, which the keeper has started meanwhile."""
        for address in self._old:
            try:
                new = wait_for(
                    lambda where=address: self._returned(where),  # type: ignore[misc]
                    deadline=Deadline.after(RETURN_TIMEOUT_S),
                    what=f"another process to listen at {address}",
                )
            except WaitTimeoutError as error:
                self.sightings.doubts.append(str(error).splitlines()[0])
            else:
                self._look_at(new)

    def _returned(self, address: str) -> Identity:
        new = identity_at(address)
        if new is None:
            raise NotYetError("nobody listens")
        return new

    def _look_at(self, new: Identity) -> None:
        told = f"process {new.pid} (start ticks {new.start_ticks})"
        if new in self._old.values():
            self.sightings.doubts.append(f"{told} listens as before: nothing was started again")
            return
        parent = psutil.Process(new.pid).ppid()
        self.sightings.expect(
            so=parent == self._keeper.pid,
            seen=f"{told} listens now, a child of the keeper ({parent})",
            doubt=f"{told} was started by process {parent}, and not by the keeper",
        )
        inside = self._begin_ticks <= new.start_ticks <= process.ticks_now()
        self.sightings.expect(
            so=inside,
            seen="it was started after the fault had begun",
            doubt=f"{told} was started before the fault",
        )


class Stop:
    """Of a process that is paused: the kernel has stopped it, and whoever calls it waits in vain.

    Args:
        addresses: Where the processes listen that are paused.
    """

    def __init__(self, addresses: tuple[str, ...]) -> None:
        self.sightings = Sightings()
        self._addresses = addresses
        self._found: dict[str, psutil.Process] = {}

    def look_before(self) -> None:
        """They run, and answer."""
        for address in self._addresses:
            found = found_at(address)
            if found is None or call(address) != "answered":
                self.sightings.doubts.append(f"{address} didn't answer before")
            else:
                self._found[address] = found

    def look_during(self) -> None:
        """State T, and no answer."""
        for address, found in self._found.items():
            state = state_of(found)
            self.sightings.expect(
                so=state == psutil.STATUS_STOPPED,
                seen=f"process {found.pid} is stopped (state T)",
                doubt=f"process {found.pid} was to be stopped, and is {state}",
            )
            reply = call(address)
            self.sightings.expect(
                so=reply == "swallowed",
                seen=f"a call to {address} has no answer",
                doubt=f"a call to {address} was to have no answer, and was {reply}",
            )

    def look_after(self) -> None:
        """They are the same, and answer again."""
        for address, found in self._found.items():
            expect_answer(self.sightings, address)
            state = state_of(found)
            self.sightings.expect(
                so=state != psutil.STATUS_STOPPED,
                seen=f"process {found.pid} goes on",
                doubt=f"process {found.pid} is {state} still",
            )


def state_of(found: psutil.Process) -> str:
    """What the kernel says of a process."""
    try:
        return found.status()
    except psutil.Error:
        return "gone"


def expect_answer(sightings: Sightings, address: str) -> None:
    """A call is answered, in time."""

    def look() -> None:
        if (reply := call(address)) != "answered":
            raise NotYetError(reply)

    try:
        wait_for(
            look, deadline=Deadline.after(RETURN_TIMEOUT_S), what=f"{address} to answer a call"
        )
    except WaitTimeoutError as error:
        sightings.doubts.append(str(error).splitlines()[0])
    else:
        sightings.seen.append(f"a call to {address} is answered again")


@dataclass(frozen=True)
class Descriptors:
    """What the kernel tells of the descriptors of a process, in its files.

    Attributes:
        allowed: How many it may have.
        taken: How many it has.
    """

    allowed: int
    taken: int

    @classmethod
    def of(cls, pid: int) -> Descriptors:
        """Those of a process that is there."""
        folder = Path("/proc") / str(pid)
        limits = (folder / "limits").read_text().splitlines()
        (words,) = (line.split() for line in limits if line.startswith("Max open files"))
        return cls(int(words[3]), len(list((folder / "fd").iterdir())))


class Lack:
    """Of descriptors: the kernel allows fewer than before, and whoever comes new is not heard.

    Args:
        addresses: Where the processes listen that have none left.
    """

    def __init__(self, addresses: tuple[str, ...]) -> None:
        self.sightings = Sightings()
        self._addresses = addresses
        self._before: dict[str, tuple[int, Descriptors]] = {}

    def look_before(self) -> None:
        """They answer, and may have many."""
        for address in self._addresses:
            found = found_at(address)
            told = self._now(found.pid) if found is not None else None
            if found is None or told is None or call(address) != "answered":
                self.sightings.doubts.append(f"{address} didn't answer before")
            else:
                self._before[address] = (found.pid, told)

    def look_during(self) -> None:
        """They may have hardly more than they have, and soon answer nobody who comes."""
        for address, (pid, before) in self._before.items():
            answered = crowd(address, question(1), CROWD)
            self.sightings.expect(
                so=answered < CROWD,
                seen=f"{answered} calls to {address} are answered, and the next is not",
                doubt=f"{answered} calls to {address} at once were answered, and none was to be",
            )
            now = self._now(pid)
            self.sightings.expect(
                so=now is not None and now.allowed < before.allowed,
                seen=f"process {pid} may have fewer descriptors than before: {now}",
                doubt=f"process {pid} was to have fewer descriptors than {before}: {now}",
            )

    def look_after(self) -> None:
        """They are the same, may have as many as before, and answer."""
        for address, (pid, before) in self._before.items():
            expect_answer(self.sightings, address)
            now = self._now(pid)
            self.sightings.expect(
                so=now is not None and now.allowed == before.allowed,
                seen=f"process {pid} may have {before.allowed} descriptors again",
                doubt=f"process {pid} was to have {before.allowed} descriptors again: {now}",
            )

    @staticmethod
    def _now(pid: int) -> Descriptors | None:
        try:
            return Descriptors.of(pid)
        except OSError:  # it has ended
            return None


class Cut:
    """Of a way that is cut: a call on it comes to nothing, while the server itself answers.

    Args:
        ways: The addresses on the way.
        servers: Those of the servers at its end.
    """

    def __init__(self, ways: tuple[str, ...], servers: tuple[str, ...]) -> None:
        self.sightings = Sightings()
        self._ways = ways
        self._servers = servers

    def look_before(self) -> None:
        """Calls are answered."""
        for way in self._ways:
            if (reply := call(way)) != "answered":
                self.sightings.doubts.append(f"a call to {way} was {reply} before")

    def look_during(self) -> None:
        """They are not."""
        for way, server in zip(self._ways, self._servers, strict=True):
            reply = call(way)
            self.sightings.expect(
                so=reply != "answered",
                seen=f"a call to {way} is {reply}",
                doubt=f"a call to {way} was to come to nothing, and was answered",
            )
            directly = call(server)
            self.sightings.expect(
                so=directly == "answered",
                seen=f"the server behind it answers at {server}",
                doubt=f"the server behind it was to answer at {server}; the call was {directly}",
            )

    def look_after(self) -> None:
        """They are answered again."""
        for way in self._ways:
            expect_answer(self.sightings, way)


class Calm:
    """Of nothing that is done: the processes are the same all the time, and answer.

    Args:
        addresses: Where they listen.
    """

    def __init__(self, addresses: tuple[str, ...]) -> None:
        self.sightings = Sightings()
        self._addresses = addresses
        self._old: dict[str, Identity | None] = {}

    def look_before(self) -> None:
        """They answer."""
        self._old = {address: identity_at(address) for address in self._addresses}
        self._expect_the_same("before")

    def look_during(self) -> None:
        """They are the same, and answer."""
        self._expect_the_same("meanwhile")

    def look_after(self) -> None:
        """They are the same still."""
        self._expect_the_same("afterwards")

    def _expect_the_same(self, when: str) -> None:
        for address, old in self._old.items():
            reply, new = call(address), identity_at(address)
            self.sightings.expect(
                so=reply == "answered" and new is not None and new == old,
                seen=f"{address} answers {when}, and is process {new.pid if new else '?'}",
                doubt=f"{address} was to be left alone: {when} it was {reply}, by {new}",
            )


# Who can witness which fault; one that nobody can is no part of an experiment.
WITNESSES = (
    *("kill", "terminate", "pause", "exhaust", "misconfigure"),
    *("isolate", "blackhole", "slow", "limit"),
)


def witness_of(fault: str, resource: str, target: str, status: Status) -> Witness:
    """Who looks at a fault of a resource.

    Raises:
        UsageError: Nobody can, or there is no such target.
    """
    told = {each.name: each for each in status.resources}
    if fault == "misconfigure":  # of a key, and not of a part that could be called
        return Omission(lambda: jobs_at(told[resource].endpoint()), target)
    addresses = addresses_of(told[resource], target)
    if fault in {"kill", "terminate"}:
        return Death(addresses, status.keeper)
    if fault == "pause":
        return Stop(addresses)
    if fault == "exhaust":
        return Lack(addresses)
    if fault in {"slow", "limit"}:
        return Distance(addresses, addresses_of(told["broker"], target))
    if fault in WITNESSES:
        return Cut(addresses, addresses_of(told["broker"], target))
    raise UsageError(f"{fault} of {resource}: nobody can witness it; known: {', '.join(WITNESSES)}")


def addresses_of(resource: Description, target: str) -> tuple[str, ...]:
    """Where a resource, or one of its nodes, is called."""
    addresses = tuple(resource.endpoint().split(","))
    if not target:
        return addresses
    number = int(target.rpartition("-")[2]) - 1
    if not 0 <= number < len(addresses):
        raise UsageError(f"{resource.name} has no {target}; it has {len(addresses)} nodes")
    return (addresses[number],)
