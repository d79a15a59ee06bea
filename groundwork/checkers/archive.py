"""Histories on disk: the rows as Parquet, beside them what clients were told and what was found.

So a verdict can be given again, by another version of a checker, without the run.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import parquet
from pydantic import TypeAdapter, ValidationError

from groundwork.base.errors import UsageError
from groundwork.checkers.history import COLUMNS, Client, History, Partition, Phase

__all__ = ["ABOUT", "ROWS", "read", "write"]

# What the files of a history are called, in the folder of a run.
ROWS, ABOUT = "history.parquet", "history.json"


@dataclass(frozen=True)
class About:
    """All of a history but its rows."""

    clients: dict[int, Client]
    partitions: tuple[Partition, ...]
    phases: tuple[Phase, ...]


ADAPTER = TypeAdapter(About)


def write(history: History, folder: Path) -> None:
    """Put a history into a folder.

    Raises:
        OSError: It can't be written.
    """
    table = pa.table({name: pa.array(history.columns[name]) for name in COLUMNS})
    parquet.write_table(table, folder / ROWS, compression="zstd")
    about = About(history.clients, history.partitions, history.phases)
    (folder / ABOUT).write_bytes(ADAPTER.dump_json(about, indent=2))


def read(folder: Path) -> History:
    """The history of a folder.

    Raises:
        UsageError: There is none, or it can't be read; names the file.
    """
    rows, about = folder / ROWS, folder / ABOUT
    for file in (rows, about):
        if not file.is_file():
            raise UsageError(f"{file}: there is no such file")
    try:
        told = ADAPTER.validate_json(about.read_bytes())
        table = parquet.read_table(rows)
    except (OSError, ValidationError, pa.ArrowException) as error:
        which = about if isinstance(error, ValidationError) else rows
        raise UsageError(f"{which}: {' '.join(str(error).split())[:200]}") from error
    missing = set(COLUMNS) - set(table.column_names)
    if missing:
        raise UsageError(f"{rows}: there is no column {', '.join(sorted(missing))}")
    columns = {
        name: np.ascontiguousarray(table.column(name).to_numpy().astype(kind))
        for name, kind in COLUMNS.items()
    }
    return History(columns, told.clients, told.partitions, told.phases)
