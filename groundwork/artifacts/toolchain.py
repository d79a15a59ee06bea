"""Tools that others are fetched or built with, from a wheel where this machine has none."""

from __future__ import annotations

import sys
from pathlib import Path

from groundwork.artifacts.artifact import NotThisWayError
from groundwork.artifacts.cache import Provenance
from groundwork.artifacts.workshop import Workshop
from groundwork.base import process
from groundwork.base.process import ProcessFailedError

__all__ = ["toolchain"]

# Sixty megabytes, over a line that may be slow.
WHEEL_TIMEOUT_S = 300.0


def toolchain(name: str, lock: Path, workshop: Workshop) -> Path:
    """The folder of a wheel's files, fetched by the hashes of its lock.

    Raises:
        NotThisWayError: It can't be fetched.
    """

    def make(folder: Path) -> Provenance:
        workshop.tell(name.lower())
        process.run(
            [
                sys.executable, "-m", "uv", "pip", "install", "--quiet", "--require-hashes",
                "--target", folder, "-r", lock,
            ],
            timeout_s=WHEEL_TIMEOUT_S,
            cancel=workshop.cancel,
        )  # fmt: skip
        return Provenance("", "wheel")

    try:
        return workshop.entry(name.lower(), lock.read_text(), make).path
    except (ProcessFailedError, OSError) as error:
        raise NotThisWayError(f"no {name}, and its wheel can't be fetched") from error
