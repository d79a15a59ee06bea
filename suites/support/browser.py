"""A browser without a screen, which shows a page as a reviewer's does."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from playwright.sync_api import Browser, Error, Playwright, sync_playwright

from groundwork.artifacts import Cache, DebianTree, Workshop
from groundwork.base.errors import ArtifactError
from groundwork.declare.settings import Settings

__all__ = ["browser"]


@dataclass(frozen=True)
class BrowserTree(DebianTree):
    """Debian's Chromium with all that it needs, in the cache; nothing is installed."""

    advice: ClassVar[str] = (
        "install Google Chrome, or run this on a Debian machine with network, which gets Chromium "
        "by itself"
    )


# Drivers of graphics cards, more than half of it all: without a screen the processor draws.
DRIVERS = tuple(f"usr/lib/{machine}-linux-gnu/dri" for machine in ("x86_64", "aarch64"))
CHROMIUM = BrowserTree(
    "chromium",
    ("chromium-headless-shell", "fonts-dejavu-core"),
    without=(*DebianTree.without, *DRIVERS),
)
PROGRAM = "usr/lib/chromium/chromium-headless-shell"

FONTS = "<fontconfig><dir>{fonts}</dir><cachedir>{cache}</cachedir></fontconfig>"

# Root may not have Chromium's sandbox, nor may containers; the pages are our own.
ARGUMENTS = ("--no-sandbox",)


@contextmanager
def browser() -> Iterator[Browser]:
    """A browser, for as long as the block runs: an installed Chrome, else Debian's Chromium.

    Raises:
        ArtifactError: There is none, and none can be had; one line that says what to do.
    """
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch,
        contextlib.ExitStack() as stack,
    ):
        with temporaries_in(scratch):
            driver = stack.enter_context(sync_playwright())
        found = installed(driver) or fetched(driver, Path(scratch))
        try:
            yield found
        finally:
            found.close()


@contextmanager
def temporaries_in(folder: str) -> Iterator[None]:
    """Have what is started in the block keep its temporary files in a folder.

    The browser's driver ends before it has removed them: seen as folders that were left each time.
    """
    before = os.environ.get("TMPDIR")
    os.environ["TMPDIR"] = folder
    try:
        yield
    finally:
        if before is None:
            del os.environ["TMPDIR"]
        else:
            os.environ["TMPDIR"] = before


def installed(driver: Playwright) -> Browser | None:
    """Google Chrome, where the system has it."""
    try:
        return driver.chromium.launch(channel="chrome", args=ARGUMENTS)
    except Error:
        return None


def fetched(driver: Playwright, scratch: Path) -> Browser:
    """Chromium from the user's cache, or fetched into it.

    Args:
        driver: Of browsers.
        scratch: A folder for what it writes down of its fonts: in the cache nothing may change.

    Raises:
        ArtifactError: It can't be had, or doesn't run.
    """
    tree = CHROMIUM.resolve(Workshop(Cache.open(Settings.from_json("{}").cache_dir))).path
    try:
        return driver.chromium.launch(
            executable_path=tree / PROGRAM, args=ARGUMENTS, env=environment(tree, scratch)
        )
    except Error as error:
        raise ArtifactError(f"chromium: {error.message}; {CHROMIUM.advice}") from error


def environment(tree: Path, scratch: Path) -> dict[str, str | float | bool]:
    """Where it finds its libraries and fonts.

    The system's own libraries come first, as if it had been installed: a C library of another
    version than that of the loader runs nothing.
    """
    folders = sorted({file.parent for file in (tree / "usr/lib").rglob("*-linux-gnu*/**/lib*.so*")})
    systems = {Path("/usr/lib") / each.name for each in (tree / "usr/lib").glob("*-linux-gnu*")}
    paths = ":".join(str(each) for each in (*systems, *folders))
    fonts = scratch / "fonts.conf"
    fonts.write_text(FONTS.format(fonts=tree / "usr/share/fonts", cache=scratch / "fonts"))
    return {**os.environ, "LD_LIBRARY_PATH": paths, "FONTCONFIG_FILE": str(fonts)}
