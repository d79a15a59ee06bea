"""Programs built from Go modules: their version and their key follow from the module's files."""

from __future__ import annotations

import dataclasses
import shutil
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.packages.programs import HELM, KIND
from fixtures.platforms.nodes import CONTROL_PLANE
from fixtures.resources.prometheus import BUILD as PROMETHEUS_BUILD
from groundwork.artifacts import Cache, GoBuild, Workshop
from groundwork.artifacts.gobuild import build, tool_package
from groundwork.base.errors import ArtifactError, CancelledError, UsageError

GO_MOD = """module example/tools/thing

go 1.26.8

tool example.org/thing/cmd/thing

require (
\texample-org/thing v7.7.7 // indirect
\texample.org/thing v1.2.3 // indirect
\texample.org/thing/v2 v2.0.0 // indirect
)
"""

# Stands for Go: what it is asked for is what it "builds".
ECHO = """#!/bin/sh
for word; do
  test "$before" = -o && target=$word
  before=$word
done
test -d "$GOTMPDIR" || exit 1
printf '%s\\n' "$PWD" "$GOTMPDIR" "$GOFLAGS $GOTOOLCHAIN $CGO_ENABLED" "$@" > "$target"
"""

OURS = [
    PROMETHEUS_BUILD,
    HELM,
    GoBuild("kind", KIND.go_module, "sigs.k8s.io/kind"),
    CONTROL_PLANE.kubernetes,
    CONTROL_PLANE.etcd,
    CONTROL_PLANE.coredns,
    CONTROL_PLANE.provisioner,
]

paths = st.lists(
    st.text("abcdefghijklmnopqrstuvwxyz0123456789-.", min_size=1, max_size=8),
    min_size=1,
    max_size=4,
).map("/".join)
versions = st.from_regex(
    r"[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}(-rc\.[0-9]|\+incompatible)?", fullmatch=True
)


@pytest.fixture
def module(tmp_path: Path) -> Path:
    """A module with a tool and no program of its own."""
    folder = tmp_path / "thing"
    folder.mkdir()
    (folder / "go.mod").write_text(GO_MOD)
    (folder / "go.sum").write_text("example.org/thing v1.2.3 h1:abc=\n")
    return folder


