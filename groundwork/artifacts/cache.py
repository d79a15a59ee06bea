"""The cache: content-keyed entries that are whole, or not there.

An entry is built in a folder of its own beside its place and renamed into it, under a lock of its
own; a manifest of sha256 sums is verified at every use. So neither a kill in mid-download nor a
flipped bit ever reaches a resource.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import shutil
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import platformdirs

from groundwork.base.errors import CancelledError, NotYetError, UsageError
from groundwork.base.wait import Deadline, wait_for

__all__ = ["Cache", "Entry", "Provenance", "default_cache_dir"]

MANIFEST = "groundwork-manifest.json"

# The slowest build (Prometheus by Go on two busy cores) takes minutes; another run waits for it.
LOCK_TIMEOUT_S = 1800.0


def default_cache_dir() -> Path:
    """The user's cache folder, or the one that GROUNDWORK_CACHE_DIR names."""
    named = os.environ.get("GROUNDWORK_CACHE_DIR")
    default = platformdirs.user_cache_path("groundwork")
    return Path(named).expanduser().absolute() if named else default


@dataclass(frozen=True)
class Provenance:
    """What an entry is and where it is from."""

    version: str
    source: str


@dataclass(frozen=True)
class Entry:
    """A verified entry of the cache."""

    path: Path
    provenance: Provenance
    cached: bool


class Cache:
    """A folder of entries, shared by all runs of a user."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @classmethod
    def open(cls, root: Path) -> Cache:
        """Make sure that the cache can be written.

        Raises:
            UsageError: It can't.
        """
        probe = root / f".probe-{os.getpid()}-{threading.get_ident()}"
        try:
            root.mkdir(parents=True, exist_ok=True)
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise UsageError(
                f"can't write the cache folder {root}: {error.strerror}; set GROUNDWORK_CACHE_DIR "
                "to a folder that you can write"
            ) from error
        return cls(root)

    def entry(
        self,
        name: str,
        key: str,
        build: Callable[[Path], Provenance],
        *,
        noticed: Callable[[str], None],
        cancel: threading.Event | None = None,
    ) -> Entry:
        """The entry of this name and key, built if it isn't there or isn't whole.

        Args:
            name: What it is, for people who look into the cache.
            key: Everything that its content follows from.
            build: Fills an empty folder; whatever it raises leaves no entry.
            noticed: Told why an entry that was there is made again.
            cancel: Ends the waiting for another process that builds the same.
        """
        place = self._place(name, key)
        place.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(place.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            self._await_lock(lock, name, cancel)
            if place.exists():
                fault = find_fault(place)
                if not fault:
                    return Entry(place, read_provenance(place), cached=True)
                noticed(f"again: {fault}")
                shutil.rmtree(place)
            draft = place.with_suffix(".part")
            shutil.rmtree(draft, ignore_errors=True)  # whoever left it is dead: we have the lock
            draft.mkdir()
            try:
                provenance = build(draft)
                write_manifest(draft, provenance)
            except BaseException as error:
                shutil.rmtree(draft, ignore_errors=True)
                if tells_of_full_disk(error) and not isinstance(error, UsageError):
                    raise UsageError(
                        f"{name}: the disk of {self.root} is full; free some space, or choose "
                        "another folder with GROUNDWORK_CACHE_DIR"
                    ) from error
                raise
            draft.rename(place)
            return Entry(place, provenance, cached=False)
        finally:
            os.close(lock)

    def _place(self, name: str, key: str) -> Path:
        return self.root / name / hashlib.sha256(key.encode()).hexdigest()[:20]

    def peek(self, name: str, key: str) -> Path | None:
        """The folder of an entry that is there, unverified; None where there is none."""
        place = self._place(name, key)
        return place if place.exists() else None

    def forget(self, name: str, key: str) -> None:
        """Remove an entry whose counterpart elsewhere is gone."""
        shutil.rmtree(self._place(name, key), ignore_errors=True)

    @staticmethod
    def _await_lock(lock: int, name: str, cancel: threading.Event | None) -> None:
        def take() -> None:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise NotYetError("another process is fetching it") from error

        what = f"{name} in the cache"
        wait_for(take, deadline=Deadline.after(LOCK_TIMEOUT_S), what=what, cancel=cancel)
        if cancel is not None and cancel.is_set():
            raise CancelledError(f"the run ended before {name} was fetched")


def tells_of_full_disk(error: BaseException | None) -> bool:
    """Whether an error, or one behind it, is for want of space; a builder's is in its output."""
    while error is not None:
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            return True
        if os.strerror(errno.ENOSPC).lower() in str(error).lower():
            return True
        error = error.__cause__ or error.__context__
    return False


def sha256_of(path: Path) -> str:
    """The sha256 of a file's content, or of a link's target."""
    if path.is_symlink():
        return hashlib.sha256(str(path.readlink()).encode()).hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def files_of(folder: Path) -> dict[str, Path]:
    """All files and links below a folder, by relative path, the manifest left out."""
    found = {}
    for parent, folders, names in os.walk(folder):
        links = [name for name in folders if (Path(parent) / name).is_symlink()]
        for name in [*names, *links]:
            path = Path(parent) / name
            found[str(path.relative_to(folder))] = path
    found.pop(MANIFEST, None)
    return found


def sums_of(folder: Path) -> dict[str, str]:
    """The sha256 of every file, computed in threads (hashing lets the others run)."""
    files = files_of(folder)
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        return dict(zip(files, pool.map(sha256_of, files.values()), strict=True))


def write_manifest(folder: Path, provenance: Provenance) -> None:
    """Write down what an entry holds; it is on disk when this returns."""
    record = {"provenance": asdict(provenance), "sha256": sums_of(folder)}
    with (folder / MANIFEST).open("w") as file:
        json.dump(record, file, indent=1)
        file.flush()
        os.fsync(file.fileno())


def read_provenance(folder: Path) -> Provenance:
    """What the manifest says of a verified entry."""
    return Provenance(**json.loads((folder / MANIFEST).read_text())["provenance"])


def find_fault(folder: Path) -> str:
    """What is wrong with an entry, empty if nothing is."""
    try:
        expected = json.loads((folder / MANIFEST).read_text())["sha256"]
        found = sums_of(folder)
    except (OSError, ValueError, KeyError) as error:
        return f"unreadable in the cache ({type(error).__name__})"
    for name in sorted(expected.keys() | found.keys()):
        if name not in found:
            return f"{name} is missing in the cache"
        if name not in expected:
            return f"{name} doesn't belong in the cache"
        if found[name] != expected[name]:
            return f"{name} is damaged in the cache"
    return ""
