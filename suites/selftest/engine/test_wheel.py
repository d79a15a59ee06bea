"""The engine as others get it: its wheel, in a virtual environment of somebody else's."""

from __future__ import annotations

import sys
from pathlib import Path

from fixtures.packages.programs import ROOT
from groundwork.base import process
from suites.support.pond import RUN_TIMEOUT_S, Pond

INSTALL_TIMEOUT_S = 180.0


def test_the_wheel_starts_and_removes_an_environment_of_two(pond: Pond, tmp_path: Path) -> None:
    """Installed outside the repository it runs a project with two resources of its own."""
    uv: list[str | Path] = [sys.executable, "-m", "uv"]
    build: list[str | Path] = ["hatchling", "build", "--target", "wheel", "--directory", tmp_path]
    process.run([sys.executable, "-m", *build], timeout_s=INSTALL_TIMEOUT_S, cwd=ROOT)
    (wheel,) = tmp_path.glob("groundwork-*.whl")
    venv = pond.root.parent / "venv"
    process.run([*uv, "venv", "--python", sys.executable, venv], timeout_s=INSTALL_TIMEOUT_S)
    python = venv / "bin" / "python"
    install: list[str | Path] = [
        "pip",
        "install",
        "--python",
        python,
        "--constraint",
        ROOT / "requirements.lock",
    ]
    process.run([*uv, *install, wheel, "requests"], timeout_s=INSTALL_TIMEOUT_S)
    run = process.run(
        [python, "-m", "pytest", "check_pond.py"],
        timeout_s=RUN_TIMEOUT_S,
        cwd=pond.root,
        env=pond.environment({}),
        check=False,
    )
    assert run.returncode == 0, run.output
    assert pond.steps("mill") == {"launch": 1, "ready": 1, "stopped": 1}
    assert pond.leftovers() == []
    where = process.run(
        [python, "-c", "import groundwork; print(groundwork.__file__)"],
        timeout_s=RUN_TIMEOUT_S,
        cwd=pond.root,
    )
    assert where.output.startswith(str(venv))
