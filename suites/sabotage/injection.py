"""An injection: one thing that somebody has got wrong, and what a good failure says of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from suites.sabotage.living import Alteration

__all__ = ["Edit", "Injection", "Kind"]


class Kind(StrEnum):
    """What a green run did not see once; each has three injections at least."""

    DECLARATION = "a declaration was compared with itself"
    EFFECTIVE = "settings in effect were not read from the server"
    CHAIN = "the way of an alert was seen in halves"
    PRODUCTION = "what production reads was overwritten"
    SERIES = "nothing was behind a name"
    RECORDS = "the service was believed"
    EXPOSURE = "sockets, secrets and logs were not looked at"
    CAUSE = "a failure did not tell its cause"
    KEEPER = "the suite itself was not looked at"
    CLUSTER = "a cluster's objects were not what was declared"


@dataclass(frozen=True)
class Edit:
    """A declaration that was edited: a text in a file of the project, in the place of another."""

    file: str
    old: str
    new: str

    @contextmanager
    def done(self, root: Path) -> Iterator[None]:
        """The project of this folder, edited; afterwards as it was.

        Raises:
            ValueError: The file doesn't hold the text exactly once.
        """
        (path,) = root.glob(self.file) if "*" in self.file else (root / self.file,)
        before = path.read_text()
        if before.count(self.old) != 1:
            raise ValueError(f"{self.file} should hold {self.old!r} once")
        path.write_text(before.replace(self.old, self.new))
        try:
            yield
        finally:
            path.write_text(before)


@dataclass(frozen=True)
class Injection:
    """One misconfiguration.

    Attributes:
        name: What was got wrong, in a few words; the test is called so.
        kind: Why it was green once.
        act: How it is done: an edit of the project, or something done to the servers that run.
        words: Patterns; a failure that names the cause has them all in what it says.
        always: Whether it is among the few that are tried at every change.
        spoils: Whether the environment is of no use afterwards.
        platform: Where it is tried: ``local`` or ``kind``.
    """

    name: str
    kind: Kind
    act: Edit | Alteration
    words: tuple[str, ...]
    always: bool = False
    spoils: bool = False
    platform: str = "local"
