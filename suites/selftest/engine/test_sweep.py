"""Sweeping what dead environments have left."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from groundwork.base import ledger, process
from groundwork.base.ledger import Ledger, Record
from groundwork.keep.sweep import sweep


def dead_environment(state_dir: Path, folders: list[Path]) -> Path:
    """An environment without a keeper: its ledger tells of folders, and of nothing else."""
    book = Ledger.create(state_dir / "envs" / f"dead-{state_dir.parent.name}")
    for folder in folders:
        book.append(Record("intent", "folder", str(folder)))
    book.close()
    return book.folder


def test_what_can_not_be_removed_does_not_keep_the_rest(tmp_path: Path) -> None:
    """Each thing is tried; the ledger stays until nothing is left, for the next sweep."""
    first, stuck, last = (tmp_path / name for name in ("first", "stuck", "last"))
    first.mkdir()
    stuck.touch()  # no folder, so it can't be removed as one
    last.mkdir()
    environment = dead_environment(tmp_path / "state", [first, stuck, last])
    env = {process.TOKEN: f"{environment.name}:pump:pump"}
    stray = process.spawn(["/bin/sleep", "60"], env=env, log=tmp_path / "log")
    try:
        ((name, errors),) = sweep(tmp_path / "state")
        assert not stray.identity.alive()
    finally:
        stray.kill()
    assert name == environment.name
    assert len(errors) == 1
    assert str(stuck) in errors[0]
    assert not first.exists()
    assert not last.exists()
    assert ledger.environments(tmp_path / "state") == (environment,)
    stuck.unlink()
    assert sweep(tmp_path / "state") == [(environment.name, [])]
    assert ledger.environments(tmp_path / "state") == ()


def test_an_environment_that_somebody_else_has_just_swept_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two runs that begin at once sweep the same: one opens the lock that the other removes."""
    environment = dead_environment(tmp_path / "state", [])
    take_lock = ledger._take_lock  # noqa: SLF001 - the moment lies behind it

    def take_too_late(folder: Path) -> int | None:
        lock = take_lock(folder)
        shutil.rmtree(folder)
        return lock

    monkeypatch.setattr(ledger, "_take_lock", take_too_late)
    assert Ledger.seize(environment) is None