def install_go(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Put a go on PATH, before all others."""
    folder.mkdir()
    (folder / "go").write_text(script)
    (folder / "go").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


@given(st.dictionaries(paths, versions, min_size=1, max_size=8), st.data())
def test_the_version_is_that_of_the_required_module(
    tmp_path_factory: pytest.TempPathFactory, required: dict[str, str], data: st.DataObject
) -> None:
    """Alone or in a block, with a comment or without, beside modules that begin or end like it."""
    folder = tmp_path_factory.mktemp("module")
    blocked = data.draw(st.booleans())
    comment = data.draw(st.sampled_from(["", " // indirect"]))
    lines = [f"{path} v{version}{comment}" for path, version in required.items()]
    text = (
        "require (\n" + "".join(f"\t{line}\n" for line in lines) + ")\n"
        if blocked
        else "".join(f"require {line}\n" for line in lines)
    )
    replaced = "".join(f"\t{path} => {path} v9.9.9\n" for path in required)
    (folder / "go.mod").write_text(f"module own\n\ngo 1.26\n\n{text}\nreplace (\n{replaced})\n")
    for path, version in required.items():
        assert GoBuild("thing", folder, path).version == version


def test_a_module_that_isnt_required_is_told_by_file(module: Path) -> None:
    """A misspelt source is a mistake in the declaration."""
    with pytest.raises(UsageError, match=r"thing/go\.mod: example\.org/think isn't required"):
        _ = GoBuild("thing", module, "example.org/think").version


def test_our_own_code_has_no_version(module: Path) -> None:
    """And needs none: it is of the version of this project."""
    assert GoBuild("pause", module).version == ""


@pytest.mark.parametrize("program", OURS, ids=lambda each: each.name)
def test_every_program_is_locked_with_its_sum(program: GoBuild) -> None:
    """What is built is pinned in go.mod, by name or by our main package, and summed in go.sum."""
    sums = (program.folder / "go.sum").read_text()
    if program.source:
        assert f"{program.source} v{program.version} h1:" in sums
    own = program.folder / "main.go"
    if own.exists():
        assert f'"{program.source}' in own.read_text()
    else:
        package = tool_package(program.folder, program.program)
        assert package.startswith(program.source)


@pytest.mark.parametrize("file", ["go.mod", "go.sum", "main.go"])
def test_whatever_is_built_from_is_part_of_the_key(module: Path, file: str) -> None:
    """A new version, another sum, a line of our own code: another entry of the cache."""
    (module / "main.go").write_text("package main\n")
    program = GoBuild("thing", module, "example.org/thing")
    before = program.key()
    with (module / file).open("a") as stream:
        stream.write("// more\n")
    assert program.key() != before


def test_how_it_is_linked_is_part_of_the_key(module: Path) -> None:
    """So are the program and the module that tells its version; where the files lie is not."""
    program = GoBuild("thing", module, "example.org/thing", "-s")
    others = [
        dataclasses.replace(program, ldflags="-s -w"),
        dataclasses.replace(program, source="example.org/thing/v2"),
        dataclasses.replace(program, command="thingctl"),
        dataclasses.replace(program, tags=("stringlabels",)),
    ]
    assert len({each.key() for each in (program, *others)}) == len(others) + 1
    copy = shutil.copytree(module, module.with_name("copy"))
    (copy / "README.md").write_text("no part of the program\n")
    assert dataclasses.replace(program, folder=copy).key() == program.key()


def test_go_is_asked_for_a_static_program_of_the_locked_modules(
    module: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Linked with the version; the tool by its path, our own main package where there is one."""
    install_go(tmp_path / "bin", monkeypatch, ECHO)
    workshop = Workshop(Cache.open(tmp_path / "cache"))
    program = GoBuild("thing", module, "example.org/thing", "-s -X main.version=v{version}")
    found = program.resolve(workshop)
    assert (found.version, found.source, found.cached) == ("1.2.3", "Go build", False)
    folder, work, settings, *words = found.program("thing").read_text().splitlines()
    assert folder == str(module)
    # Where a killed build's files are found by the next one, and a finished one has left none.
    assert Path(work).parent == found.path.with_suffix(".part")
    assert [path.name for path in found.path.iterdir() if path.is_dir()] == []
    assert settings == "-mod=readonly local 0"
    # Neither this machine's folders nor this repository's state, which are no part of the key.
    assert words[:3] == ["build", "-trimpath", "-buildvcs=false"]
    assert words[3:5] == ["-ldflags", "-s -X main.version=v1.2.3"]
    assert words[-1] == "example.org/thing/cmd/thing"
    (module / "main.go").write_text("package main\n")
    again = program.resolve(workshop)
    assert again.program("thing").read_text().splitlines()[-1] == "."
    assert program.resolve(workshop).cached
    tagged = dataclasses.replace(program, tags=("netgo", "stringlabels")).resolve(workshop)
    assert tagged.program("thing").read_text().splitlines()[6:8] == ["-tags", "netgo,stringlabels"]


def test_a_failed_build_is_told_in_one_line(
    module: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The compiler's last, for it says what is wrong; nothing half built is left."""
    install_go(tmp_path / "bin", monkeypatch, "#!/bin/sh\necho first\necho no module\nexit 1\n")
    workshop = Workshop(Cache.open(tmp_path / "cache"))
    with pytest.raises(ArtifactError) as refused:
        GoBuild("thing", module, "example.org/thing").resolve(workshop)
    assert str(refused.value) == (
        "thing: the Go build failed: no module; connect to the network once"
    )
    assert [each.suffix for each in (tmp_path / "cache" / "thing").iterdir()] == [".lock"]


def test_a_build_ends_with_the_run(
    module: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A build takes minutes, and nobody waits for it any more."""
    install_go(tmp_path / "bin", monkeypatch, "#!/bin/sh\nsleep 60\n")
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(CancelledError, match="the run ended while thing was built"):
        build(tmp_path / "bin" / "go", module, ".", tmp_path / "thing", cancel, ldflags="")


def test_a_tool_that_isnt_declared_is_told_by_file(module: Path) -> None:
    """A package that only ends alike isn't it."""
    with pytest.raises(UsageError, match=r"thing/go\.mod: no tool hing"):
        tool_package(module, "hing")


def test_without_go_and_its_wheel_the_network_is_asked_for(
    module: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where neither is to be had the one line says what to do."""
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    with pytest.raises(ArtifactError, match="no Go, and its wheel can't be fetched; connect to"):
        GoBuild("thing", module, "example.org/thing").resolve(
            Workshop(Cache.open(tmp_path / "cache"))
        )
