"""Witnesses on a cluster: what the API server says of pods, to a client of their own, and calls.

The keeper says what it has done, and so does the node that it was done on; neither is asked. A pod
has a name of its own (its uid), and so has each of its containers, which no other ever gets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from chaos.caller import call
from chaos.evidence import expect_answer
from chaos.room import END_TIMEOUT_S, Room
from chaos.sightings import Sightings
from groundwork.base.errors import GroundworkError, NotYetError, WaitTimeoutError
from groundwork.base.wait import Deadline, wait_for
from groundwork.kube.pods import Pod

__all__ = [
    "POD_WITNESSES",
    "Absence",
    "Calm",
    "Crash",
    "Death",
    "Look",
    "Nonsense",
    "Silence",
    "Starvation",
    "part_of",
]

# A pod is placed, and a killed broker reads its log before it is ready.
RETURN_TIMEOUT_S = 120.0

UNANSWERED = frozenset({"refused", "hung up", "swallowed"})

# The pods of a resource now, by name.
Look = Callable[[], Mapping[str, Pod]]


class Pods:
    """What all of these witnesses have: the pods as they were, and are.

    Args:
        look: Asks the API server.
        chosen: The names of the pods that something is done to; empty for all.
        addresses: Where these are called.
    """

    def __init__(self, look: Look, chosen: frozenset[str], addresses: tuple[str, ...]) -> None:
        self.sightings = Sightings()
        self.addresses = addresses
        self.before: Mapping[str, Pod] = {}
        self.look = look
        self._names = chosen

    @property
    def chosen(self) -> list[Pod]:
        """Those that something is done to, as they were."""
        return [pod for name, pod in self.before.items() if name in self._names or not self._names]

    @property
    def spared(self) -> list[Pod]:
        """The others."""
        return [pod for pod in self.before.values() if pod not in self.chosen]

    def look_before(self) -> None:
        """All are ready, and answer."""
        self.before = self.look()
        if not self.chosen:
            self.sightings.doubts.append("there were no pods before")
        for pod in self.before.values():
            if not pod.ready:
                self.sightings.doubts.append(f"pod {pod.name} wasn't ready before")
        for address in self.addresses:
            if (reply := call(address)) != "answered":
                self.sightings.doubts.append(f"a call to {address} was {reply} before")

    def expect_replies(self, wanted: frozenset[str], word: str) -> None:
        """Calls come to one of these."""
        for address in self.addresses:
            reply = call(address)
            self.sightings.expect(
                so=reply in wanted,
                seen=f"a call to {address} is {reply}",
                doubt=f"a call to {address} was to be {word}, and was {reply}",
            )

    def expect_the_same(self, pods: list[Pod]) -> None:
        """These are there as they were, with the containers that they had, and ready."""
        now = self.look()
        for pod in pods:
            found = now.get(pod.name)
            same = found is not None and (found.uid, found.containers) == (pod.uid, pod.containers)
            self.sightings.expect(
                so=same,
                seen=f"pod {pod.name} ({pod.uid}) and its containers are the same",
                doubt=f"pod {pod.name} ({pod.uid}) was to be the same, and is {told(found)}",
            )

    def await_ready(self) -> Mapping[str, Pod]:
        """Wait until as many pods as before are ready, and called with success; these."""
        try:
            found = wait_for(
                self._ready, deadline=Deadline.after(RETURN_TIMEOUT_S), what="pods to be ready"
            )
        except (WaitTimeoutError, GroundworkError) as error:
            self.sightings.doubts.append(str(error).splitlines()[0])
            found = self.look()
        for address in self.addresses:
            expect_answer(self.sightings, address)
        return found

    def _ready(self) -> Mapping[str, Pod]:
        now = self.look()
        unready = [told(pod) for pod in now.values() if not pod.ready]
        if unready or len(now) != len(self.before):
            raise NotYetError(f"{len(now)} of {len(self.before)} pods, not ready: {unready}")
        return now


class Death(Pods):
    """Of pods that are deleted: others take their places, and nothing befalls the rest."""

    def look_during(self) -> None:
        """They aren't there any more."""
        there = {pod.uid for pod in self.look().values()}
        for pod in self.chosen:
            self.sightings.expect(
                so=pod.uid not in there,
                seen=f"pod {pod.name} ({pod.uid}) is gone",
                doubt=f"pod {pod.name} ({pod.uid}) was to be gone, and is there",
            )
        self.expect_the_same(self.spared)

    def look_after(self) -> None:
        """Others are ready, and answer."""
        now = {pod.uid for pod in self.await_ready().values()}
        before = {pod.uid for pod in self.before.values()}
        new = now - before
        self.sightings.expect(
            so=len(new) == len(self.chosen),
            seen=f"there are others: {', '.join(sorted(new))}",
            doubt=f"{len(self.chosen)} other pods were to be there, and {len(new)} are",
        )


