"""Experiments: something is broken under load, and what was promised is kept all the same.

Whoever is woken is told of it as the table says: of what they must be, in time; of nothing else;
and that it is over.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import allure
import pytest

from chaos.conclusion import CONCLUSION, Conclusion, read
from chaos.deeds import NOTHING
from chaos.experiments import file_of, load
from fixtures.declared.objectives import Objectives
from groundwork.base import process
from groundwork.base.errors import ExitCode
from groundwork.checkers import archive
from groundwork.checkers.delivery import check
from groundwork.checkers.paging import judge
from groundwork.use.client import Handle
from groundwork.use.session import EnvironmentSession
from reports.matrix import Row
from suites.support.experiments import LIMIT_S, TIMEOUT_S
from suites.support.left import expect_left
from suites.support.matrix import keep_row
from suites.support.paging import Pager
from suites.support.seen import attach_seen
from suites.support.told import expect_told


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
    for file in ("journal.json", "timeline.jsonl"):
        if (folder / file).is_file():
            allure.attach.file(str(folder / file), file, allure.attachment_type.TEXT)


def line_of(conclusion: Conclusion) -> str:
    """An experiment in a line, for the terminal."""
    outage, own = conclusion.outage, conclusion.objective
    recovery = outage.recovery if outage is not None else None
    steady_s = recovery.steady_s if recovery is not None else None
    steady = "never" if steady_s is None else f"{steady_s:g} s"
    lost = "?" if outage is None else outage.lost
    return (
        f"{conclusion.experiment}: {conclusion.outcome}; clients as before {steady} after the "
        f"{own.since} (at most {own.within_s:g} s), {lost} lost"
    )


# Clients may come through the one, and the others may be asked.
@pytest.mark.usefixtures("relay", "hello_world", "hello_world_relayed")
def test_what_was_promised_is_kept(
    record_property: Callable[[str, object], None],
    broker: Handle,
    pager: Pager,
    objectives: Objectives,
    experiment: str,
    told: dict[str, object],
    folder: Path,
) -> None:
    """Nothing acknowledged is lost, clients get on again in time, and whoever must be is told."""
    _, declared = load(file_of(experiment))
    allure.dynamic.title(f"{declared.title}: nothing is lost, and clients get on in time")
    allure.dynamic.description(declared.description)
    row = objectives.interruption[experiment].on(broker.client.status().platform)
    pager.await_quiet()
    with pager.listening():
        timeout_s = TIMEOUT_S + float(str(told["duration_s"]))
        done = broker.client.job("chaos", {"experiment": experiment, **told}, folder, timeout_s)
        expect_left(done, folder / CONCLUSION, broker.client, ["broker"])
        conclusion = read(folder)
        heard = pager.await_over(conclusion.lasted.healed_ns, row.over_within_s)
    cells = judge(row.expected(), heard, conclusion.lasted)
    calm = all(each.fault == NOTHING for each in conclusion.evidence)
    paged = Row(experiment, conclusion.outcome, cells, calm)
    keep_row(paged, folder)
    record_property("experiment", line_of(conclusion))
    attach(conclusion, folder)
    if (folder / archive.ROWS).is_file():
        history = archive.read(folder)
        title = f"{experiment}: {conclusion.outcome}"
        attach_seen(history, check(history), conclusion.objective, title, folder)
    expect_told(conclusion.outcome, "\n".join(conclusion.lines()))
    assert conclusion.outcome == "kept", "\n".join(conclusion.lines())
    assert done.exit_code == 0
    assert not paged.wrongs, "\n".join(paged.wrongs)


RAISING = "resource: broker, fault: kill, "


@pytest.mark.disturbs("broker", limit_s=LIMIT_S)
def test_an_action_that_raises_makes_an_experiment_invalid(
    groundwork_session: EnvironmentSession, broker: Handle, prometheus: object, tmp_path: Path
) -> None:
    """The keeper refuses what it is asked for; the Chaos Toolkit would call that completed."""
    del broker, prometheus
    text = file_of("broker-killed").read_text()
    assert text.count(RAISING) == 1
    file = tmp_path / "raising.yaml"
    file.write_text(text.replace(RAISING, f"{RAISING}parameters: {{replicas: 3}}, "))
    done = process.run(
        [Path(sys.executable).parent / "chaos", "--no-version-check", "run", file],
        timeout_s=TIMEOUT_S,
        cwd=tmp_path,
        env=process.plain_environment(groundwork_session.variables()),
        check=False,
    )
    allure.attach(done.output, "output")
    conclusion = read(tmp_path)
    assert done.returncode == ExitCode.TESTS_FAILED
    assert conclusion.outcome == "invalid"
    assert any("the broker is killed: " in each for each in conclusion.reasons)
    assert json.loads((tmp_path / "journal.json").read_text())["status"] == "failed"
