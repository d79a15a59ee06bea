"""Records: what is sent has a header by which it is known, and known to be whole."""

from __future__ import annotations

import struct
import zlib

__all__ = ["HEADER", "HEADER_BYTES", "ForeignError", "number_of", "seal", "sealed", "value_of"]

# What the header is called.
HEADER = "load"

# The run, the worker and the number of its message; the checksum of all three, of key and value.
SEAL = struct.Struct(">IHQI")
SUMMED = struct.Struct(">IHQI")  # the checksum begins with these, and with how long the key is
HEADER_BYTES = SEAL.size

# A history knows a record by one number: the worker above, its message below.
WORKER_SHIFT = 40


class ForeignError(ValueError):
    """A message is none of this run's: somebody else's, or another run's."""


def value_of(worker: int, number: int) -> int:
    """What a history calls a worker's message."""
    return worker << WORKER_SHIFT | number


def number_of(value: int) -> tuple[int, int]:
    """The worker and the number of a message."""
    return value >> WORKER_SHIFT, value & (1 << WORKER_SHIFT) - 1


def seal(worker: int, number: int, key: bytes, value: bytes, run: int = 0) -> bytes:
    """The header of a message, with the mark of its run."""
    return SEAL.pack(run, worker, number, checksum_of(run, worker, number, key, value))


def checksum_of(run: int, worker: int, number: int, key: bytes, value: bytes) -> int:
    """The checksum of all that a message is: no part can change, nor become another's."""
    begin = zlib.crc32(SUMMED.pack(run, worker, number, len(key)))
    return zlib.crc32(value, zlib.crc32(key, begin))


def sealed(header: bytes, key: bytes, value: bytes, run: int = 0) -> int:
    """What a history calls the message of a run with this header.

    Raises:
        ForeignError: It is none of this run's.
        ValueError: It isn't what was sent.
    """
    if len(header) != SEAL.size:
        raise ForeignError(f"no header of ours: {header!r:.40}")
    marked, worker, number, checksum = SEAL.unpack(header)
    # By the mark that it should have: one that was changed on the way is no other run's.
    whole = checksum == checksum_of(run, worker, number, key, value)
    if marked != run and not whole:
        raise ForeignError(f"message {number} of worker {worker} is of another run")
    if marked != run or not whole:
        raise ValueError(f"message {number} of worker {worker} isn't what was sent")
    return value_of(worker, number)
