"""Hygiene of logs: an error line that nothing explains makes a run fail that has passed."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundwork.base.errors import UsageError
from groundwork.checkers.hygiene import (
    Course,
    ErrorLine,
    Explained,
    Noise,
    Phase,
    hygiene_of,
)
from groundwork.declare.endpoint import Endpoint
from groundwork.declare.logformat import JSON, LOGFMT, TABBED, LogFormat, entries_in
from groundwork.declare.noise import load_noises
from groundwork.declare.resource import Resource
from groundwork.declare.stage import Stage
from groundwork.keep.events import (
    Event,
    FaultHealed,
    FaultInjected,
    Ready,
    Recovered,
    Stopping,
)
from groundwork.keep.timeline import Entry
from groundwork.use.hygiene import course_of, read_log
from suites.support.pond import Pond

# --- what is read


@pytest.mark.parametrize(
    ("text", "told", "understood"),
    [
        ("", False, False),
        ("--- mill-7/mill\n\n", False, False),
        ("--- mill-7/mill\nthe wheel turns\n", True, False),
        ("--- mill-7/mill\nts=2026-01-01T00:00:00Z level=info msg=turns\n", True, True),
    ],
)
def test_who_says_nothing_is_not_held_to_a_form(
    tmp_path: Path, text: str, *, told: bool, understood: bool
) -> None:
    """What only names whose lines would follow is nobody's word."""
    (tmp_path / "mill-7.log").write_text(text)
    log = read_log("mill", [tmp_path / "mill-7.log"], LOGFMT, -math.inf)
    assert (log.told, log.understood) == (told, understood)
    assert log.there
    assert not read_log("mill", [], LOGFMT, -math.inf).there


# --- the verdict

PHASES: tuple[Phase, ...] = ("start", "run", "fault", "stop")
RESOURCES = ("spring", "mill", "lake")
WORDS = ("the wheel is squeaking", "the water is brackish", "nobody is at home")

resources = st.sampled_from(RESOURCES)
moments = st.integers(0, 20).map(float)
lines = st.lists(
    st.builds(
        ErrorLine,
        resource=resources,
        file=st.just("x.log"),
        number=st.integers(1, 9),
        at_s=st.none() | moments,
        text=st.sampled_from(WORDS),
    ),
    max_size=12,
)
noises = st.lists(
    st.builds(
        Noise,
        resource=resources,
        phases=st.lists(st.sampled_from(PHASES), min_size=1, max_size=2).map(tuple),
        texts=st.lists(st.sampled_from([each[:14] for each in WORDS]), min_size=1).map(tuple),
        reason=st.just("it is an old one"),
        shown_by=st.just("*"),
    ),
    max_size=5,
)
faults = st.lists(
    st.builds(
        Explained,
        resources=st.frozensets(resources, min_size=1),
        begin_s=moments,
        end_s=moments | st.just(math.inf),
    ),
    max_size=3,
)
courses = st.builds(
    Course,
    ready_s=st.dictionaries(resources, moments),
    stop_s=moments | st.just(math.inf),
    faults=faults.map(tuple),
)


@given(lines, st.dictionaries(resources, moments), moments)
def test_where_there_is_neither_fault_nor_noise_every_line_stays(
    said: list[ErrorLine], ready_s: dict[str, float], stop_s: float
) -> None:
    """In its order, whatever phase it is of."""
    found = hygiene_of(said, Course(ready_s, stop_s), ())
    assert list(found.unexplained) == said
    assert not found.used


@given(lines, courses, noises)
def test_noises_are_judged_one_by_one(
    said: list[ErrorLine], course: Course, listed: list[Noise]
) -> None:
    """A line stays where it stays by each of them alone; each is used or not by itself.

    It is so by what it would explain if no fault did.
    """
    found = hygiene_of(said, course, listed)
    apart = {noise: hygiene_of(said, course, [noise]) for noise in listed}
    bare = hygiene_of(said, course, ()).unexplained
    staying = [line for line in bare if all(line in e.unexplained for e in apart.values())]
    assert list(found.unexplained) == staying
    assert found.used == {noise for noise, each in apart.items() if noise in each.used}
    nobodys = tuple(replace(each, resources=frozenset()) for each in course.faults)
    alone = replace(course, faults=nobodys)
    every = hygiene_of(said, alone, ()).unexplained
    for noise, each in apart.items():
        explains = len(hygiene_of(said, alone, [noise]).unexplained) < len(every)
        assert (noise in each.used) == explains


