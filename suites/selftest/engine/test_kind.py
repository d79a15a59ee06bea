"""Removing a kind cluster: who works on it is waited for, who only looks on is ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from groundwork.base import process
from groundwork.base.errors import NotYetError
from groundwork.base.process import Child
from groundwork.base.wait import Deadline, wait_for
from groundwork.clusters.kind import await_makers
from groundwork.clusters.kindchild import MAKING, may_be_cut

TIMEOUT_S = 30.0

Engine = Callable[..., Child]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """Start a command of an engine, whose doings are a script, for a cluster's making."""
    (tmp_path / "podman").symlink_to("/bin/sh")
    started: list[Child] = []

    def begin(command: str, script: str) -> Child:
        (tmp_path / command).write_text(script)
        child = process.spawn(
            [tmp_path / "podman", command],
            env=process.plain_environment({process.TOKEN: f"{MAKING}{tmp_path.name}"}),
            log=tmp_path / "log",
            cwd=tmp_path,
        )
        started.append(child)
        return child

    yield begin
    for child in started:
        child.kill()


@pytest.mark.parametrize("command", ["logs", "exec"])
def test_who_follows_a_node_is_ended(engine: Engine, tmp_path: Path, command: str) -> None:
    """Its kind is dead, its node runs on: it would go on for ever."""
    follower = engine(command, "mkfifo never; read line < never\n")
    await_makers(tmp_path.name)
    assert follower.wait() < 0


def test_who_makes_something_may_end_it(engine: Engine, tmp_path: Path) -> None:
    """Cut short, it would leave what the engine itself forgets."""
    maker = engine("run", "touch begun; sleep 0.5; touch made\n")

    def begun() -> None:
        if not (tmp_path / "begun").exists():
            raise NotYetError("not begun")

    wait_for(begun, deadline=Deadline.after(TIMEOUT_S), what="a command to begin")
    await_makers(tmp_path.name)
    assert maker.wait() == 0
    assert (tmp_path / "made").exists()


def test_anothers_cluster_isnt_waited_for(engine: Engine) -> None:
    """Who makes a cluster of another name is left alone."""
    maker = engine("run", "mkfifo never; read line < never\n")
    await_makers("groundwork-of-somebody-else")
    assert maker.exit_code() is None


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["podman", "logs", "-f", "a-worker"], True),
        (["/usr/bin/docker", "exec", "--privileged", "a-worker", "kubeadm", "join"], True),
        (["podman", "run", "--name", "exec", "--detach"], False),
        (["podman", "rm", "-f", "logs"], False),
        (["kind"], False),
        ([], False),
    ],
)
def test_only_followers_may_be_cut(argv: list[str], expected: bool) -> None:  # noqa: FBT001
    """By the engine's command, whatever its arguments are called."""
    assert may_be_cut(argv) == expected
