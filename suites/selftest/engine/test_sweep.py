"""Sweeping what dead environments have left, and removing by whom the ledger names."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

import pytest

from groundwork.base import ledger, process, removal
from groundwork.base.errors import NotYetError
from groundwork.base.ledger import Ledger, Record
from groundwork.base.removal import FOLDER
from groundwork.base.wait import Deadline, wait_for
from groundwork.keep.sweep import sweep
from suites.support.pond import Pond

# The kernel buries what was killed within a moment; a busy machine may need more.
GONE_TIMEOUT_S = 10.0


def dead_environment(state_dir: Path, folders: list[Path]) -> Path:
    """An environment without a keeper: its ledger tells of folders, and of nothing else."""
    book = Ledger.create(state_dir / "envs" / f"dead-{state_dir.parent.name}")
    for folder in folders:
        book.append(Record("intent", "folder", str(folder), data={"remover": FOLDER}))
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


@pytest.mark.parametrize("moment", ["intent/puddle", "identity/process", "ready/resource"])
def test_a_projects_own_remover_is_called_when_everybody_is_dead(pond: Pond, moment: str) -> None:
    """Controller and keeper are killed; whoever sweeps, of another project, calls it."""
    env = {"POND_KILL": f"both:{moment}", "POND_SPRING": "puddle"}
    pond.pytest("-k", "test_spring", env=env)
    puddle, log = pond.root / "puddle", pond.root / "puddle.log"
    (environment,) = ledger.environments(pond.state_dir)
    named = [each for each in ledger.things(ledger.read(environment)) if each.kind == "puddle"]
    assert [each.remover for each in named] == ["pond:dry_up"]

    def swept() -> list[str]:
        for _, errors in sweep(pond.state_dir):
            return errors
        raise NotYetError("the killed keeper holds its lock still")

    assert wait_for(swept, deadline=Deadline.after(GONE_TIMEOUT_S), what="the sweep") == []
    assert not puddle.exists()
    assert log.read_text() == f"{puddle}\n"
    assert pond.leftovers() == []


def test_a_projects_own_remover_is_called_at_the_end_of_a_run(pond: Pond) -> None:
    """The resource says who removes what it makes, and nothing else."""
    run = pond.pytest("-k", "test_spring", env={"POND_SPRING": "puddle"})
    assert run.returncode == 0, run.output
    assert not (pond.root / "puddle").exists()
    assert (pond.root / "puddle.log").read_text() == f"{pond.root / 'puddle'}\n"


@pytest.mark.parametrize("project", ["open", "unknown", "gone"])
def test_somebody_elses_code_is_no_remover(tmp_path: Path, project: str) -> None:
    """A ledger is data: neither the library's nor an installed package's functions are called."""
    precious = tmp_path / "precious"
    precious.touch()
    book = Ledger.create(tmp_path / "state/envs/dead")
    if project != "unknown":
        root = tmp_path if project == "open" else tmp_path / "nowhere"
        book.append(Record("open", data={"root": str(root)}))
    for remover in ("os:remove", "pytest:main", "nowhere:remove"):
        book.append(Record("intent", remover, str(precious), data={"remover": remover}))
    book.close()
    ((_, errors),) = sweep(tmp_path / "state")
    assert len(errors) == 3
    assert precious.exists()
    assert book.folder.exists()


def test_every_remover_of_the_engine_bears_being_called_twice() -> None:
    """For what was never made, and for what is gone: the second call does and says the same."""
    package = Path(removal.__file__).parents[1]
    references = {removal.FOLDER}
    for source in package.rglob("*.py"):
        if 'f"{__name__}:remove"' in source.read_text():
            parts = source.relative_to(package.parent).with_suffix("").parts
            references.add(f"{'.'.join(parts)}:remove")
    assert {"groundwork.clusters.kind:remove", "groundwork.clusters.context:remove"} < references
    for reference in references:
        step = partial(removal.load(reference), "groundwork-gone", {})
        once, twice = removal.attempt([step]), removal.attempt([step])
        assert once == twice, reference
        # Without its program nobody can tell whether a cluster of one is there.
        assert all("no container engine" in error or "k3d" in error for error in once), once


@pytest.mark.parametrize("line", ["{}", "[]", "nonsense", '{"step": "intent", "who": 1}', "\xff"])
def test_a_damaged_ledger_is_told_and_the_rest_of_it_removed(tmp_path: Path, line: str) -> None:
    """What a line that can't be read told of is unknown: the folder stays, and is named."""
    known = tmp_path / "known"
    known.mkdir()
    environment = dead_environment(tmp_path / "state", [known])
    with (environment / ledger.FILE).open("a", encoding="latin-1") as file:
        file.write(f"{line}\n")
    ((_, errors),) = sweep(tmp_path / "state")
    assert not known.exists()
    assert len(errors) == 1
    assert "ledger.jsonl: line 2 can't be read" in errors[0]
    assert environment.exists()
