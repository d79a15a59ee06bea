"""Pins: every one is found and listed, what is newer is told, and reasons are heard."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.paths import ROOT
from groundwork.artifacts import Cache, Workshop
from groundwork.base import process
from suites.support.checks import tracked
from suites.support.pins import asking
from suites.support.pins.asking import (
    ASKED,
    Answers,
    Newest,
    NotAskedError,
    ask_actions,
    ask_all,
    documents,
    tags_in,
)
from suites.support.pins.listing import UNKNOWN, listing, summary
from suites.support.pins.pin import Pin, is_newer, reason_in
from suites.support.pins.reading import COVERED_BY, of_python, pins_of, reader_of

# What looks like a pin to somebody who knows none of the readers, by the file's kind.
LOOKS = {
    "lock": re.compile(r"^[A-Za-z0-9._-]+==\d", re.MULTILINE),
    "module": re.compile(r"^(require )?\s*[\w./-]+\.\w+/\S+ v\d+\.\d+\.\d+", re.MULTILINE),
    "coordinate": re.compile(r"^[\w.-]+:[\w.-]+:(jar|zip|pom):", re.MULTILINE),
    "package": re.compile(r'"(integrity|dependencies)": '),
    "action": re.compile(r"^\s*-? *uses: ", re.MULTILINE),
    "image": re.compile(r"^\s*-? *image: *(?!localhost/)[\w./-]+:[\w.]", re.MULTILINE),
    "base": re.compile(r"^(FROM|ARG \w*IMAGE=) *[\w./-]*:?[\w.-]*\d", re.MULTILINE),
    "chart": re.compile(r"repository: https?://.*\n\s+version: ", re.MULTILINE),
    "build": re.compile(r'^requires = \["[\w-]+==', re.MULTILINE),
}
# Python and prose name versions as examples; those that are used stand elsewhere.
TOLD = {".py", ".md"}

# Of the project that selftests make runs of: what it names is in none of our runs.
SCRATCH = "suites/selftest/scratch/"

GIT_TIMEOUT_S = 30.0
NUMBERS = st.lists(st.integers(0, 400), min_size=3, max_size=3)
NAMES = st.from_regex(r"[a-z][a-z0-9]{0,8}(-[a-z0-9]{1,6})?", fullmatch=True)
REASONS = st.from_regex(r"[a-z]{1,9}( [a-z0-9.,;]{1,9}){0,5}", fullmatch=True)


def dotted(numbers: Sequence[int]) -> str:
    """A version of numbers."""
    return ".".join(str(number) for number in numbers)


def pin(name: str, version: str = "1.0.0", kind: str = "PyPI", **others: str) -> Pin:
    """A pin of a lock."""
    return Pin(kind, name, version, others.get("file", "a.lock"), others.get("stays", ""))


def workshop(tmp_path: Path) -> Workshop:
    """With a cache that nothing is fetched into."""
    return Workshop(Cache.open(tmp_path))


def test_every_file_with_a_pin_is_covered() -> None:
    """By a reader that finds pins in it, or by a file that names the same; none is missed."""
    missed, empty = [], []
    found = {each.file for each in pins_of(ROOT)}
    for name in tracked(ROOT):
        if Path(name).suffix in TOLD or name.startswith(SCRATCH):
            continue
        text = (ROOT / name).read_text(encoding="utf-8", errors="replace")
        if not any(look.search(text) for look in LOOKS.values()):
            continue
        if any(fnmatchcase(name, pattern) for pattern in COVERED_BY):
            continue
        if reader_of(name) is None:
            missed.append(name)
        elif name not in found:
            empty.append(name)
    assert missed == []
    assert empty == []


def test_there_is_a_file_for_every_kind_of_pin() -> None:
    """Whoever is asked is asked for something; and each pattern that covers covers."""
    assert {each.kind for each in pins_of(ROOT)} == set(ASKED)
    names = tracked(ROOT)
    idle = [p for p in COVERED_BY if not any(fnmatchcase(name, p) for name in names)]
    assert idle == []


def test_each_line_of_a_lock_is_a_pin() -> None:
    """As many as a count of lines says that knows nothing of names."""
    pins = pins_of(ROOT)
    for name in {each.file for each in pins if each.file.endswith("requirements.lock")}:
        lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
        pinned = [line for line in lines if "==" in line and line[0] not in " #"]
        assert len(pinned) == len([each for each in pins if each.file == name]), name


def test_nothing_names_a_registry() -> None:
    """A lock is true behind any mirror: it holds sums, and no address."""
    locks = [n for n in tracked(ROOT) if n.endswith((".lock", "-lock.json", "go.sum"))]
    assert locks
    found = [n for n in locks if re.search("https?://", (ROOT / n).read_text(encoding="utf-8"))]
    assert found == []


@given(st.dictionaries(NAMES, st.tuples(NUMBERS, st.none() | REASONS, st.booleans()), min_size=1))
def test_a_lock_is_read_with_reasons_and_who_needs_what(
    tmp_path_factory: pytest.TempPathFactory,
    packages: dict[str, tuple[list[int], str | None, bool]],
) -> None:
    """Whatever is in it: names, versions, reasons of its input, whoever needs a package."""
    folder = tmp_path_factory.mktemp("lock")
    wanted, locked = [], []
    for name, (numbers, reason, needed) in packages.items():
        wanted.append(f"{name}>={numbers[0]}" + (f" # stays: {reason}" if reason else ""))
        locked.append(f"{name}=={dotted(numbers)} \\\n    --hash=sha256:00")
        locked.append("    # via\n    #   groundwork (pyproject.toml)")
        locked += ["    #   another"] if needed else []
    (folder / "some.in").write_text("\n".join(wanted) + "\n")
    (folder / "some.lock").write_text("\n".join(locked) + "\n")
    found = {each.name: each for each in of_python(folder, "some.lock")}
    assert {name: each.version for name, each in found.items()} == {
        name: dotted(numbers) for name, (numbers, _, _) in packages.items()
    }
    for name, (_, reason, needed) in packages.items():
        assert found[name].stays == (reason or "")
        assert found[name].needed_by == (("another",) if needed else ())


def test_what_an_old_python_needs_says_so(tmp_path: Path) -> None:
    """Of a package in two versions the older one isn't behind: newer ones refuse that Python."""
    (tmp_path / "some.in").write_text("numpy\nidna\n")
    (tmp_path / "some.lock").write_text(
        "numpy==2.4.6 ; python_full_version < '3.12' \\\n"
        "numpy==2.5.5 ; python_full_version >= '3.12' \\\n"
        "idna==3.1 ; python_full_version < '3.15' \\\n"
    )
    reasons = [(each.version, each.stays) for each in of_python(tmp_path, "some.lock")]
    assert reasons == [("2.4.6", "of Python before 3.12"), ("2.5.5", ""), ("3.1", "")]


