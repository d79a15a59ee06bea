"""Locks: the newest is taken of what has no reason to stay, and a lock that fails stays whole."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.paths import KUBERNETES, TOOLS
from groundwork.artifacts import Cache, Workshop
from groundwork.artifacts.maven import release, wanted_in
from groundwork.base.errors import UsageError
from suites.support.pins.gomod import GoMod
from suites.support.pins.images import followed
from suites.support.pins.locks import follow_in, raised
from suites.support.pins.modules import Module, NotLockedError, moved

GO_MOD = """module own

go 1.26.8

tool (
\texample.org/thing/cmd/thing
\texample.org/thing/v2/cmd/other
)

require example.org/alone v1.0.0 // stays: of its time

require (
\texample.org/deep v0.1.0 // indirect
\texample.org/thing v1.2.3 // indirect
\texample.org/thing/v2 v2.0.0-rc.1 // indirect; stays: its makers say so
\texample.org/own v0.0.0
)

replace (
\texample.org/own => example.org/own v0.7.0
)
"""

KAFKA = """# The broker.
org.example:broker_2.13:jar:4.1.0
org.example:clients:jar:4.1.0 # named, or an older one is chosen
org.log:binding:jar:2.24.3 # stays: of the broker's version
org.log:other:jar:2.0
"""

# A Go that does what it is asked for, as far as these tests can tell: it raises, and sums.
GO = """#!/bin/sh
echo "$*" >> "$LOG"
case "$*" in
  "get -tool "*) sed -i.bak 's/thing v1.2.3/thing v1.3.0/' go.mod; rm go.mod.bak ;;
  "mod tidy") echo "example.org/thing v1.3.0 h1:new=" >> go.sum ;;
  build*) {build} ;;
esac
"""


def test_what_is_named_is_told_from_what_that_needs() -> None:
    """Modules of tools, by the longest path, and those that no tool needs."""
    module = GoMod(GO_MOD)
    named = {each.name: (each.version, each.stays) for each in module.named}
    assert named == {
        "example.org/alone": ("1.0.0", "of its time"),
        "example.org/thing": ("1.2.3", ""),
        "example.org/thing/v2": ("2.0.0-rc.1", "its makers say so"),
        "example.org/own": ("0.7.0", ""),
    }
    assert module.owner("example.org/thing/v2/cmd/other") == "example.org/thing/v2"
    assert module.owner("example.org/thingummy") == ""


def test_every_module_of_ours_names_something() -> None:
    """But the one that is our own code alone."""
    files = {file.parent.name: file for file in TOOLS.glob("*/go.mod")}
    named = {name: GoMod(file.read_text()).named for name, file in files.items()}
    assert [name for name, found in named.items() if not found] == ["pause"]


def test_what_moved_is_told() -> None:
    """By name, from which to which."""
    after = GoMod(GO_MOD.replace("v1.2.3", "v1.3.0").replace("deep v0.1.0", "deep v0.2.0"))
    assert list(moved(GoMod(GO_MOD), after)) == ["example.org/thing 1.2.3 to 1.3.0"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A module whose sums are all there."""
    made = tmp_path / "own"
    made.mkdir()
    (made / "go.mod").write_text(GO_MOD)
    sums = [f"{each.name} v{each.version} h1:old=" for each in GoMod(GO_MOD).named]
    (made / "go.sum").write_text("\n".join(sums) + "\n")
    return made


def module_of(
    folder: Path, monkeypatch: pytest.MonkeyPatch, build: str = ": > /dev/null"
) -> Module:
    """With a Go of the test's."""
    go = folder.parent / "go"
    go.write_text(GO.replace("{build}", build))
    go.chmod(0o755)
    monkeypatch.setenv("LOG", str(folder.parent / "log"))
    return Module(folder, go, Workshop(Cache.open(folder.parent / "cache")))


