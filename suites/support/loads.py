"""Loads: asked for as a job of the keeper, shown as they go, and put into the report."""

from __future__ import annotations

import csv
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import allure

from groundwork.use.client import Client
from load.conclusion import CONCLUSION, Conclusion, read
from load.desk import PROGRESS
from load.latency import Latencies
from load.result import together
from reports.loads import Second, draw_percentiles, draw_seconds
from suites.support.left import expect_left
from suites.support.seen import attach_pictures

__all__ = ["OVERHEAD_S", "expect_answered", "expect_there", "followed", "offer", "show"]

# Whom loads are offered to; and by whom, where that isn't the job.
OFFERED_TO, GENERATORS = ("broker", "hello-world"), ("generators",)

# Besides its duration: processes start, the last answers come, all is read back and judged.
OVERHEAD_S = 180.0

LOOK_INTERVAL_S = 0.5

# A look at a file and some lines.
JOIN_TIMEOUT_S = 2.0


def offer(
    client: Client,
    asked: Mapping[str, str],
    folder: Path,
    duration_s: float,
    tell: Callable[[str], None] = lambda _: None,
) -> Conclusion:
    """Have a load offered; what it has come to.

    Args:
        client: Of the keeper.
        asked: By the names of its settings.
        folder: Where its files go.
        duration_s: How long it is.
        tell: Told a line a second.

    Raises:
        ResourceError: It has come to nothing, for whom it was offered to is gone for good.
        GroundworkError: The same for another reason: the end of its log, which says why.
    """
    options = [f"{name}={value}" for name, value in asked.items()]
    # The job in this thread: it is this one that hears Ctrl-C.
    with followed(folder / PROGRESS, tell):
        done = client.job("load", {"options": options}, folder, duration_s + OVERHEAD_S)
    expect_left(done, folder / CONCLUSION, client, for_whom(asked))
    return read(folder)


def expect_there(client: Client, asked: Mapping[str, str]) -> None:
    """See that whom a load was offered to is there still.

    Raises:
        ResourceError: One is gone for good: what has come of it is no failure of what was tested.
    """
    client.check(for_whom(asked))


def for_whom(asked: Mapping[str, str]) -> tuple[str, ...]:
    """The resources without which there is no such load."""
    return OFFERED_TO + (GENERATORS if asked.get("place") == "inside" else ())


def expect_answered(conclusion: Conclusion, text: str) -> None:
    """See that nothing is wrong with a load but that its generator was late, at the most."""
    assert conclusion.outcome in {"valid", "invalid"}, text
    assert all("the generator was the bottleneck" in each for each in conclusion.reasons), text


@contextmanager
def followed(file: Path, tell: Callable[[str], None]) -> Iterator[None]:
    """Have each line told that a file gets, for as long as the block runs."""
    over = threading.Event()

    def follow() -> None:
        told, last = 0, False
        while not last:
            last = over.wait(LOOK_INTERVAL_S)
            text = file.read_text() if file.is_file() else ""
            lines = text.rpartition("\n")[0].splitlines()  # the last one may be half written
            for line in lines[told:]:
                tell(line)
            told = len(lines)

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(JOIN_TIMEOUT_S)


def show(conclusion: Conclusion, folder: Path) -> str:
    """Put a load into the report and beside it: lines, numbers and pictures; the lines."""
    text = "\n".join(conclusion.lines())
    allure.attach(text, "conclusion")
    allure.dynamic.parameter("seed", conclusion.settings.seed)
    latency, lateness = Latencies.decode(conclusion.latency), Latencies.decode(conclusion.lateness)
    latency.write_hgrm(folder / "latency.hgrm")
    lateness.write_hgrm(folder / "lateness.hgrm")
    title = next(conclusion.lines())
    curves = {"latency": latency.curve(), "lateness of the generator": lateness.curve()}
    if conclusion.closed:
        curves["latency in a closed loop"] = Latencies.decode(conclusion.closed).curve()
    attach_pictures(draw_percentiles(curves, title, folder / "percentiles"), "percentiles")
    seconds = seconds_of(conclusion)
    attach_pictures(draw_seconds(seconds, title, folder / "seconds"), "second by second")
    with (folder / "seconds.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        rows = [asdict(each) for each in seconds]
        names = sorted({name for row in rows for name in row.pop("cpu")})
        writer.writerow([*rows[0], *(f"cpu_{name}_percent" for name in names)])
        for row, second in zip(rows, seconds, strict=True):
            writer.writerow([*row.values(), *(second.cpu.get(name, "") for name in names)])
    for name in ("seconds.csv", "latency.hgrm", "lateness.hgrm"):
        allure.attach.file(str(folder / name), name, allure.attachment_type.TEXT)
    return text


def seconds_of(conclusion: Conclusion) -> list[Second]:
    """The seconds of a load, of all workers together, as they are drawn."""
    moments = together(conclusion.moments)
    begins_s = [moments[0].at_s - 1, *(each.at_s for each in moments)] if moments else []
    return [
        Second(
            at_s=begin_s,
            scheduled=each.scheduled,
            acknowledged=each.acknowledged,
            p50_ms=each.p50_ms,
            p99_ms=each.p99_ms,
            max_ms=each.max_ms,
            lateness_p99_ms=each.lateness_p99_ms,
            cpu={name: share * 100 for name, share in each.cpu.items()},
        )
        for begin_s, each in zip(begins_s, moments, strict=False)
    ]