@given(NUMBERS, NUMBERS, st.sampled_from(["", "v"]))
def test_versions_are_compared_by_their_numbers(
    one: list[int], other: list[int], prefix: str
) -> None:
    """Not by their letters, where 10 came before 9."""
    assert is_newer(f"{prefix}{dotted(one)}", f"{prefix}{dotted(other)}") == (one > other)


@pytest.mark.parametrize(
    ("found", "pinned", "newer"),
    [
        ("v1.10.0", "v1.9.9", True),
        ("2.0.0", "2.0.0rc1", True),
        ("2026.10.19.post1", "2026.10.18", True),
        ("1.0.0", "1.0.0.post1", False),
        ("v0.0.0-20260101-aa", "v0.0.0-20260101-aa", False),
        ("v0.0.0-20260102-bb", "v0.0.0-20260101-aa", True),
    ],
)
def test_odd_versions_are_compared(found: str, pinned: str, *, newer: bool) -> None:
    """What can't be compared is told where it is another: somebody looks at it then."""
    assert is_newer(found, pinned) is newer


@given(REASONS)
def test_a_reason_is_heard_in_every_comment(reason: str) -> None:
    """Of Python, YAML and Go, alone or behind Go's own word."""
    for line in (f"x==1 # stays: {reason}", f"x v1 // indirect; stays: {reason}  "):
        assert reason_in(line) == reason
    assert reason_in(f"x==1 # {reason}") == ""


PINS = st.lists(
    st.builds(pin, NAMES, NUMBERS.map(dotted), st.sampled_from(sorted(ASKED))), max_size=20
)


@given(PINS, st.data())
def test_nothing_is_left_out_of_the_list(pins: list[Pin], data: st.DataObject) -> None:
    """A line for each pin, whatever was answered; unknown is never the same as up to date."""
    keys = sorted({(each.kind, each.name) for each in pins})
    known = data.draw(st.lists(st.sampled_from(keys), unique=True)) if keys else []
    answers = Answers({key: dotted(data.draw(NUMBERS)) for key in known}, {})
    lines = listing(pins, answers)
    assert sorted(map(repr, (line.pin for line in lines))) == sorted(map(repr, pins))
    for line in lines:
        found = answers.newest.get((line.pin.kind, line.pin.name))
        assert (line.newer == UNKNOWN) == (found is None)
        assert line.newer in {"", UNKNOWN} or is_newer(line.newer, line.pin.version)
    assert summary(lines).startswith(f"{len(pins)} pins in ")


