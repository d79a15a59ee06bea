"""The desk: what workers hand in becomes the files of a load, whatever lay there before."""

from __future__ import annotations

from pathlib import Path

import pytest

from load.account import Account
from load.clock import Clock
from load.desk import HISTORY, PROGRESS, Desk, Handed, pieces_of
from load.latency import Latencies
from load.result import FAILED, Result

NOTHING = Latencies().encode()


def result(worker: int) -> Result:
    """One of a worker that had nothing to send."""
    return Result(worker, Clock("b", 1), 2, Account(), NOTHING, NOTHING, ())


def test_what_is_handed_in_is_there(tmp_path: Path) -> None:
    """Lines and pieces follow each other, of each worker its own; a result is as it was."""
    desk = Desk(tmp_path / "new")
    desk.clear()
    last = [
        desk.take(handed)
        for handed in (
            Handed(0, "line", "one"),
            Handed(1, "history", piece=b"a"),
            Handed(0, "history", piece=b"x"),
            Handed(0, "line", "two"),
            Handed(1, "history", piece=b"bc"),
            Handed(1, "result", result(1).as_json().decode()),
        )
    ]
    assert last == [False, False, False, False, False, True]
    folder = desk.folder
    assert (folder / PROGRESS).read_text() == "one\ntwo\n"
    assert (folder / f"{HISTORY}-0.npz").read_bytes() == b"x"
    assert (folder / f"{HISTORY}-1.npz").read_bytes() == b"abc"
    assert Result.from_json((folder / "worker-1.json").read_bytes()) == result(1)
    assert {file.name for file in desk.files()} == {
        PROGRESS,
        f"{HISTORY}-0.npz",
        f"{HISTORY}-1.npz",
        "worker-1.json",
    }


def test_a_failure_is_the_last_word_of_a_worker(tmp_path: Path) -> None:
    """And says whose."""
    desk = Desk(tmp_path)
    assert desk.take(Handed(3, "failure", "no broker"))
    assert (tmp_path / FAILED).read_text() == "worker 3: no broker"


def test_a_load_begins_with_nothing_of_the_one_before(tmp_path: Path) -> None:
    """But for what is somebody else's."""
    desk = Desk(tmp_path)
    for handed in (
        Handed(0, "line", "old"),
        Handed(7, "history", piece=b"old"),
        Handed(7, "result", result(7).as_json().decode()),
        Handed(0, "failure", "old"),
    ):
        desk.take(handed)
    (tmp_path / "locust.log").write_text("kept")
    desk.clear()
    assert desk.files() == ()
    assert [file.name for file in tmp_path.iterdir()] == ["locust.log"]


@pytest.mark.parametrize("size", [0, 1, 4 * 1024**2, 4 * 1024**2 + 1])
def test_a_file_is_the_sum_of_its_pieces(tmp_path: Path, size: int) -> None:
    """Also where it ends with one."""
    file = tmp_path / "file"
    file.write_bytes(bytes(range(256)) * (size // 256) + b"x" * (size % 256))
    pieces = list(pieces_of(file))
    assert b"".join(pieces) == file.read_bytes()
    assert all(0 < len(piece) <= 4 * 1024**2 for piece in pieces)