@given(lines, courses, faults.filter(bool))
def test_one_more_fault_explains_what_falls_into_it_and_nothing_else(
    said: list[ErrorLine], course: Course, more: list[Explained]
) -> None:
    """Lines of what it has to do with, from its beginning to its end; those without a time, too."""
    fault, *_ = more
    wider = Course(course.ready_s, course.stop_s, (*course.faults, fault))
    before = hygiene_of(said, course, ()).unexplained
    after = hygiene_of(said, wider, ()).unexplained

    def within(line: ErrorLine) -> bool:
        timely = line.at_s is None or not (line.at_s < fault.begin_s or line.at_s > fault.end_s)
        return timely and line.resource in fault.resources

    assert list(after) == [line for line in before if not within(line)]


@pytest.mark.parametrize(
    ("at_s", "phase"), [(1, "start"), (3, "run"), (5, "fault"), (8, "run"), (10, "stop")]
)
def test_a_phase_is_told_by_time(at_s: float, phase: str) -> None:
    """Ready from 2 on, a fault of something else from 4 to 7, the first is stopped at 10."""
    course = Course({"spring": 2}, 10, (Explained(frozenset({"lake"}), 4, 7),))
    line = ErrorLine("spring", "spring.log", 1, at_s, WORDS[0])
    listed = [Noise("spring", (each,), (WORDS[0],), "old", "*") for each in PHASES]
    assert [each.phases for each in hygiene_of([line], course, listed).used] == [(phase,)]
    assert course.phase_of(1, "mill") == "run", "it was there before the run"


@dataclass(frozen=True)
class Still(Resource):
    """A resource that does nothing: only what it needs, wants and lives in is looked at."""

    name: str
    needs: tuple[str, ...] = ()
    wants: tuple[str, ...] = ()
    host: str = ""
    ready_timeout_s: float = 60.0

    def launch(self, stage: Stage) -> None:
        """Nothing is started."""

    def probe(self, stage: Stage) -> str:
        """It is always there."""
        del stage
        return ""

    def endpoints(self, stage: Stage) -> dict[str, Endpoint]:
        """It serves nothing."""
        del stage
        return {}


# A mill needs the spring, a trout wants the mill, and a frog lives in the spring; a lake is apart.
STILL = (
    Still("spring"),
    Still("mill", needs=("spring",)),
    Still("trout", wants=("mill",)),
    Still("frog", host="spring"),
    Still("lake"),
)


def at(second: int, event: Event) -> Entry:
    """An event of a timeline that begins at the epoch."""
    return Entry(datetime.fromtimestamp(second, UTC), second, event)


@pytest.mark.parametrize(
    ("after", "end_s"),
    [
        ([], math.inf),
        ([at(20, FaultHealed("f", "spring", "asked", {}))], 27),
        (
            [at(20, FaultHealed("f", "spring", "asked", {})), at(24, Recovered("f", "mill", 4.0))],
            24,
        ),
    ],
    ids=["not healed", "nobody has looked", "seen to be well"],
)
def test_a_fault_explains_until_somebody_has_answered_for_it(
    after: list[Entry], end_s: float
) -> None:
    """By the timeline: until all was seen to be well, or for as long as recovery may take."""
    fault = at(10, FaultInjected("f", "spring", "kill", "", 60.0, {}))
    events = [at(3, Ready("spring", "1", 3.0)), fault, *after, at(90, Stopping("mill"))]
    found = course_of([*events, at(91, Stopping("spring"))], STILL, {"spring": 7.0})
    (explained,) = found.faults
    assert explained.resources == {"spring", "mill", "trout", "frog"}
    assert (explained.begin_s, explained.end_s) == (10, end_s)
    assert (found.ready_s, found.stop_s) == ({"spring": 3}, 90)


# --- entries


