"""How much a checker bears: `python -m suites.support.scale`, the second half of `make bench`.

Histories of ten and of twenty million rows, legal, each in a process of its own, for a peak of
memory is a process's. Times are of one session; their ratio is what tells about growth.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from statistics import median

import numpy as np
from numpy.typing import NDArray

from groundwork.base import process
from groundwork.base.errors import ExitCode
from groundwork.checkers.delivery import check
from groundwork.checkers.history import COLUMNS, NONE, Client, History, Kind, Outcome, Partition
from groundwork.use.command import perform, say

__all__ = ["legal_history"]

MILLION = 1_000_000
ROUNDS = 3

PARTITIONS = 12
PRODUCERS = 12
POLL_RECORDS = 500
TRANSACTION_RECORDS = 6

# Ten million rows are to take a minute on two cores at most: twice as many, on a busy machine.
TIMEOUT_S = 400.0

TICK_NS = 1_000

# Glibc's allocator gives large blocks back at once, and the kernel clears each page of the next:
# half of the time, and more where huge pages are short. What is measured is the checker.
KEEPING = {"MALLOC_MMAP_THRESHOLD_": str(1 << 33), "MALLOC_TRIM_THRESHOLD_": str(1 << 33)}


def legal_history(rows: int) -> History:
    """Records that are sent by turns, a third of them in transactions, and read once, in order.

    Args:
        rows: About so many; as many sends as records read.
    """
    many = rows // 2 // (PARTITIONS * POLL_RECORDS) * PARTITIONS * POLL_RECORDS
    value = np.arange(many, dtype=np.int64)
    partition, offset = value % PARTITIONS, value // PARTITIONS
    sent = table(many)
    sent["kind"][:] = Kind.SEND
    sent["op"][:] = value
    sent["process"][:] = partition % PRODUCERS
    sent["invoke_ns"][:] = value * TICK_NS
    sent["complete_ns"][:] = value * TICK_NS + 5 * TICK_NS
    # A third of the partitions has a producer each that sends nothing but whole transactions.
    own = np.flatnonzero(partition % 3 == 0)
    sent["transaction"][own] = (offset[own] // TRANSACTION_RECORDS) * PARTITIONS + partition[own]
    ends = np.unique(sent["transaction"][own])
    ended = table(len(ends))
    ended["kind"][:] = Kind.COMMIT
    ended["op"][:] = many + np.arange(len(ends))
    ended["transaction"][:] = ends
    ended["process"][:] = ends % PARTITIONS % PRODUCERS
    last = ((ends // PARTITIONS + 1) * TRANSACTION_RECORDS - 1) * PARTITIONS + ends % PARTITIONS
    ended["invoke_ns"][:] = np.minimum(last, many - 1) * TICK_NS + 6 * TICK_NS
    ended["complete_ns"][:] = ended["invoke_ns"] + TICK_NS
    read = table(many)
    order = np.lexsort((offset, partition))
    read["kind"][:] = Kind.POLL
    read["op"][:] = many + len(ends) + np.arange(many) // POLL_RECORDS
    read["process"][:] = PRODUCERS + partition[order]
    read["invoke_ns"][:] = (many + np.arange(many) // POLL_RECORDS * POLL_RECORDS) * TICK_NS
    read["complete_ns"][:] = read["invoke_ns"] + TICK_NS
    for each in (sent, read):
        rows_of = value if each is sent else order
        each["value"][:], each["partition"][:] = value[rows_of], partition[rows_of]
        each["offset"][:] = offset[rows_of]
    columns = {name: np.concatenate([sent[name], ended[name], read[name]]) for name in COLUMNS}
    clients = {number: Client(f"producer {number}") for number in range(PRODUCERS)}
    clients |= {PRODUCERS + n: Client(f"consumer {n}") for n in range(PARTITIONS)}
    end = many // PARTITIONS
    partitions = tuple(Partition("t", number, 0, end, end) for number in range(PARTITIONS))
    return History(columns, clients, partitions)


def table(rows: int) -> dict[str, NDArray[np.int64]]:
    """Columns in which nothing means anything yet; all that is done has happened."""
    made = {name: np.full(rows, NONE, dtype=kind) for name, kind in COLUMNS.items()}
    made["outcome"][:] = Outcome.OK
    return made


def measure(rows: int) -> dict[str, float]:
    """Judge one history; the figures."""
    history = legal_history(rows)
    begun_s, begun_cpu_s = time.monotonic(), time.process_time()
    verdict = check(history)
    took_s, took_cpu_s = time.monotonic() - begun_s, time.process_time() - begun_cpu_s
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    kilobyte = 1 if sys.platform == "darwin" else 1024  # macOS counts bytes
    return {
        "rows": len(history),
        "took_s": round(took_s, 2),
        "took_cpu_s": round(took_cpu_s, 2),
        "peak_gb": round(peak * kilobyte / 1e9, 2),
        "valid": verdict.judgement == "valid",
    }


def measure_apart(rows: int) -> dict[str, float]:
    """The same, in a process of its own."""
    argv = [sys.executable, "-m", "suites.support.scale", "--rows", str(rows)]
    found: dict[str, float] = json.loads(
        process.run(argv, timeout_s=TIMEOUT_S, env=process.plain_environment(KEEPING)).output
    )
    return found


def main() -> int:
    """Measure, by turns; exit code 1 where a legal history wasn't valid."""
    parser = argparse.ArgumentParser(prog="python -m suites.support.scale", description=__doc__)
    parser.add_argument("--rows", type=int, help="judge one history of so many rows, as JSON")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="of both sizes (default: 3)")
    given = parser.parse_args()
    if given.rows:
        say(json.dumps(measure(given.rows)))
        return ExitCode.OK
    rounds = [[measure_apart(n * MILLION) for n in (10, 20)] for _ in range(given.rounds)]
    small, large = ([each[n] for each in rounds] for n in (0, 1))
    for name, found in (("ten", small), ("twenty", large)):
        took = ", ".join(f"{each['took_s']:.1f}" for each in found)
        peak = max(each["peak_gb"] for each in found)
        say(f"checker_{name}_million_rows: {took} s, at most {peak:.1f} GB")
    ratios = [b["took_cpu_s"] / a["took_cpu_s"] for a, b in rounds]  # others' work isn't in it
    say(f"checker_twice_as_many: {median(ratios):.2f} times the processor's time")
    valid = all(each["valid"] for each in (*small, *large))
    return ExitCode.OK if valid else ExitCode.TESTS_FAILED


if __name__ == "__main__":
    raise SystemExit(perform(main))
