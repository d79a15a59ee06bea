"""Undisturbed: what must not be left half done is done in a thread of its own.

Signal handlers run in the main thread, and what they raise (Ctrl-C, a test's time-out) comes out of
any line there: between two steps that only make sense together, or with a lock held.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import TypeVar

__all__ = ["undisturbed"]

T = TypeVar("T")


def undisturbed(call: Callable[[], T]) -> T:
    """What a function returns or raises, which is called in a thread; it goes on to its end.

    Whoever waits may be broken off, and then gets neither.
    """
    results: SimpleQueue[T] = SimpleQueue()
    errors: SimpleQueue[BaseException] = SimpleQueue()
    done: SimpleQueue[None] = SimpleQueue()

    def work() -> None:
        try:
            results.put(call())
        except BaseException as error:  # noqa: BLE001 - raised again where it was called
            errors.put(error)
        finally:
            done.put(None)

    threading.Thread(target=work, daemon=True).start()
    done.get()
    if not errors.empty():
        raise errors.get()
    return results.get()
