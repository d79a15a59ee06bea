"""The container engine: what is said where there is none, and what removals must not leave."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from fixtures.paths import ROOT
from groundwork.base import process
from groundwork.base.process import ProcessFailedError
from groundwork.containers import freezer, netavark
from groundwork.containers.engine import Engine

RUN_TIMEOUT_S = 60.0


@pytest.mark.parametrize("command", [["pytest", "suites/smoke"], ["groundwork", "up"]])
def test_a_missing_engine_is_told_in_one_line(tmp_path: Path, command: list[str]) -> None:
    """The line says what to install, the exit code is 4, and nothing was started."""
    own = {
        "PATH": str(tmp_path),  # nothing is on it
        "GROUNDWORK_STATE_DIR": str(tmp_path / "state"),
        "GROUNDWORK_OUT_DIR": str(tmp_path / "out"),
    }
    ended = process.run(
        [sys.executable, "-m", *command, "--env", "kind"],
        timeout_s=RUN_TIMEOUT_S,
        cwd=ROOT,
        env=process.plain_environment({}) | own,
        check=False,
    )
    assert ended.returncode == 4, ended.output
    told = [line for line in ended.output.splitlines() if "no container engine" in line]
    assert len(told) == 1
    assert "docker is not installed; podman is not installed" in told[0]
    assert "start Docker or install Podman" in told[0]
    assert not (tmp_path / "state" / "envs").exists()


# What Podman 4.3 was seen to say when somebody removed a volume while it listed them.
VANISHED = "Error: no volume with name bff478bc found in database: no such volume"


def saying(folder: Path, first: str) -> Engine:
    """An engine whose command says this once, as an error, and answers from then on."""
    program = folder / "podman"
    program.write_text(
        f"#!/bin/sh\ncd {folder}\nif [ -e asked ]; then echo one; echo two; exit; fi\n"
        f'touch asked\necho "{first}"\nexit 125\n'
    )
    program.chmod(0o755)
    return Engine("podman", program, "4.3.1", "the test's")


def test_what_vanishes_while_it_is_listed_is_no_error(tmp_path: Path) -> None:
    """Somebody else's volume was removed in between: the engine is asked again."""
    assert saying(tmp_path, VANISHED).volumes() == ["one", "two"]


def test_any_other_error_is_told(tmp_path: Path) -> None:
    """An engine that can't answer isn't asked again."""
    engine = saying(tmp_path, "Error: database is locked")
    with pytest.raises(ProcessFailedError, match="database is locked"):
        engine.volumes()


def test_only_the_containers_own_groups_are_thawed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Frozen groups of other containers, and of whoever froze them on purpose, stay frozen."""
    monkeypatch.setattr(freezer, "FREEZER", tmp_path)
    groups = {"libpod-ours/pods/one": "FROZEN", "libpod-ours": "THAWED", "libpod-theirs": "FROZEN"}
    for name, state in groups.items():
        (tmp_path / name).mkdir(parents=True, exist_ok=True)
        (tmp_path / name / "freezer.state").write_text(f"{state}\n")
    freezer.thaw(["ours"])
    found = {name: (tmp_path / name / "freezer.state").read_text().strip() for name in groups}
    assert found == groups | {"libpod-ours/pods/one": "THAWED"}


def test_the_chain_of_a_network_is_named_as_podman_names_it() -> None:
    """As was seen on a machine with Podman 4.3 and its network called podman."""
    assert netavark.chain_of("podman") == "NETAVARK-DN-1D8721804F16F"