@pytest.mark.parametrize(
    ("form", "line", "severe"),
    [
        (LOGFMT, 'ts=2026-11-26T17:15:09Z caller=main.go:241 level=error msg="no"', True),
        (LOGFMT, 'time=2026-11-26T17:15:09Z level=ERROR source=main.go:241 msg="no"', True),
        (LOGFMT, 'ts=2026-11-26T17:15:09Z caller=a.go:2 level=info msg="level=error"', False),
        (TABBED, "2026-11-26T17:15:09Z\terror\tlib/a.go:12\tno", True),
        (TABBED, "2026-11-26T17:15:09Z\tinfo\tlib/a.go:12\tan error", False),
        (JSON, '{"event": "no", "level": "critical", "timestamp": "2026-11-26T17:15:09Z"}', True),
        (JSON, '{"timestamp": "2026-11-26T17:15:09Z", "level": "warning", "event": "x"}', False),
    ],
)
def test_an_entry_tells_its_time_and_whether_it_is_an_error(
    form: LogFormat, line: str, *, severe: bool
) -> None:
    """Of each form that servers have."""
    (entry,) = entries_in([line], form)
    assert (entry.at_s, entry.severe, entry.formed) == (1795713309.0, severe, True)


def test_a_dying_program_is_heard_without_any_form() -> None:
    """A traceback is an error in every log, at the time of the last entry before it."""
    log = ["2026-11-26T17:15:09Z\tinfo\tx\ty\n", "  indented\n", "panic: runtime error\n"]
    assert [(e.number, e.at_s, e.severe) for e in entries_in(log, TABBED)] == [
        (1, 1795713309.0, False),
        (3, 1795713309.0, True),
    ]
    assert [(e.number, e.at_s) for e in entries_in(log, None)] == [(3, None)]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            "- {resource: spring, phases: [run], texts: [xxxxxxxxxxxx], shown_by: x}",
            "entry 0 reason",
        ),
        (
            "- {resource: spring, phases: [run], texts: [eleven char], reason: y, shown_by: x}",
            "entry 0 texts 0: String should have at least 12 characters",
        ),
        (
            "- {resource: spring, phases: [run], texts: [], reason: y, shown_by: x}",
            "entry 0 texts: Tuple should have at least 1 item",
        ),
        (
            "- {resource: moon, phases: [run], texts: [xxxxxxxxxxxx], reason: y, shown_by: x}",
            "entry 0: no such resource: moon",
        ),
        (
            "- {resource: spring, phases: [dusk], texts: [xxxxxxxxxxxx], reason: y, shown_by: x}",
            "entry 0 phases 0: Input should be",
        ),
        (
            (
                "- {resource: spring, phases: [run], texts: [xxxxxxxxxxxx], when: {moon: [1]}, "
                "reason: y, shown_by: x}"
            ),
            "entry 0: no such setting: moon",
        ),
    ],
)
def test_a_malformed_list_of_noises_is_refused_in_one_line(
    tmp_path: Path, text: str, line: str
) -> None:
    """The line names the file, and what is wrong."""
    file = tmp_path / "noise.yaml"
    file.write_text(text)
    with pytest.raises(UsageError) as refused:
        load_noises(file, ["spring"], tmp_path, {"env": "local"})
    assert str(refused.value).startswith(f"noise.yaml: {line}")
    assert "\n" not in str(refused.value)


def test_what_is_heard_under_other_settings_is_no_noise(tmp_path: Path) -> None:
    """Nobody misses it then, and it explains nothing."""
    file = tmp_path / "noise.yaml"
    text = "{resource: spring, phases: [run], texts: [xxxxxxxxxxxx], reason: y, shown_by: x, when: "
    file.write_text(f"- {text}{{wells: [3]}}}}")
    assert not load_noises(file, ["spring"], tmp_path, {"wells": 1})
    assert len(load_noises(file, ["spring"], tmp_path, {"wells": 3})) == 1


# --- a run

