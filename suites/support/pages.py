"""Pages: which of the project's documents are executed, and by whom."""

from __future__ import annotations

from pathlib import Path

from fixtures.paths import ROOT
from suites.support.documents import blocks_of, documents

__all__ = ["OWN_TESTS", "TEMPLATE", "name_of", "pages_with"]

TEMPLATE = ROOT / "templates" / "service" / "{{cookiecutter.service_name}}" / "README.md"

# Pages that are executed by tests of their own, and by which: beginnings of their names.
OWN_TESTS = {
    "docs/how-to/": "suites/guide/test_how_tos.py",
    "docs/another-environment.md": "suites/selftest/engine/test_wheel.py",
    "templates/": "suites/guide/test_pages.py",
}


def name_of(page: Path) -> str:
    """A page's path from the project's root on."""
    return page.relative_to(ROOT).as_posix()


def pages_with(word: str) -> list[str]:
    """The pages that have commands with a word, or with none, and no test of their own."""
    return [
        name_of(page)
        for page in documents()
        if not name_of(page).startswith(tuple(OWN_TESTS))
        and any(block.language == "sh" and block.word == word for block in blocks_of(page))
    ]
