"""Comparisons with native tools: asked for as a job of the keeper, and put into the report."""

from __future__ import annotations

from pathlib import Path

import allure

from groundwork.use.client import Client
from load.versus.contests import What
from load.versus.outcome import FILE, Versus, read

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
        UsageError: It has come to nothing; its log says why.
    """
    done = client.job("versus", {"what": what, "pairs": pairs}, folder, TIMEOUT_S)
    allure.attach.file(str(done.log), "log", allure.attachment_type.TEXT)
    if not (folder / FILE).is_file():
        client.check(["hello-world" if what == "get" else "broker"])
    versus = read(folder)
    allure.attach("\n".join(versus.lines()), "pairs")
    return versus
