"""Streams: where standard output or error is closed, full, or read by nobody any more.

What can't be said breaks nothing that is done. Python would raise in the middle of it, or say at
the end that it couldn't, with an exit code of its own.
"""

from __future__ import annotations

import contextlib
import io
import locale
import os
import sys
from typing import TextIO

__all__ = ["Bearing", "flush", "open_streams", "put"]


def open_streams() -> None:
    """Put something in the places of standard streams that are closed, for children, too.

    Else the next file that is opened gets the number of one, and what is said ends up there.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            null = os.open(os.devnull, os.O_RDWR)  # the lowest number that is free: this one
            os.set_inheritable(null, True)  # noqa: FBT003 - positional only
    if sys.stdin is None:
        sys.stdin = os.fdopen(0)
    if sys.stdout is None:
        sys.stdout = sys.__stdout__ = os.fdopen(1, "w")  # type: ignore[misc]
    if sys.stderr is None:
        sys.stderr = sys.__stderr__ = os.fdopen(2, "w")  # type: ignore[misc]


def put(stream: TextIO, text: str) -> OSError | None:
    """Say something; why it can't be said, and then nothing will be any more."""
    try:
        stream.write(text)
        stream.flush()
    except OSError as error:
        silence(stream)
        return error
    return None


def flush(stream: TextIO) -> OSError | None:
    """Say what was to be said on a stream; why it can't be."""
    return put(stream, "")


def silence(stream: TextIO) -> None:
    """Lead a stream nowhere: what is still in it would be tried again at the process's end."""
    with contextlib.suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)
        stream.flush()


class Bearing(io.TextIOBase):
    """A text stream into a descriptor that bears whatever becomes of it.

    Args:
        descriptor: Its own; whatever can't be written there is lost.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """As everything else on a terminal."""
        return locale.getpreferredencoding(False)  # noqa: FBT003 - positional only

    def fileno(self) -> int:
        """Its descriptor."""
        return self._descriptor

    def isatty(self) -> bool:
        """Whether somebody looks on."""
        return os.isatty(self._descriptor)

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, text: str) -> int:
        """Write all of a text, or lose the rest of it."""
        left = text.encode(self.encoding, errors="replace")
        with contextlib.suppress(OSError):
            while left:
                left = left[os.write(self._descriptor, left) :]
        return len(text)
