"""The watch: sees that whom a load is offered to is gone for good, and has the load end.

What a fault has broken isn't gone: the keeper heals it, and loads are run to see what becomes of
them meanwhile. What has ended without one, or isn't well again in its time, nobody brings back: a
client would wait for each of its own deadlines in turn, for minutes, to learn as much.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from groundwork.base.errors import (
    GroundworkError,
    NotRecoveredError,
    ResourceDiedError,
    ResourceError,
)
from groundwork.use.client import Client
from load.desk import GONE

__all__ = ["Watch", "in_a_line", "watched"]

# A look is a question that the keeper answers from what it knows: as cheap as it is soon.
LOOK_INTERVAL_S = 0.5

# From then on until Locust's processes have ended by themselves: its workers hear of it within
# tenths of a second, what they have sent is given up within five, and Locust takes two to end. What
# still waits for metadata then would do so for twenty.
END_TIMEOUT_S = 10.0


class Watch(threading.Thread):
    """Looks until told to stop, or until there is nobody left.

    Args:
        client: Of the keeper.
        names: The resources that the load is offered to; what they need is looked at, too.
        folder: The load's, in which its workers find that it is over.

    Attributes:
        gone: Set once one of them is gone for good.
        overdue: Set where the load's processes haven't ended in time then.
        error: What has become of it, in one line; None as long as all are there.
    """

    def __init__(self, client: Client, names: Iterable[str], folder: Path) -> None:
        super().__init__(name="watch", daemon=True)
        self.gone, self.overdue = threading.Event(), threading.Event()
        self.error: ResourceError | None = None
        self._client = client
        self._names = tuple(names)
        self._file = folder / GONE
        self._over = threading.Event()

    def run(self) -> None:
        """In a thread."""
        while not self.gone.is_set() and not self._over.wait(LOOK_INTERVAL_S):
            self.look()
        if not self._over.wait(END_TIMEOUT_S):
            self.overdue.set()

    def look(self, *, examine: bool = False) -> None:
        """Look now; with ``examine`` one that is just dying is seen, too."""
        try:
            self._client.check(self._names, examine=examine)
        except ResourceError as error:
            self.error = in_a_line(error)
            self._file.write_text(f"{self.error}\n")
            self.gone.set()

    def expect_there(self) -> None:
        """Look whether all are there.

        Raises:
            ResourceError: One isn't any more, and won't be: names it.
        """
        self.look()
        if self.error is not None:
            raise in_a_line(self.error)  # a new one: what is kept has nobody's frames

    @contextmanager
    def explaining(self) -> Iterator[None]:
        """Tell what goes wrong in a block by its cause, where that is that somebody is gone.

        Raises:
            ResourceError: That is it.
            GroundworkError: It is something else.
        """
        try:
            yield
        except GroundworkError as error:
            self.look(examine=True)
            if self.error is not None:
                raise in_a_line(self.error) from error
            raise

    def end(self) -> None:
        """Look no more."""
        self._over.set()
        self.join()


def in_a_line(error: ResourceError) -> ResourceError:
    """The same without the end of a server's log, which the keeper's run tells once."""
    kind = NotRecoveredError if isinstance(error, NotRecoveredError) else ResourceDiedError
    return kind(error.resource, error.message.partition("\n")[0])


@contextmanager
def watched(client: Client, names: Iterable[str], folder: Path) -> Iterator[Watch]:
    """Have somebody watched for as long as the block runs.

    Raises:
        ResourceError: It isn't there from the beginning, or what goes wrong in the block is that.
    """
    (folder / GONE).unlink(missing_ok=True)  # of a load before, where a person uses a folder again
    watch = Watch(client, names, folder)
    watch.expect_there()
    watch.start()
    try:
        with watch.explaining():
            yield watch
    finally:
        watch.end()
