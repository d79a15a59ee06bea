"""Questions to this project: its reports make no folders for them, either."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from fixtures.paths import ROOT
from groundwork.base import process

QUESTION_TIMEOUT_S = 120.0


@pytest.mark.parametrize(
    "words",
    [
        ["--help"],
        ["--markers"],
        ["--version"],
        ["--cache-show"],
        ["--fixtures"],
        ["--fixtures-per-test"],
        ["--setup-plan"],
        ["--collect-only"],
        ["--collect-only", "-n", "2"],
    ],
    ids=" ".join,
)
def test_a_question_makes_no_folder(tmp_path: Path, words: list[str]) -> None:
    """Neither a run's output nor an environment."""
    out, state = tmp_path / "out", tmp_path / "state"
    done = process.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "suites/smoke",
            "-o",
            f"cache_dir={tmp_path}/cache",
            *words,
        ],
        timeout_s=QUESTION_TIMEOUT_S,
        cwd=ROOT,
        env=os.environ | {"GROUNDWORK_OUT_DIR": str(out), "GROUNDWORK_STATE_DIR": str(state)},
    )
    assert done.output
    assert not out.exists()
    assert not state.exists()
