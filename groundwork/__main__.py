"""The command `groundwork`: an environment without a test run, kept, used and ended."""

from __future__ import annotations

import argparse
import contextlib
import sys
import textwrap
from pathlib import Path

from groundwork.base import ledger, process
from groundwork.base.errors import ExitCode, KeeperLostError, UsageError
from groundwork.base.ledger import Ledger
from groundwork.containers.provide import provide_engine
from groundwork.declare.environment import Declared, find
from groundwork.declare.settings import Settings
from groundwork.keep.messages import ClientHello
from groundwork.keep.sweep import is_kept, sweep
from groundwork.use import bundle
from groundwork.use.client import Client
from groundwork.use.command import add_options, find_declared, perform, say
from groundwork.use.interrupts import Hearing, ImpatientError
from groundwork.use.kept import kept_environments
from groundwork.use.run import LEAVE_TIMEOUT_S, Run
from groundwork.use.shell import Words, fault, job, kinds
from groundwork.use.terminal import Terminal


def up(declared: Declared, settings: Settings, said: tuple[str, ...] = ()) -> int:
    """Start resources, print the endpoints, and leave the keeper in charge.

    Args:
        declared: The project's environment.
        settings: Its settings.
        said: The names of those to be started, with what they need; without any, all that aren't
            there on demand alone.

    Raises:
        UsageError: One of them isn't declared.
    """
    asked = declared.asked(settings, said)
    run_id = bundle.new_run_id()
    out_dir = bundle.out_root(declared.root, settings) / run_id
    terminal = Terminal(sys.stderr.fileno())
    for reason in settings.decided:
        terminal.say(reason)
    run = Run(declared, settings, run_id, out_dir, terminal.show)
    hearing = Hearing(lambda: terminal.say("one moment: something is being brought to its end"))
    try:
        client = run.client()
        names = client.ask(asked)
        handles = [client.await_ready(name) for name in names]
        hearing.begin()  # from here on it is kept: who presses Ctrl-C now is too late
    except BaseException:
        hearing.begin()
        with contextlib.suppress(ImpatientError):  # then the keeper goes on by itself
            hearing.patiently(lambda: run.finish(keep=False, collect=True))
        raise
    run.finish(keep=True, collect=False)
    for note in run.notes:
        say(note)
    for handle in handles:
        for name, endpoint in handle.description.endpoints.items():
            say(f"{handle.name:24} {name:12} {endpoint.address}")
    say("`groundwork down` ends it")
    return 0


def down(declared: Declared, settings: Settings) -> int:
    """End all kept environments, and remove what dead ones have left; goes on past errors.

    Raises:
        UsageError: A run is using one of them.
    """
    del declared
    removed, in_use = [], []
    for kept in kept_environments(settings.state_dir):
        try:
            client = Client(kept.socket, ClientHello())
        except KeeperLostError:
            continue  # its keeper is dead: swept below
        try:
            keeper = client.remove_all().keeper
        except UsageError as error:
            in_use.append(str(error))
            continue
        finally:
            client.close()
        process.await_end([keeper], timeout_s=LEAVE_TIMEOUT_S, what="the keeper to leave")
        removed.append(kept.folder.name)  # what it could not remove is on record, and swept below
    swept = dict(sweep(settings.state_dir))
    for name in dict.fromkeys([*removed, *swept]):
        errors = swept.get(name)
        say(f"{name}: not removed: {'; '.join(errors)}" if errors else f"removed {name}")
    others = [each.name for each in ledger.environments(settings.state_dir) if not is_kept(each)]
    for name in others:
        if name not in swept:
            say(f"{name} is in use by a run, which removes it at its end")
    if in_use:
        raise UsageError("; ".join(in_use))
    if not removed and not swept and not others:
        say("nothing is running")
    return ExitCode.INFRASTRUCTURE if any(swept.values()) else 0


def status(declared: Declared, settings: Settings) -> int:
    """Show every environment on record."""
    del declared
    folders = ledger.environments(settings.state_dir)
    if not folders:
        say("nothing is running")
    for folder in folders:
        book = Ledger.seize(folder)
        if book is not None:
            book.close()
            say(f"{folder.name}: its keeper is dead; the next start removes what is left")
            continue
        if not is_kept(folder):
            say(f"{folder.name}: in use by a run")
            continue
        opened = next(record for record in ledger.read(folder) if record.step == "open")
        client = Client(Path(opened.data["socket"]), ClientHello())
        found = client.status()
        footprints = client.footprints(each.name for each in found.resources)
        client.close()
        say(f"{folder.name}: kept" + (f", in use by {found.run}" if found.run else ""))
        for line in bundle.table(found.resources, footprints):
            say(line)
    return 0


def engine(declared: Declared, settings: Settings) -> int:
    """Find a container engine, or install one where this is a machine of CI."""
    del declared, settings
    provide_engine(say)
    return 0


COMMANDS = {"down": down, "status": status, "engine": engine}

# Those that are told more than options.
TOLD = ("up", "fault", "job")

DESCRIPTION = """
An environment without a test run: the one that [tool.groundwork] in pyproject.toml declares.

  up      [RESOURCE]... start these, with what they need, print the endpoints, and keep it: test
          runs of the project adopt it where settings and files are the same. Without a name, all
          but what is there on demand alone, because it takes minutes to be had the first time
  status  show what is running
  down    end what is kept, and remove what runs have left that died
  fault   RESOURCE FAULT [PARAMETER=VALUE]... --seconds N [--target PART]: break what is kept, for
          so long: it is healed then, by Ctrl-C too, and must be well again; e.g.
          groundwork fault broker pause --seconds 10
  job     NAME [ARGUMENT=VALUE]... --seconds N --out FOLDER: have one of its jobs run; without a
          name it shows which there are
  engine  see to a container engine, for platforms that need one: found, or installed on a Debian or
          Ubuntu where this is root, or told what to install
"""


def run_command() -> int:
    """Parse the command line and do what it says."""
    parser = argparse.ArgumentParser(
        prog="groundwork",
        description=DESCRIPTION + textwrap.fill(f"Faults, of what bears them: {kinds()}", 100),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        conflict_handler="resolve",  # an option of the environment's is a variable, too
        epilog="Options are also environment variables (GROUNDWORK_ENV) and lines of .env.",
    )
    parser.add_argument("command", choices=[*COMMANDS, *TOLD])
    parser.add_argument("words", nargs="*", metavar="WORD", help="what up, fault or job is told")
    declared = find(Path.cwd())
    if declared is not None:  # without a project there is help, at least
        add_options(parser, declared.environment.settings)
    parser.add_argument("--seconds", type=float, help="fault, job: for how long")
    parser.add_argument("--target", default="", help="fault: one process or pod; else all of it")
    parser.add_argument(
        "--out", type=Path, help="job: the folder of its files; fault: of a timeline"
    )
    given = vars(parser.parse_intermixed_args())
    name = given.pop("command")
    said = tuple(given.pop("words"))
    words = Words(said, given.pop("seconds"), given.pop("target"), given.pop("out"))
    declared = find_declared()
    settings = declared.settings(given)
    if name == "fault":
        return fault(words, say)
    if name == "job":
        return job(declared, settings, words, say)
    if name == "up":
        return up(declared, settings, words.expect_names(name))
    words.expect_none(name)
    return COMMANDS[name](declared, settings)


def main() -> int:
    """Run the command `groundwork`; its exit code."""
    return perform(run_command)


if __name__ == "__main__":
    sys.exit(main())
