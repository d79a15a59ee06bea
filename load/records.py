"""Records: what is sent has a header by which it is known, and known to be whole."""

from __future__ import annotations

import struct
import zlib

__all__ = ["HEADER", "HEADER_BYTES", "number_of", "seal", "sealed", "value_of"]

# What the header is called.
HEADER = "load"

# The worker and the number of its message; the checksum of both, of key and value.
SEAL = struct.Struct(">HQI")
SUMMED = struct.Struct(">HQI")  # the checksum begins with these, and with how long the key is
HEADER_BYTES = SEAL.size

# A history knows a record by one number: the worker above, its message below.
WORKER_SHIFT = 40


def value_of(worker: int, number: int) -> int:
    """What a history calls a worker's message."""
    return worker << WORKER_SHIFT | number


def number_of(value: int) -> tuple[int, int]:
    """The worker and the number of a message."""
    return value >> WORKER_SHIFT, value & (1 << WORKER_SHIFT) - 1


def seal(worker: int, number: int, key: bytes, value: bytes) -> bytes:
    """The header of a message."""
    return SEAL.pack(worker, number, checksum_of(worker, number, key, value))


def checksum_of(worker: int, number: int, key: bytes, value: bytes) -> int:
    """The checksum of all that a message is: no part can change, nor become another's."""
    begin = zlib.crc32(SUMMED.pack(worker, number, len(key)))
    return zlib.crc32(value, zlib.crc32(key, begin))


def sealed(header: bytes, key: bytes, value: bytes) -> int:
    """What a history calls the message with this header.

    Raises:
        ValueError: It is none of ours, or isn't what was sent.
    """
    if len(header) != SEAL.size:
        raise ValueError(f"no header of ours: {header!r:.40}")
    worker, number, checksum = SEAL.unpack(header)
    if checksum != checksum_of(worker, number, key, value):
        raise ValueError(f"message {number} of worker {worker} isn't what was sent")
    return value_of(worker, number)
