"""Who looks at a configuration with a job missing: by what Prometheus asks, and nothing else."""

from __future__ import annotations

import pytest

from chaos import omission
from chaos.omission import Omission, jobs_at
from groundwork.base.errors import NotYetError
from suites.support.ports import free_port

ALL = ("broker", "receiver")
REST = ("broker",)


@pytest.mark.parametrize(
    ("states", "parts"),
    [
        pytest.param((ALL, REST, ALL), [], id="it is missing"),
        pytest.param((ALL, ALL, ALL), ["job receiver alone to be missing"], id="it is there"),
        pytest.param((ALL, (), ALL), ["job receiver alone to be missing"], id="all are missing"),
        pytest.param((REST, REST, REST), ["job receiver to be there before"], id="never there"),
        pytest.param((ALL, REST, REST), ["all jobs to be there again"], id="not corrected"),
    ],
)
def test_a_job_that_alone_is_missing_is_seen(
    monkeypatch: pytest.MonkeyPatch, states: tuple[tuple[str, ...], ...], parts: list[str]
) -> None:
    """What was to be missing and isn't is doubted, and so is what is missing besides."""
    for name in ("READ_TIMEOUT_S", "MISSING_TIMEOUT_S"):
        monkeypatch.setattr(omission, name, 0.1)
    now = [states[0]]
    witness = Omission(lambda: now[-1], "receiver")
    looks = (witness.look_before, witness.look_during, witness.look_after)
    for look, state in zip(looks, states, strict=True):
        now.append(state)
        look()
    doubts = witness.sightings.doubts
    assert len(doubts) == len(parts), doubts
    assert all(part in doubt for part, doubt in zip(parts, doubts, strict=True)), doubts


def test_a_prometheus_that_doesnt_answer_is_asked_again() -> None:
    """It is being begun anew."""
    with pytest.raises(NotYetError, match="it doesn't answer"):
        jobs_at(f"http://127.0.0.1:{free_port()}")
