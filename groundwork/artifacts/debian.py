"""Debian packages as files: fetched and unpacked as any user, nothing is installed.

Each download is checked against the sum in apt's signed lists. Where the system's lists are missing
or out of date, lists of our own are made; the system is not changed, and root is not needed.
"""

from __future__ import annotations

import re
import shutil
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from groundwork.artifacts.artifact import Artifact, NotThisWayError
from groundwork.artifacts.cache import Provenance, sha256_of
from groundwork.artifacts.workshop import Workshop
from groundwork.base import process
from groundwork.base.errors import CancelledError
from groundwork.base.process import ProcessFailedError

__all__ = ["DebianTree", "fetch", "mirror", "unpack"]

# apt answers from its lists at once; without a network it tries each mirror until its time-out.
APT_OPTIONS = ("-o", "Acquire::Retries=1", "-o", "Acquire::http::Timeout=10")
APT_TIMEOUT_S = 120.0
UNPACK_TIMEOUT_S = 60.0

# Packages are built for a merged /usr, but some still name the old folders: a tar archive may not
# have a folder where another layer has a link.
MERGED = ("bin", "lib", "lib64", "sbin")


@dataclass(frozen=True)
class DebianTree(Artifact):
    """The files of some packages and of all that they need, as one folder: a layer of an image.

    Attributes:
        name: The artifact's name.
        packages: What is asked for; their dependencies come along.
        without: Beginnings of paths that aren't wanted, such as manual pages.
    """

    name: str
    packages: tuple[str, ...]
    without: tuple[str, ...] = ("usr/share/doc", "usr/share/man", "usr/share/locale", "var")

    advice: ClassVar[str] = (
        "an image is built from Debian packages on a Debian or Ubuntu machine with network, "
        "elsewhere use --images vendor"
    )

    def key(self) -> str:
        """The declaration; which versions these are is the lists' business."""
        return f"{self.packages} without {self.without}"

    def make(self, folder: Path, workshop: Workshop) -> Provenance:
        """Fetch the packages and unpack them, over a merged /usr.

        Raises:
            NotThisWayError: apt isn't there, or can't fetch.
        """
        workshop.tell(self.name, "(Debian packages)")
        for link in MERGED:
            (folder / "usr" / link).mkdir(parents=True)
            (folder / link).symlink_to(f"usr/{link}")
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            debs = fetch(closure(self.packages), Path(scratch), workshop.cancel)
            for deb in debs:
                unpack(deb, folder, workshop.cancel)
        for unwanted in self.without:
            shutil.rmtree(folder / unwanted, ignore_errors=True)
        return Provenance("", f"Debian packages ({', '.join(sorted(d.stem for d in debs))})")


def closure(packages: Sequence[str]) -> list[str]:
    """The packages and all that they depend on, as on an empty system.

    Raises:
        NotThisWayError: There is no apt, or it knows no such package.
    """
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise NotThisWayError("no apt here")
    empty = ("-o", "Dir::State::status=/dev/null", "-o", "Debug::NoLocking=1")
    try:
        shown = process.run(
            ["apt-get", "install", "--simulate", "--no-install-recommends", *empty, *packages],
            timeout_s=APT_TIMEOUT_S,
        ).output
    except ProcessFailedError as error:
        raise NotThisWayError(f"apt knows no {', '.join(packages)}: call apt-get update") from error
    return re.findall(r"^Inst (\S+)", shown, re.MULTILINE)


def mirror() -> str:
    """The address of the first mirror that apt is configured with.

    Raises:
        NotThisWayError: It has none.
    """
    try:
        shown = process.run(
            ["apt-get", "indextargets", "--format", "$(SITE)", "Created-By: Packages"],
            timeout_s=APT_TIMEOUT_S,
        ).output
    except ProcessFailedError as error:
        raise NotThisWayError("no apt here") from error
    if not shown.strip():
        raise NotThisWayError("apt has no mirror: call apt-get update")
    return shown.split()[0]


def fetch(
    packages: Sequence[str], folder: Path, cancel: threading.Event | None = None
) -> list[Path]:
    """Download packages and check each against the sum in apt's signed lists.

    Raises:
        NotThisWayError: apt isn't there, can't download, or got something else.
    """
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise NotThisWayError("no apt here")
    for private in (False, True):
        options = [*APT_OPTIONS]
        try:
            if private:
                options += private_lists(folder)
                process.run(["apt-get", *options, "update"], timeout_s=APT_TIMEOUT_S, cancel=cancel)
            process.run(
                ["apt-get", *options, "download", *packages],
                timeout_s=APT_TIMEOUT_S,
                cwd=folder,
                cancel=cancel,
            )
            shown = process.run(
                ["apt-cache", *options, "show", *packages], timeout_s=APT_TIMEOUT_S
            ).output
        except ProcessFailedError as error:
            if cancel is not None and cancel.is_set():
                raise CancelledError("the run ended while packages were fetched") from error
            continue
        debs = sorted(folder.glob("*.deb"))
        known = frozenset(re.findall(r"^SHA256: (\w+)$", shown, re.MULTILINE))
        for deb in debs:
            if sha256_of(deb) not in known:
                raise NotThisWayError(f"{deb.name} isn't what apt's lists say")
        return debs
    raise NotThisWayError(f"apt can't download {', '.join(packages)}")


def unpack(deb: Path, folder: Path, cancel: threading.Event | None = None) -> None:
    """Unpack one package over what is there, through links to folders."""
    with tempfile.TemporaryDirectory(dir=deb.parent) as scratch:
        process.run(["dpkg-deb", "-x", deb, scratch], timeout_s=UNPACK_TIMEOUT_S, cancel=cancel)
        shutil.copytree(scratch, folder, symlinks=True, dirs_exist_ok=True)


def private_lists(folder: Path) -> list[str]:
    """Apt's options for lists and caches in a folder of our own."""
    for name in ("lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    return [
        "-o", f"Dir::State::Lists={folder / 'lists'}",
        "-o", f"Dir::Cache={folder / 'cache'}",
        "-o", "Debug::NoLocking=1",
        "-o", "APT::Sandbox::User=",
    ]  # fmt: skip
