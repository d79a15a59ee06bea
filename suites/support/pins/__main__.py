"""`python -m suites.support.pins`: every pin, what is newer, and why it stays."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence

from rich import box
from rich.console import Console
from rich.table import Table

from fixtures import ENVIRONMENT
from fixtures.paths import ROOT
from groundwork.artifacts import Cache, Workshop
from groundwork.use.command import perform, say
from groundwork.use.streams import put
from suites.support.pins.asking import Answers, ask_all
from suites.support.pins.listing import UNKNOWN, Line, listing, summary
from suites.support.pins.reading import pins_of

# Where nobody sees a terminal: a file, the page of a job.
WIDTH = 160


def table_of(lines: Sequence[Line]) -> Table:
    """The lines, those of one file together."""
    made = Table(box=box.SIMPLE_HEAD)
    for name in ("pin", "of", "version", "newer", "why it stays"):
        made.add_column(name, overflow="fold")
    before = ""
    for line in lines:
        if line.pin.file != before:
            made.add_section()
            made.add_row(f"[bold]{line.pin.file}[/bold]")
            before = line.pin.file
        pin = line.pin
        made.add_row(f"  {pin.name}", pin.kind, pin.version, line.newer, line.why)
    return made


def spoken(answers: Answers, lines: Sequence[Line]) -> Iterator[str]:
    """What stands below the table: who could not be asked, and the sum of it all."""
    yield from (f"not asked: {why}" for why in answers.unasked.values())
    yield summary(lines)


def tell(text: str) -> None:
    """What is done now, beside what is told at the end."""
    put(sys.stderr, f"groundwork: {text}\n")


def main() -> int:
    """List them; what is newer is no failure."""
    parser = argparse.ArgumentParser(prog="python -m suites.support.pins", description=__doc__)
    parser.add_argument("--newer", action="store_true", help="only those with something newer")
    only = parser.parse_args().newer
    pins = pins_of(ROOT)
    workshop = Workshop(Cache.open(ENVIRONMENT.settings.load({}, ROOT).cache_dir))
    answers = ask_all(pins, workshop, tell)
    lines = listing(pins, answers)
    shown = [line for line in lines if line.newer not in {"", UNKNOWN}] if only else lines
    console = Console(width=None if sys.stdout.isatty() else WIDTH, highlight=False)
    with console.capture() as captured:
        console.print(table_of(shown))
    say(captured.get().rstrip())
    for text in spoken(answers, lines):
        say(text)
    return 0


if __name__ == "__main__":
    sys.exit(perform(main))
