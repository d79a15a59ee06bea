"""Counting lines: those of porters, keepers and jobs, which no pytest is in, are counted, too."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest

from fixtures.paths import ROOT
from groundwork.base import process
from suites.support import lines
from suites.support.lines import CLUSTERS, LinesError, omitted
from suites.support.pond import Pond

CONFIGURED = 'data_file = ".venv/coverage/data"'

# How many lines of each module of the engine a process has reached.
Lines = dict[str, int]

# A bit for each line, as coverage keeps them.
REACHED = "select path, numbits from line_bits join file on file.id = line_bits.file_id"


def lines_of(file: Path) -> Lines:
    """What one process has reached, by the module's path in the engine."""
    engine = ROOT / "groundwork"
    with contextlib.closing(sqlite3.connect(file)) as data:
        return {
            str(Path(path).relative_to(engine)): int.from_bytes(bits, "little").bit_count()
            for path, bits in data.execute(REACHED)
        }


@pytest.fixture
def counted(pond: Pond, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[Lines]]:
    """A kept environment and a job in it, counted as the project's configuration says."""
    data = pond.root / "counted" / "data"
    data.parent.mkdir()
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert CONFIGURED in text
    rules = pond.root / "counted.toml"
    rules.write_text(text.replace(CONFIGURED, f'data_file = "{data}"'))
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)  # where these tests are counted
    env = {"COVERAGE_PROCESS_START": str(rules)}
    out = pond.root / "job"
    words = ["resource=spring", "fault=pause", "seconds=1", "--seconds", "30", "--out", str(out)]
    for command in (["up"], ["job", "break", *words], ["down"]):
        done = pond.groundwork(*command, env=env)
        assert done.returncode == 0, done.output
    return lambda: [lines_of(file) for file in sorted(data.parent.iterdir())]


def test_what_no_pytest_is_in_is_counted(counted: Callable[[], list[Lines]]) -> None:
    """The porter, the keeper that it turns into, and a job that knows its client alone."""
    processes = counted()
    porters = [each for each in processes if each.get("keep/porter.py", 0) > 50]
    keepers = [each for each in processes if each.get("keep/keeper.py", 0) > 80]
    jobs = [
        each
        for each in processes
        if each.get("use/client.py") and not each.get("__main__.py") and not each.get("plugin.py")
    ]
    assert porters, processes
    assert keepers, processes
    assert jobs, processes


def test_only_what_a_cluster_reaches_is_left_out_and_says_why() -> None:
    """Each pattern is of something that is there, with a reason; with a cluster's run, none is."""
    for pattern, reason in CLUSTERS.items():
        assert list(ROOT.glob(pattern)), pattern
        assert reason
    assert omitted(clusters=False) == list(CLUSTERS)
    assert omitted(clusters=True) == []


# Two modules, whose import alone reaches lines; only a cluster's run reaches the second.
OF_HERE, OF_A_CLUSTER = "groundwork.base.graph", "groundwork.kube.objects"

# The import of a client of an API server, on a busy machine.
IMPORT_TIMEOUT_S = 60.0


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folders of `make coverage`'s and of `make coverage-kind`'s own."""
    for name in ("here", "cluster"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(lines, "DATA", tmp_path / "here")
    monkeypatch.setattr(lines, "OF_CLUSTERS", tmp_path / "cluster")
    monkeypatch.setattr(lines, "XML", tmp_path / "coverage.xml")
    monkeypatch.setenv("COVERAGE_FILE", str(tmp_path / "here" / "data"))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "page.md"))
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)  # where these tests are counted
    return tmp_path


def count(module: str, folder: Path, project: Path = ROOT) -> None:
    """Have a module of a project imported, and its lines counted into a folder."""
    script = folder.with_suffix(".py")
    script.write_text(f"import sys\nsys.path.insert(0, {str(project)!r})\nimport {module}\n")
    process.run(
        [sys.executable, "-m", "coverage", "run", script],
        timeout_s=IMPORT_TIMEOUT_S,
        cwd=ROOT,
        env=os.environ | {"COVERAGE_FILE": str(folder / "data")},
    )


def test_a_copy_of_the_project_is_counted_as_the_project(folders: Path) -> None:
    """Tests run copies, which are gone when the lines are counted: they aren't looked for there."""
    copy = folders / " a copy " / "groundwork"
    copy.mkdir(parents=True)
    shutil.copy(ROOT / "groundwork" / "__init__.py", copy)
    shutil.copytree(ROOT / "groundwork" / "base", copy / "base")
    count(OF_HERE, folders / "here", copy.parent)
    shutil.rmtree(copy.parent)
    assert lines.main() == 2
    assert told(folders)["groundwork/base/graph.py"]
    assert not [name for name in told(folders) if "copy" in name]


def told(folder: Path) -> dict[str, bool]:
    """Each module that the file for other programs has, and whether any of it was reached."""
    classes = ET.parse(folder / "coverage.xml").iter("class")  # noqa: S314 - coverage wrote it
    return {each.attrib["filename"]: each.attrib["line-rate"] != "0" for each in classes}


def test_a_run_on_a_cluster_is_counted_with_the_others(folders: Path) -> None:
    """In the same file and table, as often as they are asked for; without one, it is left out."""
    count(OF_HERE, folders / "here")
    assert lines.main() == 2  # two modules are too little
    assert told(folders)["groundwork/base/graph.py"]
    assert "groundwork/kube/objects.py" not in told(folders)
    count(OF_A_CLUSTER, folders / "cluster")
    for _ in range(2):
        assert lines.main() == 2
        assert told(folders)["groundwork/base/graph.py"]
        assert told(folders)["groundwork/kube/objects.py"]
        assert not told(folders)["groundwork/kube/tunnel.py"]
    page = (folders / "page.md").read_text()
    assert page.count("## Lines of the engine") == 3
    assert "groundwork/kube/objects.py" in page


def test_nothing_counted_is_no_count(folders: Path) -> None:
    """Nor is half a file of somebody who was killed; what can't be read is kept."""
    with pytest.raises(LinesError, match="no data"):
        lines.main()
    half = folders / "here" / "data.half"
    half.write_text("half")
    with pytest.raises(LinesError, match="combine"):
        lines.main()
    assert half.exists()
