"""Omission: a job that is missing in Prometheus' configuration, by what Prometheus itself tells."""

from __future__ import annotations

from collections.abc import Callable, Collection

import requests

from chaos.sightings import Sightings
from fixtures.resources.prometheus import Prometheus
from groundwork.base.errors import NotYetError

__all__ = ["Omission", "jobs_at"]

# What is read again is in use within a second; as a pod it is begun anew, and probed. Whoever has a
# job missing sees to it that it is, before it counts as that.
READ_TIMEOUT_S = 60.0
MISSING_TIMEOUT_S = 15.0


def jobs_at(url: str) -> frozenset[str]:
    """The jobs in whose name a Prometheus asks somebody.

    Raises:
        NotYetError: It doesn't answer.
    """
    try:
        return frozenset(job for job, _ in Prometheus(url).targets())
    except requests.RequestException as error:
        raise NotYetError(f"it doesn't answer ({type(error).__name__})") from error


class Omission:
    """Of a job that is left out: nobody is asked in its name, and in that of each other one still.

    Args:
        jobs: Asks for those that there are.
        job: The one that is left out.
    """

    def __init__(self, jobs: Callable[[], Collection[str]], job: str) -> None:
        self.sightings = Sightings()
        self._jobs = jobs
        self._job = job
        self._before: frozenset[str] = frozenset()

    def look_before(self) -> None:
        """It is there."""

        def look() -> None:
            self._before = frozenset(self._jobs())
            if self._job not in self._before:
                raise NotYetError(f"there are {', '.join(sorted(self._before))}")

        what = f"job {self._job} to be there before"
        seen = f"Prometheus asks in the name of {self._job}"
        self.sightings.expect_soon(look, READ_TIMEOUT_S, what, seen)

    def look_during(self) -> None:
        """It alone is missing."""
        rest = self._before - {self._job}
        self._await(f"job {self._job} alone to be missing", rest, MISSING_TIMEOUT_S)

    def look_after(self) -> None:
        """All are there."""
        self._await("all jobs to be there again", self._before, READ_TIMEOUT_S)

    def _await(self, what: str, wanted: frozenset[str], limit_s: float) -> None:
        def look() -> None:
            if (found := frozenset(self._jobs())) != wanted:
                raise NotYetError(f"there are {', '.join(sorted(found))}")

        seen = f"Prometheus asks in the names of {', '.join(sorted(wanted))}"
        self.sightings.expect_soon(look, limit_s, what, seen)
