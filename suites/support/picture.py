"""`python -m suites.support.picture [RUN]`: the README's picture, of a run's first page."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from fixtures import ENVIRONMENT
from fixtures.paths import ROOT
from groundwork.base.errors import UsageError
from groundwork.use import bundle
from groundwork.use.command import perform, say
from suites.support.browser import browser

__all__ = ["PICTURE", "SIZE_MAX", "draw"]

PICTURE = ROOT / "docs" / "pictures" / "report.png"

# What the README shows is in everybody's clone for ever: a page of text needs half of it.
SIZE_MAX = 200_000

# A laptop's window: what a reviewer sees before scrolling.
WIDTH, HEIGHT = 1280, 900


def draw(page: Path, picture: Path) -> None:
    """Draw what is seen of a page at once, in light colours and without scripts.

    Raises:
        UsageError: There is no page.
    """
    if not page.is_file():
        raise UsageError(f"{page} isn't there: make smoke makes one")
    with browser() as found:
        context = found.new_context(
            viewport={"width": WIDTH, "height": HEIGHT},
            color_scheme="light",
            java_script_enabled=False,
            offline=True,
        )
        sheet = context.new_page()
        sheet.goto(page.resolve().as_uri())
        picture.parent.mkdir(parents=True, exist_ok=True)
        sheet.screenshot(path=picture)
        context.close()


def main() -> int:
    """Draw it of a run, by default the latest."""
    name = sys.argv[1] if len(sys.argv) > 1 else "latest"
    settings = ENVIRONMENT.settings.load({}, ROOT)
    draw(bundle.out_root(ROOT, settings) / name / "report.html", PICTURE)
    say(f"groundwork: picture: {os.path.relpath(PICTURE)}")
    return 0


if __name__ == "__main__":
    sys.exit(perform(main))
