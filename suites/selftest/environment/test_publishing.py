"""What is published of a run and of images: a job's page, what buildx is told."""

from __future__ import annotations

from pathlib import Path

from groundwork.artifacts import Cache, Files, Piece, Workshop
from groundwork.containers.build import BuiltImage
from groundwork.containers.publish import words_of
from reports.summary import summary_of


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
