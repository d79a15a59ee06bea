"""The documents: commands are executed by somebody, links lead somewhere, targets are there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from fixtures.paths import ROOT
from suites.support.documents import (
    NO_RUN,
    Block,
    blocks_of,
    changed,
    commands_of,
    documents,
    tokens_of,
)
from suites.support.links import anchors_of, links_of, wrong_with
from suites.support.pages import OWN_TESTS, name_of
from suites.support.picture import PICTURE, SIZE_MAX

PAGES = documents()
BLOCKS = [(page, block) for page in PAGES for block in blocks_of(page) if block.language == "sh"]

# A fifth: more, and nobody could say that commands are tried.
NO_RUN_SHARE_MAX = 0.2

# What blocks are in; commands are in `sh`, or nobody would execute them.
LANGUAGES = {"diff", "json", "promql", "python", "sh", "text", "toml", "yaml"}
WORDS = {"", "kind", "ci", NO_RUN}

# What a command begins with, where somebody has put one into a block for people.
COMMAND = re.compile(
    r"^(\$ |(sudo|make|git|pip|uv|python3?|pytest|groundwork|kubectl|docker|podman|cd|export)\b|"
    r"\.venv/bin/)",
    re.MULTILINE,
)

# A target, where prose names one: `make smoke`, `make load RATE=2000`.
TARGET = re.compile(r"`make ([a-z][a-z0-9-]*)")


def told(page: Path, line: int) -> str:
    """Where it is."""
    return f"{name_of(page)}:{line}"


def stages() -> list[list[str]]:
    """What .ci/run calls."""
    text = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.startswith("stage ")]
    return [shlex.split(line)[1:] for line in lines]


def targets() -> set[str]:
    """The targets of the Makefile."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z][a-z0-9-]*):", text, flags=re.MULTILINE))


HOW_TOS = [page for page in PAGES if name_of(page).startswith("docs/how-to/")]


@pytest.mark.parametrize("page", HOW_TOS, ids=lambda page: page.stem)
def test_each_change_fits_the_project(page: Path) -> None:
    """What a how-to changes is there as it shows it: seen here before somebody executes it."""
    files: dict[str, str] = {}
    for block in blocks_of(page):
        if block.language == "diff":
            text = files.get(block.word) or (ROOT / block.word).read_text(encoding="utf-8")
            files[block.word] = changed(text, block)
        elif block.language != "sh" and block.word:
            files[block.word] = block.text


def test_each_block_says_what_is_done_with_it() -> None:
    """In a language that is known; of commands, by a word that is known, and why if by nobody."""
    wrong = [
        f"{told(page, block.line)}: ```{block.language} {block.word}"
        for page in PAGES
        for block in blocks_of(page)
        if block.language not in LANGUAGES
        or (block.language == "sh" and block.word not in WORDS)
        or (block.language == "sh" and bool(block.reason) != (block.word == NO_RUN))
    ]
    assert wrong == []


def test_commands_are_in_blocks_that_are_executed() -> None:
    """None is indented, as code once was, and none is in a block for people."""
    indented = [
        told(page, token.map[0] + 1)
        for page in PAGES
        for token in tokens_of(page)
        if token.type == "code_block" and token.map
    ]
    shown = [
        told(page, block.line)
        for page in PAGES
        for block in blocks_of(page)
        if block.language == "text" and not block.word and COMMAND.search(block.text)
    ]
    assert (indented, shown) == ([], [])


def test_few_blocks_are_executed_by_nobody() -> None:
    """A fifth at most; and that there are any at all is no accident of how they are looked for."""
    left = [told(page, block.line) for page, block in BLOCKS if block.word == NO_RUN]
    assert len(BLOCKS) > 40
    assert len(left) <= NO_RUN_SHARE_MAX * len(BLOCKS), left


@pytest.mark.parametrize(
    ("page", "block"),
    [
        pytest.param(page, block, id=told(page, block.line))
        for page, block in BLOCKS
        if block.word == "ci"
    ],
)
def test_what_ci_is_said_to_execute_is_a_stage(page: Path, block: Block) -> None:
    """Each command of such a block is one of .ci/run, word for word."""
    known = stages()
    assert commands_of(block)
    assert [words for words in commands_of(block) if words not in known] == [], page


def test_pages_with_tests_of_their_own_have_them() -> None:
    """What suites/guide leaves to others is named, and is there."""
    for beginning, test in OWN_TESTS.items():
        assert any(name_of(page).startswith(beginning) for page in PAGES), beginning
        text = (ROOT / test).read_text(encoding="utf-8")
        assert "execute(" in text or ".follow(" in text, test


def test_targets_that_pages_name_are_there() -> None:
    """In prose and in blocks: whoever reads types them."""
    known = targets()
    named = {
        (name_of(page), name)
        for page in PAGES
        if page.name != "CHANGELOG.md"  # which tells of some that are gone
        for name in TARGET.findall(page.read_text(encoding="utf-8"))
    }
    named |= {
        (name_of(page), words[1])
        for page, block in BLOCKS
        for words in commands_of(block)
        if words[0] == "make"
    }
    assert len(named) > 40
    assert {(page, name) for page, name in named if name not in known} == set()


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    """Files are there, and so are headings, as GitHub calls them; addresses are of that form."""
    assert [wrong for link in links_of(page) if (wrong := wrong_with(link))] == []


PAGE = """# A page

## It's `here`, isn't it? (yes)

## Twice

## Twice

[a](#its-here-isnt-it-yes) [b](#twice-1) ![c](picture.png) [d](page.md#twice)
`[no](link.md)` [e](https://example.org/x)
"""


@pytest.mark.parametrize(
    ("link", "wrong"),
    [
        ("[x](gone.md)", "gone.md: isn't there"),
        ("![x](gone.png)", "gone.png: isn't there"),
        ("[x](#twice-2)", "#twice-2: has no such heading"),
        ("[x](page.md#nowhere)", "page.md#nowhere: has no such heading"),
        ("[x](/page.md)", "/page.md: isn't there"),
        ("[x](http://example.org/)", "is no address of the form https"),
        ("[x](https://example)", "is no address of the form https"),
    ],
)
def test_a_link_that_leads_nowhere_is_found(tmp_path: Path, link: str, wrong: str) -> None:
    """By page and line; those beside it are well."""
    (tmp_path / "picture.png").touch()
    page = tmp_path / "page.md"
    page.write_text(f"{PAGE}\n{link}\n")
    assert {"a-page", "its-here-isnt-it-yes", "twice", "twice-1"} == anchors_of(page)
    found = [each for each in map(wrong_with, links_of(page)) if each]
    assert len(found) == 1
    assert found[0].startswith(f"{page}:12: ")
    assert wrong in found[0]


def test_the_picture_is_small() -> None:
    """It is a picture, and is in everybody's clone."""
    data = PICTURE.read_bytes()
    assert data.startswith(b"\x89PNG")
    assert len(data) <= SIZE_MAX
