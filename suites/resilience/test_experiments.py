"""Experiments: something is broken under load, and what was promised is kept all the same."""

from __future__ import annotations

from pathlib import Path

import allure
import pytest

from chaos.conclusion import Conclusion, read
from chaos.experiments import file_of, load, names
from groundwork.checkers import archive
from groundwork.checkers.delivery import check
from groundwork.use.client import Handle
from suites.support.seen import attach_seen

# An experiment takes a minute; one whose broker doesn't come back, until its clients give up.
TIMEOUT_S = 400.0
LIMIT_S = TIMEOUT_S + 60.0


def marked(name: str) -> object:
    """An experiment, with a claim on what it breaks."""
    _, experiment = load(file_of(name))
    marks = [pytest.mark.disturbs(each, limit_s=LIMIT_S) for each in experiment.breaks()]
    return pytest.param(name, marks=marks, id=name)


@pytest.fixture
def folder(broker: Handle, experiment: str) -> Path:
    """Where an experiment's files go, beside the run's timeline."""
    out_dir = broker.client.status().out_dir
    assert out_dir is not None
    return out_dir / "experiments" / experiment


def attach(conclusion: Conclusion, folder: Path) -> None:
    """Put into the report what a reviewer decides from."""
    allure.dynamic.parameter("seed", conclusion.seed)
    allure.attach("\n".join(conclusion.lines()), "conclusion")
    evidence = [
        f"{each.fault} of {each.target or each.resource}: {seen}"
        for each in conclusion.evidence
        for seen in (*each.seen, *(f"not shown: {doubt}" for doubt in each.doubts))
    ]
    allure.attach("\n".join(evidence), "evidence")
    for file in ("journal.json", "timeline.jsonl", "chaos.log"):
        if (folder / file).is_file():
            allure.attach.file(str(folder / file), file, allure.attachment_type.TEXT)


@pytest.mark.parametrize("experiment", [marked(name) for name in names()])
def test_what_was_promised_is_kept(
    broker: Handle, relay: Handle, prometheus: object, experiment: str, seed: int, folder: Path
) -> None:
    """Nothing acknowledged is lost, and clients get on again within the objective."""
    del relay, prometheus  # clients may come through the one; the other says whether all is steady
    told = {"experiment": experiment, "seed": seed}
    done = broker.client.job("chaos", told, folder, TIMEOUT_S)
    conclusion = read(folder)
    attach(conclusion, folder)
    if (folder / archive.ROWS).is_file():
        history = archive.read(folder)
        title = f"{experiment}: {conclusion.outcome}"
        attach_seen(history, check(history), conclusion.objective, title, folder)
    assert conclusion.outcome == "kept", "\n".join(conclusion.lines())
    assert done.exit_code == 0
