"""The doctor, in broken environments: it says the right line, and what mends it."""

from __future__ import annotations

import os
import shutil
import socket
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from doctor import files, machine, programs, system
from doctor.remark import Remark
from fixtures import ENVIRONMENT
from fixtures.paths import ROOT
from groundwork.base import process
from groundwork.use import bundle
from reports.history import history_of
from suites.support.copies import copy_project

# It asks engines, which may take a while to say that they can't.
TIMEOUT_S = 90.0

# Nobody may write there, not even root.
READ_ONLY = Path("/System" if sys.platform == "darwin" else "/sys")

PROGRAMS = ("make", "git", "sh")

GIB = 1024**3

FOLDERS = tuple(f"GROUNDWORK_{name}_DIR" for name in ("CACHE", "STATE", "OUT", "HISTORY"))


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with the doctor alone: it needs nothing else of the project."""
    shutil.copytree(ROOT / "doctor", tmp_path / "p" / "doctor")
    return tmp_path / "p"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A PATH of one folder, with what is needed and nothing else."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in PROGRAMS:
        found = shutil.which(name)
        assert found is not None
        (folder / name).symlink_to(found)
    return folder


def consult(
    place: Path, path: Path, extra: Mapping[str, str] | None = None, *, open_files: int = 0
) -> process.Completed:
    """Ask the doctor in a place, with folders of its own for all that is written."""
    own = {
        "PATH": str(path),
        "HOME": str(place),
        "GROUNDWORK_CACHE_DIR": str(place / "cache"),
        "GROUNDWORK_STATE_DIR": str(place / "state"),
    }
    words = [sys.executable, "-m", "doctor"]
    if open_files:
        words = ["sh", "-c", f'ulimit -n {open_files}; exec "$@"', "sh", *words]
    env = own | dict(extra or {})
    return process.run(words, timeout_s=TIMEOUT_S, cwd=place, env=env, check=False)


def lines_of(done: process.Completed, kind: str) -> list[str]:
    """What it has said of one kind."""
    return [line for line in done.output.splitlines() if line.startswith(kind)]


def program(path: Path, name: str, text: str) -> None:
    """Put a program of a broken machine on its PATH."""
    (path / name).unlink(missing_ok=True)
    (path / name).write_text(f"#!/bin/sh\n{text}\n")
    (path / name).chmod(0o755)


def test_a_whole_machine_lacks_nothing(place: Path, path: Path) -> None:
    """No line says that something is wrong, and the exit code is 0; an engine isn't needed."""
    done = consult(place, path)
    assert lines_of(done, "wrong") == []
    assert done.returncode == 0, done.output
    assert "nothing is missing for --env local: make smoke" in done.output
    (line,) = (each for each in lines_of(done, "note") if "engine:" in each)
    assert "neither docker nor podman is on PATH: --env kind needs one" in line


def test_what_nothing_works_without_comes_first(place: Path, path: Path) -> None:
    """However many notes there are."""
    (path / "git").unlink()
    done = consult(place, path, {"http_proxy": "http://proxy.invalid:3128"})
    kinds = [line.split()[0] for line in done.output.splitlines()]
    assert kinds == ["wrong", *["note"] * (len(kinds) - 1)]
    assert len(kinds) > 2


def test_make_is_missing(place: Path, path: Path) -> None:
    """PATH has none: who has unpacked an archive may have no compiler's tools either."""
    (path / "make").unlink()
    (line,) = lines_of(consult(place, path), "wrong")
    assert line.startswith("wrong  make: not on PATH: every command is one of its targets; ")
    assert system.install("make", system.this_system()) in line


def test_git_is_missing(place: Path, path: Path) -> None:
    """PATH has none."""
    (path / "git").unlink()
    done = consult(place, path)
    (line,) = lines_of(done, "wrong")
    assert line.startswith("wrong  git: not on PATH: lint asks it for the files; ")
    assert system.install("git", system.this_system()) in line
    assert done.returncode == 1


def test_make_is_another(place: Path, path: Path) -> None:
    """A make that isn't GNU's, or too old a one."""
    for said in ("bmake 20200710", "GNU Make 3.80"):
        program(path, "make", f"echo '{said}'")
        (line,) = lines_of(consult(place, path), "wrong")
        assert "isn't GNU make 3.81 or newer" in line


def test_an_engine_cant_be_used(place: Path, path: Path) -> None:
    """Docker's command is there, and its daemon isn't."""
    said = "echo 'WARNING: your file is old'; echo 'Cannot connect to the Docker daemon.'"
    program(path, "docker", f"{{ {said}; }} >&2; exit 1")
    done = consult(place, path)
    (line,) = (each for each in lines_of(done, "note") if "engine:" in each)
    assert "docker can't be used (Cannot connect to the Docker daemon.)" in line
    assert done.returncode == 0  # local needs none


