"""`python -m load.versus`: our own side against what others have written, as the job `versus`.

Both do the same to the same server, in turn, so that a machine which is slow for a while is slow
for both. Needs an environment that runs (`groundwork up`); what comes of it is in the current
folder.
"""

from __future__ import annotations

import argparse
import resource
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import get_args

from groundwork.base.errors import ExitCode
from groundwork.base.machine import Machine
from groundwork.use.client import Client
from groundwork.use.command import perform, say
from load.environment import SERVICE, settings_of
from load.usage import cpu_s, process_of
from load.versus.contests import CONTESTS, Contest, Done, What
from load.versus.outcome import Versus, write
from load.versus.pairs import Measured, Pair, in_turn
from load.watch import watched

# As many, so that Java has compiled what it runs most of the time.
RECORDS = 5_000_000


def pairs_of(contest: Contest, what: What, many: int) -> Iterator[Pair]:
    """Have both sides do it in turn, so often."""
    pids = [pid for each in contest.settings.pids.values() for pid in each]
    for number, order in enumerate(in_turn(many), 1):
        do = {"native": contest.native, "own": contest.own}
        found = {side: measured(do[side], pids) for side in order}
        pair = Pair(found["native"], found["own"])
        say(
            f"versus: {what}, pair {number} of {many}: native {pair.native.rate_per_s:,.0f}/s, "
            f"ours {pair.own.rate_per_s:,.0f}/s"
        )
        yield pair


def measured(do: Callable[[], Done], pids: Iterable[int]) -> Measured:
    """What something has done, and what it cost.

    Its own time is that of this process, and of its children that have ended meanwhile.

    Args:
        do: Does it.
        pids: The processes whom it was offered to; none in a cluster, where they are of pods.
    """
    before_s, served_s = own_s(), used_s(pids)
    done = do()
    return Measured(done.rate_per_s, done.count, own_s() - before_s, used_s(pids) - served_s)


def own_s() -> float:
    """Seconds of processors that this process has used, and its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def used_s(pids: Iterable[int]) -> float:
    """Seconds of processors that processes have used so far."""
    return sum(cpu_s(found) for pid in pids if (found := process_of(pid)) is not None)


def arguments() -> argparse.Namespace:
    """What is asked for."""
    parser = argparse.ArgumentParser(prog="python -m load.versus", description=__doc__)
    parser.add_argument("what", choices=get_args(What), help="what both sides do")
    parser.add_argument("--pairs", type=int, default=5, help="how often (default: %(default)s)")
    text = "how many each time (default: %(default)s; with fewer Java isn't warm)"
    parser.add_argument("--records", type=int, default=RECORDS, help=text)
    text = "of each (default: %(default)s)"
    parser.add_argument("--size-bytes", type=int, default=100, help=text)
    return parser.parse_args()


def main() -> int:
    """Have both sides do it, in turn."""
    given = arguments()
    kind = CONTESTS[given.what]
    client = Client.from_environment()
    whom = SERVICE if given.what == "get" else "broker"
    with watched(client, [whom], Path.cwd()) as watch:
        settings = settings_of(kind.asked(given.records, given.size_bytes), client)
        with kind(settings, given.records, watch).begun() as contest:
            # Before the first turn: a tool that has to be fetched is fetched now.
            command, told = contest.command(), contest.told()
            pairs = tuple(pairs_of(contest, given.what, given.pairs))
    versus = Versus(
        what=given.what,
        unit=kind.unit,
        settings=settings,
        pairs=pairs,
        native=" ".join(command),
        own=" ".join(f"{name}={value}" for name, value in told.items()),
        machine=Machine.here(),
    )
    write(versus, Path.cwd())
    for line in versus.lines():
        say(line)
    return ExitCode.OK


if __name__ == "__main__":
    raise SystemExit(perform(main))
