"""`make doctor`: a line for each thing that is wrong; 1 where nothing works without it."""

from __future__ import annotations

import sys
from pathlib import Path

from doctor import files, machine, programs
from doctor.system import this_system

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Look at everything, and say it."""
    found = [
        *programs.look(this_system()),
        *files.look(ROOT),
        *machine.look(ROOT, files.cache_dir(ROOT)),
    ]
    for each in sorted(found, key=lambda each: not each.needed):
        sys.stdout.write(f"{each}\n")
    needed = sum(each.needed for each in found)
    if not needed:
        sys.stdout.write("nothing is missing for --env local: make smoke\n")
    return 1 if needed else 0


if __name__ == "__main__":
    sys.exit(main())