def test_one_engine_is_enough(place: Path, path: Path) -> None:
    """A second one that doesn't answer is nobody's concern."""
    program(path, "docker", "echo 'Cannot connect to the Docker daemon.' >&2; exit 1")
    program(path, "podman", "echo '4.3.1'")
    assert "engine:" not in consult(place, path).output


def test_the_cache_cant_be_written(place: Path, path: Path) -> None:
    """A file lies where the folder should be."""
    (place / "taken").write_text("")
    done = consult(place, path, {"GROUNDWORK_CACHE_DIR": str(place / "taken" / "cache")})
    (line,) = lines_of(done, "wrong")
    assert f"{place / 'taken' / 'cache'}: can't be written (Not a directory)" in line
    assert line.endswith("set GROUNDWORK_CACHE_DIR to a folder that you can write")


def test_the_state_folder_is_read_only(place: Path, path: Path) -> None:
    """A file system that nobody writes to; named in .env this time."""
    (place / ".env").write_text(
        f"GROUNDWORK_STATE_DIR={place}\nGROUNDWORK_STATE_DIR={READ_ONLY}/groundwork\n"
    )  # the last line counts, as it does for the engine
    done = consult(place, path, {"GROUNDWORK_STATE_DIR": ""})
    (line,) = lines_of(done, "wrong")
    assert line.startswith(f"wrong  {READ_ONLY}/groundwork: can't be written")
    assert "it has the ledgers of what must be removed" in line


@pytest.mark.parametrize("variable", ["GROUNDWORK_OUT_DIR", "GROUNDWORK_HISTORY_DIR"])
def test_a_folder_that_is_named_cant_be_written(variable: str, place: Path, path: Path) -> None:
    """Of reports, or of what is remembered: told by the variable to set."""
    done = consult(place, path, {variable: f"{READ_ONLY}/groundwork"})
    (line,) = lines_of(done, "wrong")
    assert line.startswith(f"wrong  {READ_ONLY}/groundwork: can't be written")
    assert line.endswith(f"set {variable} to a folder that you can write")


def test_folders_are_those_of_the_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The doctor, who needs nothing that is installed, finds them in its own way."""
    for given in ({}, {name: f"own/{name}" for name in FOLDERS}):
        for name in FOLDERS:
            monkeypatch.delenv(name, raising=False)
        for name, value in given.items():
            monkeypatch.setenv(name, value)
        own = ENVIRONMENT.settings.load({}, tmp_path)
        assert files.cache_dir(tmp_path) == own.cache_dir
        assert files.state_dir(tmp_path) == own.state_dir
        assert files.out_dir(tmp_path) == bundle.out_root(tmp_path, own)
        assert files.history_dir(tmp_path) == history_of(own).folder


@pytest.mark.parametrize(
    ("found", "what", "needed"),
    [
        (machine.memory(GIB // 2), "memory: 0.5 GiB", True),
        (machine.memory(2 * GIB), "memory: 2.0 GiB", False),
        (machine.memory(4 * GIB), "", False),
        (machine.processors(1), "processors: 1", False),
        (machine.processors(2), "", False),
        (machine.disk(Path("none"), GIB), "disk: 1.0 GiB free for none", True),
        (machine.disk(Path("none"), 7 * GIB), "disk: 7.0 GiB free for none", False),
        (machine.disk(Path("none"), 8 * GIB), "", False),
        (machine.disk(ROOT, 0), "", False),
        (machine.control_groups("linux", Path("none")), "control groups: of version 1", False),
        (machine.control_groups("linux", ROOT), "", False),
        (machine.control_groups("darwin", Path("none")), "", False),
    ],
)
def test_a_machine_is_large_enough_or_isnt(
    found: Iterator[Remark], what: str, *, needed: bool
) -> None:
    """Too little for anything is wrong, too little for a cluster is told, enough is nothing."""
    told = [(each.what, each.needed) for each in found]
    assert told == ([(what, needed)] if what else [])


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield int(server.getsockname()[1])


def test_a_fixed_port_is_in_use(place: Path, path: Path, taken: int) -> None:
    """One that is fixed is never another."""
    done = consult(place, path, {"GROUNDWORK_PORT": f"broker={taken}"})
    (line,) = lines_of(done, "wrong")
    assert f"port {taken}: in use, and GROUNDWORK_PORT fixes it for broker" in line
    assert f"lsof -i :{taken}" in line


def test_a_usual_port_is_in_use(place: Path, path: Path, taken: int) -> None:
    """A cluster takes another, so nothing is wrong; who has it can be found out."""
    text = (place / "doctor" / "machine.py").read_text()
    assert '"dashboards": 3000,' in text
    (place / "doctor" / "machine.py").write_text(text.replace(": 3000,", f": {taken},"))
    done = consult(place, path)
    (line,) = (each for each in lines_of(done, "note") if f"port {taken}" in each)
    assert "in use: dashboards of a cluster gets another; nothing need be done; lsof" in line
    assert done.returncode == 0


@pytest.mark.parametrize("how", ["a folder", "bytes"])
def test_env_cant_be_read(how: str, place: Path, path: Path) -> None:
    """What stands there isn't text, or isn't a file."""
    if how == "bytes":
        (place / ".env").write_bytes(b"ALPACA_API_KEY=\xff\xfe\n")
    else:
        (place / ".env").mkdir()
    done = consult(place, path)
    (line,) = lines_of(done, "wrong")
    assert line.startswith(f"wrong  {place / '.env'}: can't be read (")
    assert "settings and secrets are read from it" in line


def test_env_says_what_nobody_knows(tmp_path: Path, path: Path) -> None:
    """The engine's own word of it, once there is a virtual environment: file, line and advice."""
    place = copy_project(tmp_path / "p")
    (place / ".venv" / "bin").mkdir(parents=True)
    wrapper = place / ".venv" / "bin" / "python"
    wrapper.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    wrapper.chmod(0o755)
    (place / ".env").write_text("\nGROUNDWORK_BROKRES=3\n")
    (line,) = lines_of(consult(place, path), "wrong")
    assert f"settings: {place / '.env'}:2: GROUNDWORK_BROKRES is no setting" in line
    assert "did you mean GROUNDWORK_BROKERS?" in line


