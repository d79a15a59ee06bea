"""The ledger: what an environment has made, on disk before it exists.

One folder per environment in the user's state folder holds the ledger (append-only JSONL), the
lock that tells whether its keeper lives, and everything the environment writes. Every creation
is written down twice: the intent before, the identity after; so whoever cleans up after a crash
finds a thing whichever of the two the crash came after.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import threading
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

__all__ = ["FILE", "Ledger", "Record", "Thing", "environments", "read", "things"]

FILE = "ledger.jsonl"
LOCK = "lock"


@dataclass(frozen=True)
class Record:
    """One transition.

    Attributes:
        step: ``open``, ``launch``, ``intent``, ``identity``, ``ready``, ``stopped``, ``removed``,
            ``ports``, ``fault``, ``healed``, ``kept``; or ``damaged``, of what can't be read.
        kind: What sort of thing it is about: ``process``, ``folder``, ``worker``...
        name: Which one, unique among the living of its kind.
        resource: The resource it belongs to, empty for the environment itself.
        run: The run that made it.
        data: Further facts: an identity, ports, a fingerprint, a remover and what it must know.
    """

    step: str
    kind: str = ""
    name: str = ""
    resource: str = ""
    run: str = ""
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Thing:
    """Something that was begun and not removed: what a clean-up has to look for."""

    kind: str
    name: str
    resource: str
    run: str
    data: dict[str, Any]

    @property
    def remover(self) -> str:
        """Who removes it, as ``package.module:function``; see :mod:`groundwork.base.removal`.

        Empty for processes, which are ended by their identity, and for reservations.
        """
        return str(self.data.get("remover", ""))


class Ledger:
    """The writing side; there is one writer at a time, who holds the lock."""

    def __init__(self, folder: Path, lock: int) -> None:
        self.folder = folder
        self.lock = lock
        self._lock = threading.Lock()
        self._file = os.open(folder / FILE, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._size_bytes = os.fstat(self._file).st_size
        self._fault = ""

    @classmethod
    def create(cls, folder: Path) -> Self:
        """Make the folder of a new environment and take its lock."""
        folder.mkdir(parents=True, mode=0o700)
        lock = _take_lock(folder)
        if lock is None:  # can't be: the folder is new
            raise FileExistsError(f"{folder} is locked already")
        return cls(folder, lock)

    @classmethod
    def inherit(cls, folder: Path, lock: int) -> Ledger:
        """Go on with a ledger whose locked descriptor was handed over by its creator."""
        return cls(folder, lock)

    @classmethod
    def seize(cls, folder: Path) -> Ledger | None:
        """Take over the ledger of a dead keeper; None where the keeper lives."""
        try:
            lock = _take_lock(folder)
            return None if lock is None else cls(folder, lock)
        except (FileNotFoundError, NotADirectoryError):
            return None  # there is none, or somebody else has just removed it

    def append(self, record: Record) -> None:
        """Write one transition; it is on record when this returns, whoever dies next."""
        line = (json.dumps(asdict(record), separators=(",", ":")) + "\n").encode()
        with self._lock:
            self._look()
            self._size_bytes += os.write(self._file, line)

    def fault(self) -> str:
        """What somebody else has done to the file while it was written; empty for nothing.

        Its writer goes on: it knows what it made. But whoever would have swept after it doesn't.
        """
        with self._lock:
            self._look()
            return self._fault

    def _look(self) -> None:
        if self._fault:
            return
        file = self.folder / FILE
        try:
            seen, mine = file.stat(), os.fstat(self._file)
        except OSError as error:
            self._fault = f"{file} is gone ({error.strerror})"
            return
        if (seen.st_dev, seen.st_ino) != (mine.st_dev, mine.st_ino):
            self._fault = f"{file} was replaced"
        elif seen.st_size != self._size_bytes:
            self._fault = f"{file} was changed: it has {seen.st_size} bytes, not {self._size_bytes}"

    def close(self) -> None:
        """Let go of the file and the lock."""
        os.close(self._file)
        os.close(self.lock)

    def delete(self) -> None:
        """Remove the environment's folder: it is gone. The ledger goes after what it tells of."""
        if not self.folder.exists():
            return  # somebody else has removed it
        for path in self.folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path.name not in {FILE, LOCK}:
                path.unlink()
        (self.folder / FILE).unlink(missing_ok=True)
        (self.folder / LOCK).unlink(missing_ok=True)
        self.folder.rmdir()


def _take_lock(folder: Path) -> int | None:
    """The descriptor of the folder's lock, or None where somebody else holds it."""
    descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def read(folder: Path) -> tuple[Record, ...]:
    """The transitions of a ledger; a last line cut short by a crash is left out.

    A line that nobody can read, for somebody else has written it, is a record of the step
    ``damaged``, named by its number.
    """
    try:
        text = (folder / FILE).read_text(errors="replace")
    except FileNotFoundError:
        return ()
    complete = text[: text.rfind("\n") + 1]
    return tuple(_record_of(line, number) for number, line in enumerate(complete.splitlines(), 1))


def _record_of(line: str, number: int) -> Record:
    try:
        return Record(**json.loads(line))
    except (ValueError, TypeError):
        return Record("damaged", name=str(number))


def things(records: Iterable[Record]) -> tuple[Thing, ...]:
    """What was begun and not removed, oldest first; an identity completes its intent."""
    living: dict[tuple[str, str], Thing] = {}
    for record in records:
        key = (record.kind, record.name)
        if record.step == "intent":
            living[key] = Thing(record.kind, record.name, record.resource, record.run, record.data)
        elif record.step == "identity" and key in living:
            thing = living[key]
            data = thing.data | record.data
            living[key] = Thing(thing.kind, thing.name, thing.resource, thing.run, data)
        elif record.step == "removed":
            living.pop(key, None)
    return tuple(living.values())


def environments(state_dir: Path) -> tuple[Path, ...]:
    """The folders of all environments that are on record."""
    try:
        return tuple(sorted(path for path in (state_dir / "envs").iterdir() if path.is_dir()))
    except OSError:  # there is none; where there can't be one, the first ledger's creation says so
        return ()
