"""What the how-tos say is true: each is executed in a copy of the project."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fixtures.paths import ROOT
from suites.support.reader import Reader, reader_of

HOW_TOS = ROOT / "docs" / "how-to"


@pytest.fixture
def reader() -> Iterator[Reader]:
    """Somebody who has a copy of the project."""
    with reader_of() as made:
        yield made


def cost(reader: Reader) -> tuple[dict[str, int], set[str]]:
    """Lines added to files that were there, by file; the files that are new."""
    counted = [line.split("\t") for line in reader.git("diff", "--numstat").splitlines()]
    assert all(removed == "0" for _, removed, _ in counted)
    new = reader.git("ls-files", "--others", "--exclude-standard").splitlines()
    return {file: int(added) for added, _, file in counted}, set(new)


def test_a_resource_costs_a_module_and_two_lines(reader: Reader) -> None:
    """On this machine; on a cluster, one folder of manifests more. A test of it is a file."""
    reader.follow(HOW_TOS / "resource.md")
    lines, files = cost(reader)
    assert lines == {"fixtures/plugin.py": 1, "fixtures/resources/__init__.py": 1}
    assert {file.rpartition("/")[0] for file in files - {"fixtures/resources/pages.py"}} == {
        "manifests/kubernetes/base/pages",
        "suites/smoke",
    }


def test_a_resource_comes_up_in_a_cluster(reader: Reader) -> None:
    """With the manifests of its own folder, and nothing else told."""
    reader.follow(HOW_TOS / "resource.md", "kind")


PAGES = sorted(page.stem for page in HOW_TOS.glob("*.md") if page.stem != "resource")


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_true(reader: Reader, page: str) -> None:
    """Its code fits the project, and its commands succeed."""
    reader.follow(HOW_TOS / f"{page}.md")