def test_a_proxy_leads_loopback_away(place: Path, path: Path) -> None:
    """Told, with what excepts it; told no more where it is excepted."""
    proxied = {"http_proxy": "http://proxy.invalid:3128"}
    (line,) = (each for each in lines_of(consult(place, path, proxied), "note") if "proxy" in each)
    assert "http_proxy leads 127.0.0.1 away" in line
    assert line.endswith("export NO_PROXY=127.0.0.1,localhost,::1")
    mended = consult(place, path, proxied | {"NO_PROXY": "127.0.0.1,localhost,::1"})
    assert "proxy" not in mended.output


def test_too_few_files_may_be_open(place: Path, path: Path) -> None:
    """A real limit, as a shell sets it."""
    (line,) = lines_of(consult(place, path, open_files=256), "wrong")
    assert line.startswith("wrong  open files: at most 256")
    assert line.endswith("ulimit -n 1024")


def test_python_is_missing(tmp_path: Path, path: Path) -> None:
    """Then make itself says so."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    done = process.run(
        ["make", "doctor"],
        timeout_s=TIMEOUT_S,
        cwd=tmp_path,
        env={"PATH": str(path)},
        check=False,
    )
    assert done.output.startswith("python: missing; everything here is written in it; install")
    assert done.returncode == 2


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("debian", "sudo apt-get install python3, or make PYTHON="),
        ("fedora", "sudo dnf install python3, or make PYTHON="),
        ("macos", "brew install python, or make PYTHON="),
        ("", "install python by your system's means, or make PYTHON="),
    ],
)
def test_an_old_python_is_told_with_the_systems_command(name: str, command: str) -> None:
    """Each system installs in its own way."""
    (remark,) = programs.python((3, 9), name)
    assert "is 3.9" in remark.what
    assert remark.mend.startswith(command)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ID=debian\n", "debian"),
        ('ID=linuxmint\nID_LIKE="ubuntu debian"\n', "debian"),
        ("ID=ubuntu\n", "debian"),
        ("ID=fedora\n", "fedora"),
        ('ID="rhel"\n', "fedora"),
        ('ID="rocky"\nID_LIKE="rhel centos fedora"\n', "fedora"),
        ("ID=plan9\n", ""),
    ],
)
def test_a_system_is_known_by_what_it_says_of_itself(text: str, found: str, tmp_path: Path) -> None:
    """Or by what it says that it is like."""
    file = tmp_path / "os-release"
    file.write_text(text)
    assert system.this_system("linux", file) == found
    assert system.this_system("darwin", file) == "macos"
    assert system.this_system("linux", tmp_path / "none") == ""


def test_it_runs_in_a_python_that_has_nothing(place: Path, path: Path) -> None:
    """Isolated from all that is installed beside it."""
    words = [sys.executable, "-I", "-S", "-c"]
    code = (
        f"import sys; sys.path.insert(0, {str(place)!r}); from doctor.__main__ import main; main()"
    )
    env = {"PATH": str(path), "HOME": os.environ.get("HOME", "/")}
    done = process.run([*words, code], timeout_s=TIMEOUT_S, cwd=place, env=env)
    assert "nothing is missing" in done.output
