"""The container engine: what is said where there is none, and what removals must not leave."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from fixtures.programs import ROOT
from groundwork import process
from groundwork.clusters import freezer, netavark

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
