"""Lists of the project in YAML, entry by entry: what isn't as it should be is named by its file."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import TypeAdapter, ValidationError

from groundwork.base.errors import UsageError
from groundwork.base.reader import load

__all__ = ["read_entries"]

T = TypeVar("T")


def read_entries(file: Path, root: Path, kind: type[T]) -> tuple[T, ...]:
    """The entries of a file, each of a kind that pydantic knows.

    Args:
        file: In YAML.
        root: The project's, below which the file is named.
        kind: Of each entry.

    Raises:
        UsageError: It can't be read, or is malformed; one line that names the file.
    """
    where = file.relative_to(root)
    try:
        adapter: TypeAdapter[tuple[T, ...]] = TypeAdapter(tuple[kind, ...])  # type: ignore[valid-type] # known at run time
        return adapter.validate_python(load(file.read_text("utf-8")))
    except OSError as error:
        raise UsageError(f"{where}: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise UsageError(f"{where}: {' '.join(str(error).split())}") from error
    except ValidationError as error:
        fault = error.errors()[0]
        place = " ".join(map(str, fault["loc"]))
        raise UsageError(f"{where}: entry {place}: {fault['msg']}") from error
