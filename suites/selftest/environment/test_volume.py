"""The small volume: it is as large and as full as it is told, and gone whoever is killed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chaos.standing import Hunger
from fixtures.decisions import decide
from fixtures.environment import known
from fixtures.pods.servers.exporter import used_ratio
from fixtures.resources import smallvolume, volume
from fixtures.resources.smallvolume import LABEL, SIZE_BYTES, SmallVolume, link
from fixtures.settings import FoundationSettings
from groundwork.base import process
from groundwork.base.errors import NotYetError, UsageError
from groundwork.base.ledger import Ledger
from groundwork.base.wait import Deadline, wait_for
from groundwork.declare.stage import Stage
from groundwork.keep.sweep import sweep
from suites.support.pond import site_of

TIMEOUT_S = 10.0

# The kernel's own pages of a file system that is small.
NEARLY = 0.005

Begin = Callable[[], tuple[Stage, SmallVolume]]


@pytest.fixture
def book(tmp_path: Path) -> Ledger:
    """The ledger of an environment of the test's own."""
    return Ledger.create(tmp_path / "state" / "envs" / f"env-{os.getpid()}-{tmp_path.name}")


@pytest.fixture
def begin(book: Ledger) -> Iterator[Begin]:
    """Starts the volume, ready; what a failed test leaves of it is ended."""
    site = site_of(book)

    def start() -> tuple[Stage, SmallVolume]:
        stage, made = Stage(site, "volume", "run", {}), SmallVolume()
        made.launch(stage)
        told = wait_for(
            lambda: made.probe(stage), deadline=Deadline.after(TIMEOUT_S), what="the volume"
        )
        assert told == "tmpfs, 64 MiB"
        made.configure(stage)
        return stage, made

    yield start
    process.end(process.find_by_token(f"{site.token}:"), grace_s=0)


def mounts_below(folder: Path) -> list[str]:
    """The mounts below a folder, in any namespace of this machine."""
    found: set[str] = set()
    for file in Path("/proc").glob("[0-9]*/mounts"):
        try:
            lines = file.read_text().splitlines()
        except OSError:  # it has ended, or isn't ours
            continue
        found.update(line for line in lines if str(folder) in line)
    return sorted(found)


def test_it_is_filled_and_emptied(begin: Begin) -> None:
    """To the share that is asked for, whatever was in it before; each may be asked for again."""
    stage, made = begin()
    at = str(link(stage))
    assert os.statvfs(at).f_blocks * os.statvfs(at).f_frsize == SIZE_BYTES
    assert used_ratio(at) < NEARLY
    for share in (0.85, 0.3, 1.0):
        made.fill(stage, "", share=share)
        assert used_ratio(at) == pytest.approx(share, abs=NEARLY)
        assert made.observe(stage)[LABEL] == f"{share:.0%} full"
    for _ in range(2):
        made.empty(stage, "")
        assert used_ratio(at) < NEARLY
    made.stop(stage, grace_s=TIMEOUT_S)
    assert not link(stage).is_symlink()


def test_it_is_full_where_somebody_writes_there_meanwhile(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is less room than was told a moment before: that is no failure, and none is left."""
    stage, made = begin()
    told = os.statvfs(link(stage))
    (link(stage) / "more").write_bytes(b"x" * 3_000_000)
    with monkeypatch.context() as patched:
        patched.setattr("fixtures.pods.asked.volumes.os.statvfs", lambda _: told)
        made.fill(stage, "", share=1.0)
    assert os.statvfs(link(stage)).f_bavail == 0


@pytest.mark.parametrize("full", [True, False])
def test_whether_it_is_full_is_witnessed_by_what_the_kernel_says(
    begin: Begin, *, full: bool
) -> None:
    """Where it isn't filled, or not emptied, nobody believes that it was."""
    stage, made = begin()
    witness = Hunger((), process.myself(), str(link(stage)))
    witness.look_before()
    if full:
        made.fill(stage, "", share=1.0)
    witness.look_during()
    assert [each.partition(",")[0] for each in witness.sightings.doubts] == (
        [] if full else ["the disk was to be full"]
    )
    witness.look_after()
    assert any("no byte is free again" in each for each in witness.sightings.doubts) == full
    made.empty(stage, "")
    witness.look_after()
    assert "free again" in witness.sightings.seen[-1]


def test_nobody_else_has_it_mounted(begin: Begin, book: Ledger) -> None:
    """Its folder is empty for others, and it goes with its process."""
    stage, made = begin()
    (link(stage) / "one").write_text("one")
    assert str(book.folder) not in Path("/proc/self/mounts").read_text()
    assert not list((stage.workdir / "mounted").iterdir())
    assert len(mounts_below(book.folder)) == 1
    made.stop(stage, grace_s=TIMEOUT_S)
    assert mounts_below(book.folder) == []
    made.empty(stage, "")  # nothing is there any more, and nothing is wrong
    with pytest.raises(NotYetError, match="no process"):
        made.probe(stage)


@pytest.mark.parametrize("full", [False, True])
def test_a_killed_keeper_leaves_no_mount(begin: Begin, book: Ledger, *, full: bool) -> None:
    """Whoever sweeps ends the process by the ledger and its token; nothing is to be unmounted."""
    stage, made = begin()
    if full:
        made.fill(stage, "", share=1.0)
    folder, state_dir = book.folder, book.folder.parent.parent
    assert mounts_below(folder)
    book.close()  # what a keeper's end does, however it ends
    assert sweep(state_dir) == [(folder.name, [])]
    assert mounts_below(folder) == []
    assert not folder.exists()


def test_whoever_may_not_mount_is_told_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where the tools are missing, or refuse: nothing is declared then, and the reason is told."""
    for name in ("sh", "mount", "true"):
        found = shutil.which(name)
        assert found
        (tmp_path / name).symlink_to(found)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert smallvolume.refusal() == "can't start unshare: No such file or directory"
    (tmp_path / "unshare").write_text("#!/bin/sh\necho 'unshare: not permitted' >&2\nexit 1\n")
    (tmp_path / "unshare").chmod(0o755)
    assert "unshare: not permitted" in smallvolume.refusal()
    decided = decide(FoundationSettings.from_json("{}"))
    assert isinstance(decided, FoundationSettings)
    assert decided.volume == "none"
    assert any("no small volume: unshare failed" in reason for reason in decided.decided)
    assert volume.local(decided) is None
    assert volume.names(decided) == ()
    assert "volume" in known(decided)
    with pytest.raises(UsageError, match="--broker-volume small: this user may not mount"):
        decide(FoundationSettings.from_json('{"broker_volume": "small"}'))
