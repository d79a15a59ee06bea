"""Jobs: the commands that a keeper runs on request, such as a load or an experiment.

A project declares them (``Environment.jobs``). Whoever asks for one names it and gives arguments,
which are checked here; no command travels over the socket.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from groundwork.declare.arguments import Arguments, arguments_of

__all__ = ["Job"]

# A soak of an hour is the longest that is thought of.
LIMIT_S = 4000.0

# Locust and the Chaos Toolkit write down what they know when they are told to end.
STOP_GRACE_S = 10.0


@dataclass(frozen=True)
class Job:
    """A command that a keeper runs, in a folder that whoever asks for it has named.

    It finds the project's modules (PYTHONPATH); and the keeper, and the claim of whoever has asked,
    by :meth:`groundwork.use.client.Client.from_environment`.

    Attributes:
        name: What it is asked for by.
        argv: The program and its arguments, of the arguments given; paths of what it writes are
            relative, to its folder.
        arguments: What it may be told.
        limit_s: How long it may take at most, whatever is asked for.
        stop_grace_s: From SIGTERM to SIGKILL when its time is up.
    """

    name: str
    argv: Callable[[Any], Sequence[str | Path]]
    arguments: type[Arguments] = Arguments
    limit_s: float = LIMIT_S
    stop_grace_s: float = STOP_GRACE_S

    def command(self, given: Mapping[str, Any]) -> tuple[str, ...]:
        """The command for these arguments.

        Raises:
            UsageError: An argument is missing, unknown or not what it should be; says which.
        """
        arguments = arguments_of(self.arguments, given, f"job {self.name}")
        return tuple(map(str, self.argv(arguments)))
