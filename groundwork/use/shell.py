"""What a person's shell does to an environment: break it for a while, have one of its jobs run."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from groundwork.base import process
from groundwork.base.errors import ExitCode, UsageError
from groundwork.declare.capability import FAULTS
from groundwork.declare.environment import Declared
from groundwork.declare.settings import Settings
from groundwork.keep.events import JobStarted, Waiting
from groundwork.keep.messages import WatchHello
from groundwork.use.client import PROCESS, Client

__all__ = ["Words", "fault", "job", "kinds"]

# What a fault takes beyond the seconds that it is to last: until it has landed, for which a hook
# has half a minute, as where three pods are to end; and at its end. Whoever dies in it has it
# healed at once all the same.
LANDING_S, HEALING_S = 30.0, 5.0

# What isn't to be seen: a pod that is gone, say.
ABSENT = "not there"

FAULT_USE = "use: groundwork fault RESOURCE FAULT [PARAMETER=VALUE]... --seconds N [--target PART]"
JOB_USE = "use: groundwork job NAME [ARGUMENT=VALUE]... --seconds N --out FOLDER"


@dataclass(frozen=True)
class Words:
    """What a command was told besides the environment's options.

    Attributes:
        said: What stands behind the command, in order.
        seconds: For how long; None where it isn't told.
        target: One part of a resource; empty for all of it.
        out: Where files go; None where it isn't told.
    """

    said: tuple[str, ...] = ()
    seconds: float | None = None
    target: str = ""
    out: Path | None = None

    def expect_names(self, command: str) -> tuple[str, ...]:
        """What stands behind the command; refuse all else.

        Raises:
            UsageError: There is something else.
        """
        replace(self, said=()).expect_none(command)
        return self.said

    def expect_none(self, command: str) -> None:
        """Refuse words that mean nothing.

        Raises:
            UsageError: There are some.
        """
        if self != Words():
            flags = {"--seconds": self.seconds, "--target": self.target, "--out": self.out}
            given = [flag for flag, value in flags.items() if value]
            raise UsageError(f"groundwork {command} takes no {', '.join([*self.said, *given])}")


def kinds() -> str:
    """The faults that there are, each with its parameters."""
    told = (
        [each.name, *(f"{name}=..." for name in each.parameters.model_fields)] for each in FAULTS
    )
    return ", ".join(map(" ".join, told))


def fault(words: Words, say: Callable[[str], None]) -> int:
    """Break a resource for some seconds, and show what was to be seen of it.

    Raises:
        UsageError: It can't be broken so.
        NotRecoveredError: It, or who needs it, isn't well again in time.
    """
    try:
        resource, name, *pairs = words.said
    except ValueError as error:
        raise UsageError(FAULT_USE) from error
    if not words.seconds or words.seconds < 0:
        raise UsageError(FAULT_USE)
    told = arguments_of(f"{name} of {resource}", pairs)
    client = Client.from_environment(words.out)
    with contextlib.closing(client), telling(client, say):
        limit_s = words.seconds + LANDING_S + HEALING_S
        with client.fault(resource, name, words.target, limit_s=limit_s, **told) as opened:
            say(f"{name} of {resource} ({opened.told.id}), for {words.seconds:g} s")
            before, after = opened.told.before, opened.told.after
            for part in sorted({*before, *after}):
                say(f"  {part}: {before.get(part, ABSENT)} -> {after.get(part, ABSENT)}")
            threading.Event().wait(words.seconds)
            healed = opened.heal()
            say(f"healed after {healed.lasted_s:.1f} s")
            for part, seen in sorted(healed.after.items()):
                say(f"  {part}: {seen}")
    say(f"{resource} and all who need it are well")
    return ExitCode.OK


def job(declared: Declared, settings: Settings, words: Words, say: Callable[[str], None]) -> int:
    """Have a job run to its end; without a name, show which there are.

    Raises:
        UsageError: It isn't declared, or doesn't take these arguments.
        OverdueError: It took longer than it was to.
    """
    if not words.said:
        words.expect_none("job without a name")
        jobs = declared.jobs(settings)
        if not jobs:
            say("no jobs are declared here")
        for each in jobs:
            say(f"{each.name} {' '.join(f'{name}=...' for name in each.arguments.model_fields)}")
        return ExitCode.OK
    if not words.seconds or words.out is None or words.target:
        raise UsageError(JOB_USE)
    name, *pairs = words.said
    client = Client.from_environment()
    with contextlib.closing(client), telling(client, say, words.out):
        done = client.job(name, arguments_of(f"job {name}", pairs), words.out, words.seconds)
    say(f"job {done.id} ended after {done.lasted_s:.1f} s with exit code {done.exit_code}")
    for path in done.files:
        say(f"  {path}")
    if done.exit_code != 0:
        say(process.tail_of(done.log))
        return ExitCode.TESTS_FAILED
    return ExitCode.OK


def arguments_of(what: str, pairs: Sequence[str]) -> dict[str, str]:
    """Arguments of a job or a fault as a shell gives them: NAME=VALUE.

    Raises:
        UsageError: One isn't of that form, or is there twice.
    """
    given: dict[str, str] = {}
    for pair in pairs:
        key, separator, value = pair.partition("=")
        if not (key and separator) or key in given:
            raise UsageError(f"{what}: {pair}: should be ARGUMENT=VALUE, each once")
        given[key] = value
    return given


@contextlib.contextmanager
def telling(client: Client, say: Callable[[str], None], out: Path | None = None) -> Iterator[None]:
    """Say meanwhile for whom this process, or a job, has to wait; and that the job in ``out`` runs.

    A test that waits isn't told of.
    """
    watch = Client(client.path, WatchHello())

    def follow() -> None:
        while (event := watch.receive()) is not None:
            match event:
                case Waiting() if event.holder.startswith(PROCESS):
                    say(f"{event.holder} waits: {event.reason}")
                case JobStarted() if out is not None and event.out_dir == out.absolute():
                    say(f"job {event.id} runs; its log is {out / event.job}.log")

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    try:
        yield
    finally:
        watch.close()
        thread.join()
