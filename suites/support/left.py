"""What a job has left: its outcome as a file, or why there is none."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import allure

from groundwork.base.errors import GroundworkError
from groundwork.keep.messages import JobDone
from groundwork.use.client import Client

__all__ = ["expect_left"]

# What was waited for, and what it was like at last.
LAST_LINES = 3


def expect_left(done: JobDone, file: Path, client: Client, names: Iterable[str]) -> None:
    """See that a job that has ended has left a file; its log goes into the report.

    Args:
        done: The job.
        file: What it comes to.
        client: Of the keeper.
        names: The resources that it was for.

    Raises:
        ResourceError: It has come to nothing, for one of these is gone for good.
        GroundworkError: The same for another reason: the end of its log, which says why.
    """
    allure.attach.file(str(done.log), "log", allure.attachment_type.TEXT)
    if not file.is_file():
        client.check(names)
        said = " / ".join(done.log.read_text(errors="replace").splitlines()[-LAST_LINES:])
        code = done.exit_code
        ended = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
        raise GroundworkError(f"a job has come to nothing, {ended}{said and f': {said}'}")
