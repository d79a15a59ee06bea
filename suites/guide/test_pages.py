"""What the other pages say is true: their commands succeed, in their order, after a clone."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.paths import ROOT
from suites.support.documents import execute
from suites.support.pages import TEMPLATE, pages_with
from suites.support.reader import Reader, reader_of
from suites.support.rendering import render


@pytest.fixture
def reader() -> Iterator[Reader]:
    """Somebody who has just cloned the project."""
    with reader_of() as made:
        yield made


@pytest.mark.parametrize("page", pages_with(""))
def test_a_page_is_true(reader: Reader, page: str) -> None:
    """Each of its commands succeeds, and nothing is left that runs."""
    reader.follow(ROOT / page)


@pytest.mark.parametrize("page", pages_with("kind"))
def test_a_page_is_true_on_a_cluster(reader: Reader, page: str) -> None:
    """What it says of clusters."""
    reader.follow(ROOT / page, "kind")


def test_the_services_page_is_true(
    reader: Reader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a service that has just been rendered, with a virtual environment of its own."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # for what cookiecutter fills in
    project = render(tmp_path)
    service = Reader(project, reader.scene)
    execute(project / TEMPLATE.name, project, service.run)