CHECK = '''
"""A spring that complains, of nothing or of a fault."""

import pytest
import requests


def complain(handle):
    """Have it log an error, and answer all the same."""
    assert requests.get(handle.endpoint() + "/complain", timeout=5).ok


def test_quiet(spring, mill):
    """Nobody complains."""


def test_complaint(spring):
    """Something is wrong with it."""
    complain(spring)


@pytest.mark.disturbs("spring")
def test_fault(spring, mill):
    """The mill complains while the spring, which it needs, is broken on purpose."""
    with spring.fault("kill"):
        complain(mill)


@pytest.mark.disturbs("mill")
def test_other(spring, mill):
    """The spring doesn't need the mill."""
    with mill.fault("kill"):
        complain(spring)
'''

SQUEAKING = "the wheel is squeaking"


def check(
    pond: Pond, which: str, *, noise: str = "", options: tuple[str, ...] = (), **env: str
) -> tuple[int, str]:
    """Run one of the tests; exit code and output."""
    (pond.root / "check_logs.py").write_text(CHECK)
    if noise:
        (pond.root / "noise.yaml").write_text(
            f"- {{resource: spring, phases: [{noise}], texts: [{SQUEAKING}], reason: it is old, "
            f"shown_by: 'check_logs.py::test_{which}'}}\n"
        )
    argv = [sys.executable, "-m", "pytest", "check_logs.py", "-q", "-k", which, *options]
    done = pond.call(argv, env)
    assert "1 passed" in done.output, done.output
    return done.returncode, done.output


def logs(pond: Pond) -> list[str]:
    """The logs that the last run has left."""
    folder = (pond.root / "reports/out/latest").resolve() / "logs"
    return sorted(str(each.relative_to(folder)) for each in folder.rglob("*.log"))


def test_a_quiet_run_passes_and_leaves_no_logs(pond: Pond) -> None:
    """Exit code 0: an error is looked for, and nothing else."""
    assert check(pond, "quiet")[0] == 0
    assert logs(pond) == []


def test_an_error_that_nothing_explains_is_the_products_failure(pond: Pond) -> None:
    """Exit code 1 though all tests have passed: resource, file, line and text are told."""
    code, output = check(pond, "complaint")
    assert code == 1, output
    told = "groundwork: product failure: spring: an error line that nothing explains: spring.log:"
    line = next(each for each in output.splitlines() if each.startswith(told))
    assert line.endswith(f"ERROR {SQUEAKING}")
    assert logs(pond) == ["spring/spring.log"]


def test_it_is_so_in_a_kept_environment_and_only_in_the_run_that_it_is_of(kept: Pond) -> None:
    """The next run finds the same log, and holds nothing against it."""
    told = "spring: an error line that nothing explains"
    for which, code in (("quiet", 0), ("complaint", 1), ("quiet", 0)):
        got, output = check(kept, which)
        assert (got, told in output) == (code, bool(code)), output


@pytest.mark.parametrize(("which", "code"), [("fault", 0), ("other", 1)])
def test_a_fault_explains_the_errors_of_who_needs_what_it_has_broken(
    pond: Pond, which: str, code: int
) -> None:
    """The mill needs the spring, and the spring doesn't need the mill."""
    got, output = check(pond, which)
    assert got == code, output


@pytest.mark.parametrize(
    ("which", "noise", "code"),
    [
        ("complaint", "run", 0),
        ("complaint", "fault", 1),
        ("other", "fault", 0),
        ("quiet", "run", 1),
    ],
)
def test_a_noise_explains_what_it_lists_in_its_phase_and_must_be_heard(
    pond: Pond, which: str, noise: str, code: int
) -> None:
    """One that a test should have shown and hasn't makes the run fail, too."""
    got, output = check(pond, which, noise=noise)
    assert got == code, output
    unheard = f"'{SQUEAKING}' is listed as noise, and isn't in its log"
    assert (unheard in output) == (which == "quiet" or (noise == "fault" and code == 1))


def test_a_form_that_fits_no_line_proves_nothing(pond: Pond) -> None:
    """It would find no error in any log: that is told of each resource."""
    code, output = check(pond, "quiet", POND_LOG=r"(?P<at>never) (?P<level>x) ")
    assert code == 1, output
    for name in ("spring", "mill"):
        assert f"product failure: {name}: no line of its log has the form that is" in output
