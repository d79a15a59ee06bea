"""The tests of this repository, as pytest finds them: lists that name tests are held to these."""

from __future__ import annotations

import json
import sys
from functools import cache

from fixtures.paths import ROOT
from groundwork.base import process

__all__ = ["COLLECT_TIMEOUT_S", "collected"]

# Ten seconds of a processor, and a machine that is busy gives a fraction of one: 70 s were seen.
COLLECT_TIMEOUT_S = 180.0

# Prints the ids of all tests that were found, left out or not.
COLLECT = """
import json, sys, pytest
class Found:
    ids = []
    def pytest_deselected(self, items): self.ids += [item.nodeid for item in items]
    def pytest_collection_finish(self, session): self.ids += [i.nodeid for i in session.items]
code = pytest.main(["suites", "--collect-only", "-qq", "-p", "no:cacheprovider"], [Found()])
print("\\n" + json.dumps(Found.ids))
sys.exit(code)
"""


@cache
def collected() -> tuple[str, ...]:
    """The ids of all tests, left out or not."""
    ended = process.run([sys.executable, "-c", COLLECT], timeout_s=COLLECT_TIMEOUT_S, cwd=ROOT)
    return tuple(json.loads(ended.output.splitlines()[-1]))