def test_a_module_whose_sums_are_there_is_left_as_it_is(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To the letter, and Go isn't called: another order of lines would be another build."""
    assert module_of(folder, monkeypatch).lock(upgrade=False) == ""
    assert (folder / "go.mod").read_text() == GO_MOD
    assert not (folder.parent / "log").exists()


def test_the_newest_is_asked_for_of_what_has_no_reason_to_stay(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others are named with their version, so that nothing drags them along; it compiles."""
    module = module_of(folder, monkeypatch)
    assert module.lock(upgrade=True) == "example.org/thing 1.2.3 to 1.3.0"
    calls = (folder.parent / "log").read_text().splitlines()
    assert calls[:4] == [
        "get example.org/alone@v1.0.0",
        "get -tool example.org/thing/cmd/thing@latest",
        "get -tool example.org/thing/v2/cmd/other@v2.0.0-rc.1",
        "mod tidy",
    ]
    assert [line.split()[-1] for line in calls[4:]] == list(GoMod(GO_MOD).tools)
    assert "thing v1.3.0 h1:new=" in (folder / "go.sum").read_text()


def test_what_doesnt_compile_is_not_taken(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both files are as before, and the compiler's word is told."""
    sums = (folder / "go.sum").read_text()
    module = module_of(folder, monkeypatch, "echo no page embedded; exit 1")
    told = module.lock(upgrade=True)
    assert told.startswith("stays, for what is newer can't be had: ")
    assert told.endswith("no page embedded")
    assert (folder / "go.mod").read_text() == GO_MOD
    assert (folder / "go.sum").read_text() == sums


def test_a_version_that_somebody_wrote_and_nobody_has_is_an_error(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It names the file, and says what Go said."""
    text = GO_MOD.replace("thing v1.2.3", "thing v1.2.4")
    (folder / "go.mod").write_text(text)
    module = module_of(folder, monkeypatch)
    module.go.write_text("#!/bin/sh\necho unknown revision v1.2.4\nexit 1\n")
    with pytest.raises(NotLockedError, match=r"own/go\.mod: .*unknown revision v1\.2\.4"):
        module.lock(upgrade=False)
    assert (folder / "go.mod").read_text() == text


def test_coordinates_rise_together_and_keep_their_comments() -> None:
    """Those of one version as far as the last of them is listed; what has a reason stays."""
    newest = {
        "org.example:broker_2.13": "4.4.0",
        "org.example:clients": "4.3.1",
        "org.log:binding": "2.26.1",
        "org.log:other": "2.0",
    }
    assert raised(KAFKA, newest) == KAFKA.replace("4.1.0", "4.3.1")


@given(st.integers(0, 50), st.integers(0, 50))
def test_coordinates_never_fall(listed: int, pinned: int) -> None:
    """A list that lags behind changes nothing."""
    text = f"org.example:thing:jar:1.{pinned}\n"
    raised_to = max(listed, pinned)
    assert raised(text, {"org.example:thing": f"1.{listed}"}) == (
        f"org.example:thing:jar:1.{raised_to}\n"
    )


@pytest.mark.parametrize("text", ["3.0.0-beta2", "1.0.0-M1", "2.0-SNAPSHOT", "4.4.0-rc1"])
def test_what_comes_before_a_release_is_none(text: str) -> None:
    """Maven calls the last of these the latest release."""
    assert release(text) is None


def test_coordinates_are_read_past_comments(tmp_path: Path) -> None:
    """And one that isn't any is told by file and line."""
    file = tmp_path / "some.in"
    file.write_text(KAFKA)
    assert [each.artifact for each in wanted_in(file)] == [
        "broker_2.13",
        "clients",
        "binding",
        "other",
    ]
    file.write_text(f"{KAFKA}nonsense # stays: why\n")
    with pytest.raises(UsageError, match=r"some\.in:6: 'nonsense' should be"):
        wanted_in(file)


def test_images_follow_what_is_built_here() -> None:
    """Of the same name alone, with whatever stands behind them."""
    text = (
        "image: apache/kafka:4.1.0 # why\n  - image: apache/kafka-native:4.1.0\n"
        "  image: other/apache/kafka:4.1.0\n"
    )
    assert follow_in(text, {"apache/kafka": "4.4.0"}) == text.replace(
        "image: apache/kafka:4.1.0", "image: apache/kafka:4.4.0"
    )


def test_every_image_that_follows_is_in_the_manifests() -> None:
    """A name that nobody pulls any more would be moved in vain."""
    text = "".join(file.read_text() for file in KUBERNETES.rglob("*.yaml"))
    assert [name for name in followed() if f"image: {name}:" not in text] == []
