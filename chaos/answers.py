"""Answers: whether services say that they are ready, while something is broken."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import requests

from groundwork.checkers.history import SECOND_NS
from groundwork.checkers.paging import Lasted

__all__ = ["Answer", "Asker", "Promised", "Said", "asked", "missed_of"]

# A service is asked so often: what is measured is off by as much, and by what an answer may take.
ASK_INTERVAL_S = 0.25
ASK_TIMEOUT_S = 2.0

Said = Literal["ready", "unready", "nothing"]


@dataclass(frozen=True)
class Answer:
    """What a service has said, from then on until the next one.

    Attributes:
        service: Which.
        said: That it is ready, that it isn't, or nothing.
        at_ns: When, on the machine's monotonic clock.
    """

    service: str
    said: Said
    at_ns: int


@dataclass(frozen=True)
class Promised:
    """What a service is to say while something is broken.

    Attributes:
        service: Which.
        said: What it says then; that it is ready, it says all the time.
        within_s: When it says so at the latest, from the landing on.
        back_within_s: From the healing until it says that it is ready, at most.
    """

    service: str
    said: Said
    within_s: float
    back_within_s: float


class Asker(threading.Thread):
    """Asks services all the time whether they are ready.

    Args:
        services: Where each is asked, by its name.
    """

    def __init__(self, services: Mapping[str, str]) -> None:
        super().__init__(name="asker", daemon=True)
        self._services = services
        self._over = threading.Event()
        self._last: dict[str, Said] = {}
        self.answers: list[Answer] = []

    def run(self) -> None:
        """In a thread."""
        while not self._over.wait(ASK_INTERVAL_S):
            for service, url in self._services.items():
                at_ns, said = time.monotonic_ns(), asked(url)
                if said != self._last.get(service):
                    self._last[service] = said
                    self.answers.append(Answer(service, said, at_ns))

    def end(self) -> None:
        """Ask no more; it may never have begun."""
        self._over.set()
        if self.is_alive():
            self.join()


def asked(url: str) -> Said:
    """What a service says when it is asked whether it is ready."""
    try:
        answer = requests.get(f"{url}/ready", timeout=ASK_TIMEOUT_S)
    except requests.RequestException:
        return "nothing"
    return "ready" if answer.ok else "unready"


def missed_of(promised: Promised, answers: Sequence[Answer], lasted: Lasted) -> Iterator[str]:
    """What a service hasn't said in time, one sentence each.

    Args:
        promised: What it is to say.
        answers: What all services have said.
        lasted: When something was broken.
    """
    own = [each for each in answers if each.service == promised.service]
    name = promised.service
    landed_ns = lasted.landed_ns
    before = [each.said for each in own if each.at_ns < lasted.begun_ns]
    if not before or before[-1] != "ready":
        yield f"{name} was to be ready before the fault, and said {before[-1] if before else '-'}"
    if promised.said == "ready":
        for each in own:
            if each.at_ns >= lasted.begun_ns and each.said != "ready":
                after_s = (each.at_ns - landed_ns) / SECOND_NS
                yield f"{name} was to be ready all the time; it said {each.said} {after_s:.1f} s on"
        return
    then = [e.at_ns for e in own if e.at_ns >= lasted.begun_ns and e.said == promised.said]
    in_time = bool(then) and then[0] <= lasted.healed_ns
    said_s = max(0, then[0] - landed_ns) / SECOND_NS if in_time else None
    if said_s is None or said_s > promised.within_s:
        seen = "never" if said_s is None else f"after {said_s:.1f} s"
        yield f"{name} was to say {promised.said} within {promised.within_s:g} s; it did {seen}"
    back_s = back_of(own, lasted.healed_ns)
    if back_s is None or back_s > promised.back_within_s:
        seen = "never" if back_s is None else f"after {back_s:.1f} s"
        limit = f"{promised.back_within_s:g} s after the healing"
        yield f"{name} was to be ready at most {limit}; it was {seen}"


def back_of(own: Sequence[Answer], healed_ns: int) -> float | None:
    """How long after the healing a service was ready for good; None where it isn't."""
    if not own or own[-1].said != "ready":
        return None
    return max(0.0, (own[-1].at_ns - healed_ns) / SECOND_NS)
