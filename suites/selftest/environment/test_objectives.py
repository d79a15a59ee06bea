"""The objectives: complete, of something, and read with their lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.declared.objectives import FILE, load_objectives
from fixtures.environment import known, resources
from fixtures.settings import FoundationSettings
from groundwork.base.errors import UsageError

LOCAL = FoundationSettings(_env_file=None)  # type: ignore[call-arg]

WHOLE = FILE.read_text()


def check(tmp_path: Path, text: str) -> str:
    """What is said of objectives; the file's folder is left out."""
    file = tmp_path / "objectives.yaml"
    file.write_text(text)
    with pytest.raises(UsageError) as refused:
        load_objectives(file).expect_complete("local", resources(LOCAL), known(LOCAL))
    return str(refused.value).removeprefix(f"{tmp_path}/")


def line_of(text: str) -> int:
    """Where something stands in the declaration."""
    return WHOLE[: WHOLE.index(text)].count("\n") + 1


BROKER = "  - {resource: broker, local_s: 30, kubernetes_s: 120}\n"
AT = f"objectives.yaml:{line_of(BROKER)}: "


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "resource: broker,",
            "resource: brocker,",
            "recovery of brocker: there is no such resource",
        ),
        ("local_s: 30, ", "", "recovery of broker: it has no local_s"),
        ("local_s: 30", "local: 30", "local: Extra inputs are not permitted"),
        ("resource: broker, ", "", "resource: Field required"),
        ("local_s: 30", "local_s: soon", "local_s: Input should be a valid number"),
        ("local_s: 30", "local_s: 0", "local_s: Input should be greater than 0"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    """A limit of nothing, one that is missing, and what can't be read."""
    assert check(tmp_path, WHOLE.replace(BROKER, BROKER.replace(old, new))).startswith(AT + said)


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    """Each is there once, in a list that is there, under a name that means something."""
    assert "broker is declared twice" in check(tmp_path, WHOLE.replace(BROKER, BROKER + BROKER))
    said = check(tmp_path, WHOLE.replace("recovery:", "recovering:"))
    assert said.startswith(
        f"objectives.yaml:{line_of('recovery:')}: recovering: no such objectives"
    )
    assert check(tmp_path, "").endswith(":1: should hold a list of `recovery`")


def test_a_judgement_without_data_is_none() -> None:
    """Nothing measured is as bad as too much; and so is a limit that isn't declared."""
    objectives = load_objectives()
    assert objectives.missed("local", "broker", 29.9) == ""
    assert objectives.missed("kind", "broker", 110) == ""
    late = objectives.missed("local", "broker", 31)
    assert late == "recovery of broker: 31 s, which should be within 30 s"
    nothing = objectives.missed("local", "broker", None)
    assert nothing == "recovery of broker: it was not measured, and should be within 30 s"
    assert "no objective on local" in objectives.missed("local", "toolbox", 1)


def test_a_measure_is_declared_once(tmp_path: Path) -> None:
    """Twice is refused, with the line of the second."""
    (line,) = (each for each in WHOLE.splitlines() if "measure: borne_per_s" in each)
    said = check(tmp_path, WHOLE.replace(line, f"{line}\n{line}"))
    assert (
        said == f"objectives.yaml:{line_of(line) + 1}: throughput of borne_per_s is declared twice"
    )
