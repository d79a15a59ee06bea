"""Meanwhile: what is done while a load is offered, once that has come so far."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from groundwork.base.errors import NotYetError
from groundwork.base.wait import Deadline, wait_for

__all__ = ["await_told", "meanwhile"]


@contextmanager
def meanwhile(do: Callable[[threading.Event], None]) -> Iterator[None]:
    """Have something done while the block runs; what that raises is raised.

    Args:
        do: Is given what is set when the block is over: then it is to wait for nothing any more.
    """
    over = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        doing = pool.submit(do, over)
        try:
            yield
        finally:
            over.set()
        doing.result()


def await_told(
    find: Callable[[], Iterable[Path]], words: str, over: threading.Event, timeout_s: float
) -> None:
    """Wait until a load has told something of its progress.

    Args:
        find: Finds the files that progress is told in, as far as they are there.
        words: What is to stand in one of them.
        over: Ends the wait where it is set.
        timeout_s: For how long at most.

    Raises:
        WaitTimeoutError: It hasn't told it in time.
        CancelledError: ``over`` was set meanwhile.
    """

    def look() -> None:
        texts = [file.read_text() for file in find() if file.is_file()]
        if not any(words in text for text in texts):
            lines = "".join(texts).splitlines()
            raise NotYetError(lines[-1] if lines else "it hasn't begun")

    deadline = Deadline.after(timeout_s)
    wait_for(look, deadline=deadline, what=f"a load to tell {words!r}", cancel=over)
