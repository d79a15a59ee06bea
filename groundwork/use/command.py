"""Commands: what the command lines of the engine, and of a project, have in common."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from groundwork.base.errors import ExitCode, GroundworkError, UsageError
from groundwork.base.loopback import reach_directly
from groundwork.declare.environment import Declared, find
from groundwork.declare.settings import Settings
from groundwork.use.streams import flush, open_streams, put

__all__ = ["add_options", "find_declared", "perform", "say"]


UNSAID: list[OSError] = []  # why standard output couldn't be written


def say(text: str) -> None:
    """A line on standard output; nothing where nobody reads it any more, or it is full."""
    error = put(sys.stdout, text + "\n")
    if error is not None:
        UNSAID.append(error)


def find_declared() -> Declared:
    """The declaration of the project that a command is called in.

    Raises:
        UsageError: There is none.
    """
    declared = find(Path.cwd())
    if declared is None:
        raise UsageError("no pyproject.toml with [tool.groundwork] here or above")
    return declared


def add_options(parser: argparse.ArgumentParser, settings: type[Settings]) -> None:
    """Let a command take an environment's options."""
    for option in settings.options():
        parser.add_argument(option.flag, dest=option.field, **option.arguments())


def perform(command: Callable[[], int]) -> int:
    """Do what a command says; an error of ours is one line on standard error, and its exit code.

    What was asked for and couldn't be said is an error, too, but that nobody reads on.
    """
    open_streams()
    reach_directly()
    try:
        code = command()
    except GroundworkError as error:
        put(sys.stderr, f"groundwork: {error}\n")
        code = error.exit_code
    except KeyboardInterrupt:
        put(sys.stderr, "groundwork: interrupted; what was started is removed\n")
        code = 128 + signal.SIGINT
    finally:  # argparse, too, has said something
        unsaid = [*UNSAID, *filter(None, [flush(sys.stdout)])]
        flush(sys.stderr)
    lost = next((each for each in unsaid if not isinstance(each, BrokenPipeError)), None)
    if lost is not None and code == ExitCode.OK:
        put(sys.stderr, f"groundwork: can't write standard output: {lost.strerror}\n")
        return ExitCode.INFRASTRUCTURE
    return code
