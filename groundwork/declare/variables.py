"""Variables: the names with our prefix, in the environment and in .env, and what is wrong there.

A misspelt option is refused; a misspelt variable would silently do nothing.
"""

from __future__ import annotations

import difflib
import io
import os
from collections.abc import Iterable
from pathlib import Path

from dotenv.parser import parse_stream

from groundwork.base.errors import UsageError
from groundwork.base.process import TOKEN

__all__ = ["CLAIM", "PREFIX", "SOCKET", "expect_known"]

PREFIX = "GROUNDWORK_"

# Where a process that isn't pytest finds its keeper, and the claim that it acts under.
SOCKET, CLAIM = f"{PREFIX}SOCKET", f"{PREFIX}CLAIM"

# Not settings: marks of processes, how jobs find their keeper, and what suites repeat a run by.
OTHERS = frozenset({TOKEN, SOCKET, CLAIM, f"{PREFIX}SEED", f"{PREFIX}SCENE"})


def expect_known(names: Iterable[str], file: Path) -> None:
    """See that no variable is misspelt, and that .env can be read.

    Args:
        names: The settings' variables.
        file: The project's .env; it needn't be there.

    Raises:
        UsageError: One line that names the variable, or file and line, and what to do.
    """
    known = sorted({name.upper() for name in names} | OTHERS)
    for name in sorted(os.environ):
        expect(name, known, "the environment")
    if not file.exists():
        return
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file}: can't be read: {error}") from error
    for binding in parse_stream(io.StringIO(text)):
        whole = binding.original.string
        said = whole.strip()
        blank = whole[: len(whole) - len(whole.lstrip())].count("\n")  # before what is said
        where = f"{file}:{binding.original.line + blank}"
        if binding.error or (binding.key is not None and binding.value is None):
            shown = said.partition("=")[0].strip()  # what stands behind it may be a secret
            raise UsageError(f"{where}: {shown!r} should be NAME=VALUE")
        if binding.key is not None:
            expect(binding.key, known, where)


def expect(name: str, known: list[str], where: str) -> None:
    """See that a name with our prefix is one that we know."""
    upper = name.upper()
    if not upper.startswith(PREFIX) or upper in known:
        return
    near = difflib.get_close_matches(upper, known, n=1)
    advice = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
    raise UsageError(f"{where}: {name} is no setting; {advice}")
