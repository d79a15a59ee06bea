"""Native tools: what the same machine bears without us, by programs that others have written.

Of Kafka those that come with it, in Java; of HTTP wrk, in C. Each is told what our own side is
told, and says in its last lines how much it did in a second.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from groundwork.base.errors import GroundworkError
from load.settings import LoadSettings

__all__ = ["Java", "packaged", "rate_consumed", "rate_produced", "requests_of", "wrk"]

# What they are called in kafka-tools.
PRODUCER = "org.apache.kafka.tools.ProducerPerformance"
CONSUMER = "org.apache.kafka.tools.ConsumerPerformance"

# As Kafka's own scripts have it, for tools.
HEAP = "-Xmx512m"

PRODUCED = re.compile(r"^(?P<records>\d+) records sent, (?P<rate>[\d.]+) records/sec", re.MULTILINE)
RATE = "fetch.nMsg.sec"  # without the time until its group has assigned it something
COUNT = "data.consumed.in.nMsg"
REQUESTS = re.compile(
    r"^\s*(?P<count>\d+) requests in .*?^Requests/sec:\s+(?P<rate>[\d.]+)$",
    re.MULTILINE | re.DOTALL,
)
UNANSWERED = re.compile(r"^\s*(Non-2xx or 3xx responses: .*|Socket errors: .*)$", re.MULTILINE)

# Of what a tool says when it hasn't done what it should.
SAID_CHARS = 400


@dataclass(frozen=True)
class Java:
    """A Java runtime, and Kafka's libraries.

    Attributes:
        program: The runtime's.
        libraries: The folder of jars.
    """

    program: Path
    libraries: Path

    def producing(self, settings: LoadSettings, records: int) -> list[str]:
        """The command that produces as fast as it can; its records have no key.

        Args:
            settings: What our own side is told: whom, where to, size and how clients batch.
            records: How many.
        """
        own = {"bootstrap.servers": settings.bootstrap} | {
            name: told(value) for name, value in settings.client().items()
        }
        properties = [f"{name}={value}" for name, value in own.items()]
        return [
            *self._begin(PRODUCER),
            *("--topic", settings.topic, "--num-records", str(records), "--throughput", "-1"),
            *("--record-size", str(settings.size_bytes), "--command-property", *properties),
        ]

    def consuming(self, settings: LoadSettings, records: int) -> list[str]:
        """The command that reads so many records of a topic as fast as it can."""
        where = ("--bootstrap-server", settings.bootstrap, "--topic", settings.topic)
        return [*self._begin(CONSUMER), *where, "--num-records", str(records)]

    def _begin(self, tool: str) -> list[str]:
        return [str(self.program), HEAP, "-cp", f"{self.libraries}/*", tool]


def wrk(program: Sequence[str], url: str, connections: int, duration_s: float) -> list[str]:
    """The command that asks for a page as often as it can, in one thread."""
    own = ("-t1", f"-c{connections}", f"-d{duration_s:.0f}s", url)
    return [*program, *own]


def told(value: object) -> str:
    """A property as Java's clients are told it."""
    match value:
        case bool():
            return str(value).lower()
        case float():
            return f"{value:g}"
        case _:
            return str(value)


def rate_produced(output: str, records: int) -> float:
    """Records a second that were acknowledged, by what the producer says last.

    Raises:
        GroundworkError: It doesn't say that it has sent them.
    """
    found = [each for each in PRODUCED.finditer(output) if int(each["records"]) == records]
    if not found:
        raise GroundworkError(f"{PRODUCER} doesn't say what it has done: {last_of(output)}")
    return float(found[-1]["rate"])


def rate_consumed(output: str, records: int) -> float:
    """Records a second that were read, by what the consumer says last.

    Raises:
        GroundworkError: It doesn't say so, or has read fewer.
    """
    lines = [line.split(", ") for line in output.splitlines() if ", " in line]
    for head, row in pairwise(lines):
        if RATE in head and len(head) == len(row):
            found = dict(zip(head, row, strict=True))
            if int(found[COUNT]) >= records:
                return float(found[RATE])
            raise GroundworkError(f"{CONSUMER} has read {found[COUNT]} of {records} records")
    raise GroundworkError(f"{CONSUMER} doesn't say what it has done: {last_of(output)}")


def requests_of(output: str) -> tuple[float, int]:
    """Requests a second that were answered, and how many in all, by what wrk says.

    Raises:
        GroundworkError: It doesn't say so, or some weren't answered well.
    """
    wrong = UNANSWERED.search(output)
    if wrong is not None:
        raise GroundworkError(f"wrk wasn't answered well: {wrong[1]}")
    found = REQUESTS.search(output)
    if found is None:
        raise GroundworkError(f"wrk doesn't say what it has done: {last_of(output)}")
    return float(found["rate"]), int(found["count"])


def packaged(tree: Path, name: str) -> list[str]:
    """What runs a program of Debian packages that lie in a folder, with the libraries beside it.

    Raises:
        GroundworkError: There is nothing that could load it.
    """
    libraries = tree / "usr" / "lib"
    loaders = sorted(tree.glob("usr/lib*/ld-linux*.so.*"))
    if not loaders:
        raise GroundworkError(f"{tree}: nothing loads {name}")
    folders = [libraries, *sorted(libraries.glob("*-linux-gnu"))]
    path = ":".join(map(str, folders))
    return [str(loaders[0]), "--library-path", path, str(tree / "usr" / "bin" / name)]


def last_of(output: str) -> str:
    """The last of what a program has said, in a line."""
    return " ".join(output.split())[-SAID_CHARS:] or "nothing"
