"""Commands: what the command lines of the engine, and of a project, have in common."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from groundwork.base.errors import GroundworkError, UsageError
from groundwork.base.loopback import reach_directly
from groundwork.declare.environment import Declared, find
from groundwork.declare.settings import Settings

__all__ = ["add_options", "find_declared", "perform", "say"]


def say(text: str) -> None:
    """A line on standard output; nothing where nobody reads it any more."""
    try:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def open_streams() -> None:
    """Put something in the places of standard streams that are closed.

    Else the next file that is opened gets the number of one, and what is said ends up there.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free: this one
    if sys.stdout is None:
        sys.stdout = os.fdopen(1, "w")
    if sys.stderr is None:
        sys.stderr = os.fdopen(2, "w")


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
    """Do what a command says; an error of ours is one line on standard error, and its exit code."""
    open_streams()
    reach_directly()
    try:
        return command()
    except GroundworkError as error:
        sys.stderr.write(f"groundwork: {error}\n")
        return error.exit_code
    except KeyboardInterrupt:
        sys.stderr.write("groundwork: interrupted; what was started is removed\n")
        return 128 + signal.SIGINT
