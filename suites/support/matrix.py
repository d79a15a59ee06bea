"""The rows of the detection matrix, each written by the test of its experiment."""

from __future__ import annotations

from pathlib import Path

from pydantic import TypeAdapter

from groundwork.base.jsonfile import read_json, write_json
from reports.matrix import Row

__all__ = ["keep_row", "kept_rows"]

# In an experiment's folder: who was told of it.
FILE = "paging.json"

ADAPTER = TypeAdapter(Row)


def keep_row(row: Row, folder: Path) -> None:
    """Put a row into its experiment's folder."""
    write_json(ADAPTER, row, folder / FILE)


def kept_rows(out_dir: Path) -> tuple[Row, ...]:
    """The rows of a run, by name, so that two runs can be laid beside each other."""
    files = sorted((out_dir / "experiments").glob(f"*/{FILE}"))
    return tuple(read_json(ADAPTER, file) for file in files)
