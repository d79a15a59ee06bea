"""`python -m suites.support.rendered FOLDER`: each overlay as a run renders it, in a file."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import yaml

from suites.support.overlays import OVERLAYS, everything

__all__ = ["write"]


def write(folder: Path) -> None:
    """Write all overlays into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in OVERLAYS:
        with tempfile.TemporaryDirectory(prefix="gw-rendered-") as work:
            text = yaml.safe_dump_all(everything(name, Path(work)))
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
