"""Comparisons with native tools: asked for as a job of the keeper, and put into the report."""

from __future__ import annotations

from pathlib import Path

import allure

from groundwork.use.client import Client
from load.versus.contests import What
from load.versus.outcome import FILE, Versus, read
from suites.support.left import expect_left

__all__ = ["TIMEOUT_S", "compared"]

# Of five pairs each side takes ten seconds or twenty; a machine that is busy takes thrice as long.
TIMEOUT_S = 900.0


def compared(client: Client, what: What, pairs: int, folder: Path) -> Versus:
    """Have both sides do it in turn; what that has come to.

    Args:
        client: Of the keeper.
        what: What is done.
        pairs: How often.
        folder: Where its files go.

    Raises:
        ResourceError: Whom it is done to is gone for good.
        GroundworkError: It has come to nothing: the end of its log, which says why.
    """
    done = client.job("versus", {"what": what, "pairs": pairs}, folder, TIMEOUT_S)
    whom = "hello-world" if what == "get" else "broker"
    expect_left(done, folder / FILE, client, [whom])
    versus = read(folder)
    allure.attach("\n".join(versus.lines()), "pairs")
    return versus
