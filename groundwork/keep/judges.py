"""The judges: what is about to start is looked at by its own tools before it is launched."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait

from groundwork.base.errors import CancelledError, GroundworkError, UsageError
from groundwork.declare.resource import Resource
from groundwork.declare.stage import Stage

__all__ = ["judge"]

# How soon judges hear that nobody waits for them any more.
LOOK_S = 0.1


def judge(pairs: Sequence[tuple[Resource, Stage]], cancel: threading.Event) -> None:
    """Have resources judged, all at the same time: most of it is waiting for their tools.

    Args:
        pairs: What is about to start.
        cancel: Ends the judges' commands when it is set.

    Raises:
        UsageError: One of them can't run so, or can't be judged; of the first in order.
        CancelledError: The run has ended meanwhile.
    """
    with ThreadPoolExecutor(max(1, len(pairs)), thread_name_prefix="judge") as pool:
        verdicts = [pool.submit(resource.judge, stage) for resource, stage in pairs]
        while wait(verdicts, timeout=LOOK_S).not_done:
            if cancel.is_set():
                for _, stage in pairs:
                    stage.cancel.set()
    if cancel.is_set():
        raise CancelledError("the run has ended")
    for (resource, _), verdict in zip(pairs, verdicts, strict=True):
        error = verdict.exception()
        if isinstance(error, UsageError):
            raise error
        if error is not None:  # as with whatever else a declaration raises: one line
            kind = "" if isinstance(error, GroundworkError) else f"{type(error).__name__}: "
            said = str(error).partition("\n")[0]
            raise UsageError(f"{resource.name}: can't be judged: {kind}{said}") from error
