"""Links of documents: where each leads, and what is wrong with it, without asking anybody.

``python -m suites.support.links`` lists those that lead to the web: whether somebody is there
nobody can tell offline.
"""

from __future__ import annotations

import itertools
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

from markdown_it.token import Token

from fixtures.paths import ROOT
from suites.support.documents import documents, tokens_of

__all__ = ["Link", "anchors_of", "links_of", "wrong_with"]

# What GitHub takes out of a heading for its anchor: all but letters, digits, hyphens and blanks.
UNWANTED = re.compile(r"[^\w\- ]")

# What an anchor is given in HTML, where a page has some of its own.
GIVEN = re.compile(r'<a\s+(?:id|name)="([^"]+)"')


@dataclass(frozen=True)
class Link:
    """A link, or a picture, of a page."""

    page: Path
    line: int
    target: str

    @property
    def of_web(self) -> bool:
        """Whether it leads away from the project."""
        return bool(urlsplit(self.target).scheme) or self.target.startswith("//")

    def __str__(self) -> str:
        """FILE:LINE: where it leads."""
        return f"{self.page}:{self.line}: {self.target}"


def links_of(page: Path) -> Iterator[Link]:
    """The links of a page, in order; those in code are none."""
    for token in tokens_of(page):
        line = token.map[0] + 1 if token.map else 0
        for child in token.children or ():
            target = child.attrs.get({"link_open": "href", "image": "src"}.get(child.type, ""))
            if target is not None:
                yield Link(page, line, str(target))


@cache
def anchors_of(page: Path) -> frozenset[str]:
    """The places of a page that can be led to, as GitHub calls them."""
    tokens = tokens_of(page)
    found: dict[str, int] = {}
    anchors = set(GIVEN.findall(page.read_text(encoding="utf-8")))
    for heading, inline in itertools.pairwise(tokens):
        if heading.type == "heading_open":
            name = anchor_of(inline)
            anchors.add(f"{name}-{found[name]}" if name in found else name)
            found[name] = found.get(name, 0) + 1
    return frozenset(anchors)


def anchor_of(heading: Token) -> str:
    """What GitHub makes of a heading: its text in small letters, blanks as hyphens."""
    told = (each.content for each in heading.children or () if each.type != "softbreak")
    return UNWANTED.sub("", "".join(told).lower()).replace(" ", "-")


def wrong_with(link: Link) -> str:
    """What is wrong with a link; empty where nothing is."""
    parts = urlsplit(link.target)
    if link.of_web:
        well = parts.scheme == "https" and "." in parts.netloc and " " not in link.target
        return "" if well else f"{link}: is no address of the form https://HOST/..."
    target = link.page.parent / unquote(parts.path) if parts.path else link.page
    if link.target.startswith("/") or not target.exists():
        return f"{link}: isn't there"
    if not target.resolve().is_relative_to(ROOT) and link.page.is_relative_to(ROOT):
        return f"{link}: is outside of the project"
    if parts.fragment and parts.fragment not in anchors_of(target):
        return f"{link}: has no such heading"
    return ""


if __name__ == "__main__":
    for each in (link for page in documents() for link in links_of(page) if link.of_web):
        sys.stdout.write(f"{each}\n")