def test_the_sum_counts_what_is_newer_and_what_stays() -> None:
    """In one line, which the eye finds at the end."""
    pins = [pin("old"), pin("stayed", stays="of its time"), pin("new"), pin("odd", kind="images")]
    newest = {("PyPI", "old"): "2", ("PyPI", "stayed"): "3", ("PyPI", "new"): "1.0.0"}
    lines = listing(pins, Answers(newest, {}))
    assert [(line.newer, line.why) for line in lines] == [
        ("2", ""),
        ("3", "of its time"),
        ("", ""),
        (UNKNOWN, ""),
    ]
    assert summary(lines) == (
        "4 pins in 1 files: of 2 there is something newer, 1 of which stay for a reason; of 1 "
        "nobody knows"
    )


def test_whoever_cant_be_asked_is_told_in_one_line_and_the_others_are_asked(
    tmp_path: Path,
) -> None:
    """A registry that is down takes nothing of the others along."""

    def down(names: Sequence[str], workshop: Workshop) -> Newest:
        del workshop
        raise NotAskedError(f"no answer about {', '.join(names)}\nand a page more")

    def up(names: Sequence[str], workshop: Workshop) -> Newest:
        del workshop
        return dict.fromkeys(names, "2.0")

    said: list[str] = []
    pins = [pin("a"), pin("b", kind="Go"), pin("c", kind="npm")]
    answers = ask_all(pins, workshop(tmp_path), said.append, {"PyPI": down, "Go": up, "npm": up})
    assert answers.unasked == {"PyPI": "no answer about a"}
    assert answers.newest == {("Go", "b"): "2.0", ("npm", "c"): "2.0"}
    assert said == ["asking for 1 of PyPI", "asking for 1 of Go", "asking for 1 of npm"]


def test_what_has_no_client_says_why(tmp_path: Path) -> None:
    """Images' tags and charts are listed by nobody that we have."""
    pins = [pin("a", kind="images"), pin("b", kind="charts")]
    answers = ask_all(pins, workshop(tmp_path), lambda _: None)
    assert {kind: why.partition(":")[0] for kind, why in answers.unasked.items()} == {
        "images": "images",
        "charts": "charts",
    }


def git(folder: Path, *words: str) -> None:
    """Call Git in a repository of the test's."""
    who = ("-c", "user.name=test", "-c", "user.email=test@localhost")
    process.run(["git", *who, *words], timeout_s=GIT_TIMEOUT_S, cwd=folder)


def test_actions_are_asked_for_by_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The highest whole release: neither what moves about, nor what comes before one."""
    repository = tmp_path / "actions" / "thing"
    repository.mkdir(parents=True)
    git(repository, "init", "--quiet")
    git(repository, "commit", "--quiet", "--allow-empty", "--message", "first")
    for tag in ("v1.2.3", "v1.10.0", "v2", "v2.0.0-beta.1", "nightly"):
        git(repository, "tag", tag)
    monkeypatch.setattr(asking, "ACTIONS", f"{tmp_path}/")
    assert ask_actions(["actions/thing/part"], workshop(tmp_path)) == {
        "actions/thing/part": "v1.10.0"
    }
    with pytest.raises(NotAskedError, match="Git reaches no repository of theirs"):
        ask_actions(["actions/other"], workshop(tmp_path))


@given(st.lists(NUMBERS, max_size=8))
def test_tags_of_releases_are_found_among_others(released: list[list[int]]) -> None:
    """In whatever order they are listed."""
    told = [f"0a1b\trefs/tags/v{dotted(numbers)}" for numbers in released]
    text = "\n".join([*told, "0a1b\trefs/tags/v9", "0a1b\trefs/tags/v999.0.0-rc.1", "nonsense"])
    assert [tag for _, tag in tags_in(text)] == [f"v{dotted(numbers)}" for numbers in released]


@given(st.lists(st.dictionaries(NAMES, NAMES, max_size=3), max_size=5))
def test_answers_of_go_are_read_among_what_it_says(told: list[dict[str, str]]) -> None:
    """One object behind another, as `go list -json` tells them."""
    text = "go: downloading something\n" + "".join(f"{each}\n".replace("'", '"') for each in told)
    assert list(documents(text)) == told