class Absence(Death):
    """Of pods that there are to be fewer of: nobody takes their places while that lasts."""

    def look_during(self) -> None:
        """They aren't there, nor is anybody else, and nobody answers for them."""
        super().look_during()
        spared = {pod.name for pod in self.spared}
        others = sorted(self.look().keys() - spared)
        self.sightings.expect(
            so=not others,
            seen="nobody is in their places",
            doubt=f"nobody was to be in their places, and {', '.join(others)} is",
        )
        self.expect_replies(UNANSWERED, "unanswered")


class Nonsense(Death):
    """Of pods that are begun anew with nonsense: nobody takes their places who would answer."""

    def look_during(self) -> None:
        """They aren't there, those that are aren't ready, and nobody answers for them."""
        super().look_during()
        ready = sorted(pod.name for pod in self.look().values() if pod.ready)
        self.sightings.expect(
            so=not ready,
            seen="nobody is ready in their places",
            doubt=f"nobody was to be ready in their places, and {', '.join(ready)} is",
        )
        self.expect_replies(UNANSWERED, "unanswered")


class Crash(Pods):
    """Of containers that are killed: others are in the same pods, or in others where they wait."""

    def look_during(self) -> None:
        """Nobody answers, or it is over already: a kubelet starts another one in a second."""
        self.expect_the_same(self.spared)

    def look_after(self) -> None:
        """None of the containers is there any more, and their pods say that they were ended."""
        now = self.await_ready()
        there = {each for pod in now.values() for each in pod.containers}
        for pod in self.chosen:
            self.sightings.expect(
                so=there.isdisjoint(pod.containers),
                seen=f"no container of pod {pod.name} is there any more",
                doubt=f"a container of pod {pod.name} was to have ended, and runs",
            )
            found = now.get(pod.name)
            if found is not None and found.uid == pod.uid:
                self.sightings.expect(
                    so=found.restarts == pod.restarts + len(pod.containers),
                    seen=f"pod {pod.name} was started again {found.restarts} times so far",
                    doubt=f"pod {pod.name} was to be started again once, and is {told(found)}",
                )


class Silence(Pods):
    """Of pods that are paused or cut off: nothing has ended, and whoever calls waits in vain."""

    def look_during(self) -> None:
        """They are there, and say nothing."""
        self.expect_the_same(list(self.before.values()))
        self.expect_replies(frozenset({"swallowed"}), "swallowed")

    def look_after(self) -> None:
        """They are the same, and answer again."""
        self.await_ready()
        self.expect_the_same(list(self.before.values()))


class Starvation(Pods):
    """Of a volume that is full: nobody can write there, and the container ends that does.

    Args:
        look: Asks the API server.
        addresses: Where the pods are called.
        free_bytes: Asks in the pod how much can be written.
    """

    def __init__(
        self, look: Look, addresses: tuple[str, ...], free_bytes: Callable[[], int]
    ) -> None:
        super().__init__(look, frozenset(), addresses)
        self._room = Room(self.sightings, "the volume", "on the volume", free_bytes)

    def look_before(self) -> None:
        """There is room, and somebody answers."""
        self._room.expect_some("before")
        super().look_before()

    def look_during(self) -> None:
        """There is no room, and soon nobody answers."""
        self._room.expect_none()

        def look() -> None:
            if ready := [pod.name for pod in self.look().values() if pod.ready]:
                raise NotYetError(f"{', '.join(ready)} is ready")

        what = "the container to end that writes there"
        self.sightings.expect_soon(look, END_TIMEOUT_S, what, "its pod isn't ready any more")
        self.expect_replies(UNANSWERED, "unanswered")

    def look_after(self) -> None:
        """There is room, and the same pod has another container, which answers."""
        self._room.expect_some("again")
        now = self.await_ready()
        for pod in self.chosen:
            found = now.get(pod.name)
            same = found is not None and found.uid == pod.uid
            new = sorted(set(found.containers) - set(pod.containers)) if found is not None else []
            self.sightings.expect(
                so=same and bool(new),
                seen=f"pod {pod.name} ({pod.uid}) has another container: {', '.join(new)}",
                doubt=f"pod {pod.name} ({pod.uid}) was to have another container, and is "
                f"{told(found)}",
            )


class Calm(Pods):
    """Of nothing that is done: the pods and their containers are the same, and answer."""

    def look_during(self) -> None:
        """They are."""
        self.expect_the_same(list(self.before.values()))
        self.expect_replies(frozenset({"answered"}), "answered")

    def look_after(self) -> None:
        """They are still."""
        self.look_during()


# Who can witness which fault of pods.
POD_WITNESSES: Mapping[str, type[Death | Crash | Silence]] = {
    "scale": Absence,
    "kill": Death,
    "terminate": Death,
    "crash": Crash,
    "pause": Silence,
    "isolate": Silence,
    "misconfigure": Nonsense,
}


def part_of(resource: str, target: str, platform: str) -> str:
    """What the keeper calls a node of the broker: pods are counted from 0, processes from 1."""
    name, _, number = target.rpartition("-")
    if platform == "local" or name != resource:
        return target
    return f"{name}-{int(number) - 1}"


def told(pod: Pod | None) -> str:
    """A pod, for people."""
    if pod is None:
        return "not there"
    return f"{pod.name} ({pod.uid}, {pod.restarts} restarts, {pod.waiting or pod.phase})"
