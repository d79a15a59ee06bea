"""JSON files that hold one object of a known type, written by one process and read by another."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from groundwork.base.errors import UsageError

__all__ = ["read_json", "write_json"]

T = TypeVar("T")


def write_json(adapter: TypeAdapter[T], value: T, file: Path) -> None:
    """Put an object into a file.

    Raises:
        OSError: It can't be written.
    """
    file.write_bytes(adapter.dump_json(value, indent=2) + b"\n")


def read_json(adapter: TypeAdapter[T], file: Path) -> T:
    """The object that a file holds.

    Raises:
        UsageError: There is no such file, or it can't be read; one line that names it.
    """
    try:
        return adapter.validate_json(file.read_bytes())
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}") from error
    except ValidationError as error:
        raise UsageError(f"{file}: {' '.join(str(error).split())[:200]}") from error
