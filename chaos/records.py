"""Records: what is sent, so that whoever reads it knows which one it is."""

from __future__ import annotations

import struct

__all__ = ["payload", "value_of"]

# As large as a small message of a trading platform.
SIZE_BYTES = 100

HEAD = struct.Struct(">Q")
PADDING = b"." * (SIZE_BYTES - HEAD.size)


def payload(value: int) -> bytes:
    """The bytes of a record."""
    return HEAD.pack(value) + PADDING


def value_of(data: bytes | None) -> int:
    """Which record these bytes are; raises ValueError where they are none of ours."""
    if data is None or len(data) != SIZE_BYTES or data[HEAD.size :] != PADDING:
        raise ValueError(f"no record of ours: {data!r:.40}")
    (value,) = HEAD.unpack_from(data)
    return int(value)
