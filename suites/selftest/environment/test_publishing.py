"""What is published of a night, and of images: the site, a job's page, what buildx is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from groundwork.artifacts import Cache, Files, Piece, Workshop
from groundwork.base.errors import UsageError
from groundwork.containers.build import BuiltImage
from groundwork.containers.publish import words_of
from reports.site import build
from reports.summary import summary_of


def night(folder: Path, job: str, text: str, exit_code: int) -> None:
    """What a job has left as its artifact."""
    run = folder / f"report {job}" / "20260301-020000-abcd"
    run.mkdir(parents=True, exist_ok=True)
    (run / "report.html").write_text(text)
    (run / "run.json").write_text(json.dumps({"exit_code": exit_code}))


def test_reports_have_names_that_stay(tmp_path: Path) -> None:
    """The latest of each job is always in the same place, and nights before are kept a week."""
    site = tmp_path / "site"
    for day in range(1, 10):
        folder = tmp_path / f"night-{day}"
        night(folder, "verify kind", f"night {day}", exit_code=day % 2)
        page = build(folder, site, f"2026-03-0{day}")
    assert (site / "latest" / "verify-kind" / "index.html").read_text() == "night 9"
    assert (site / "2026-03-08" / "verify-kind" / "index.html").read_text() == "night 8"
    days = sorted(path.name for path in site.iterdir() if path.name.startswith("2026"))
    assert days == [f"2026-03-0{day}" for day in range(3, 10)]
    listed = page.read_text()
    assert '<a href="latest/verify-kind/">verify-kind</a>: exit code 1' in listed
    assert '<a href="2026-03-08/verify-kind/">verify-kind</a>: green' in listed


def test_a_job_that_is_no_more_isnt_the_latest(tmp_path: Path) -> None:
    """Its last report stays under its day alone."""
    site = tmp_path / "site"
    night(tmp_path / "one", "old", "old", exit_code=0)
    night(tmp_path / "two", "new", "new", exit_code=0)
    build(tmp_path / "one", site, "2026-03-01")
    build(tmp_path / "two", site, "2026-03-02")
    assert [path.name for path in (site / "latest").iterdir()] == ["new"]
    assert (site / "2026-03-01" / "old" / "index.html").exists()


def test_a_night_without_reports_is_refused(tmp_path: Path) -> None:
    """Published, it would take the place of the one before."""
    with pytest.raises(UsageError, match="no job has left a report"):
        build(tmp_path, tmp_path / "site", "2026-03-01")


def test_a_run_is_told_in_a_few_lines() -> None:
    """How it ended, what ran, and why something was left out, each reason once."""
    record = {
        "env": "local",
        "exit_code": 1,
        "started": "2026-03-01T02:00:00+00:00",
        "wall_s": 21.4,
        "tests": {"passed": 9, "failed": 1, "errors": 0, "skipped": 0, "deselected": 2},
        "left_out": [{"test": each, "reason": "there is no cluster"} for each in "ab"],
        "resources": [{"name": "broker", "version": "4.1.1", "ready_s": 6.25}],
    }
    told = summary_of(record)
    assert told.startswith("## local: exit code 1\n")
    assert "9 passed, 1 failed, 2 deselected; 21 s" in told
    assert "| broker | 4.1.1 | 6.2 s |" in told
    assert told.count("there is no cluster") == 1
    assert "## local: green" in summary_of(record | {"exit_code": 0})


def test_an_image_is_pushed_under_each_tag_with_its_list(tmp_path: Path) -> None:
    """The context is laid out as for clusters; buildx is told of tags, cache and SBOM."""
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "Dockerfile").write_text("FROM scratch\n")
    image = BuiltImage(
        "image-x", "localhost/groundwork/x:vendor", (Piece(Files("own", tmp_path / "own"), ""),)
    )
    context = tmp_path / "context"
    image.lay_out(context, Workshop(Cache.open(tmp_path / "cache")))
    assert (context / "Dockerfile").read_text() == "FROM scratch\n"
    words = words_of(image, context, "registry.invalid/team", ["latest", "4f2e"])
    assert words[:3] == ["buildx", "build", "--push"]
    assert "--sbom=true" in words
    assert "type=registry,ref=registry.invalid/team/x:cache" in words
    tags = [words[at + 1] for at, word in enumerate(words) if word == "--tag"]
    assert tags == ["registry.invalid/team/x:latest", "registry.invalid/team/x:4f2e"]
    assert words[-1] == str(context)
