"""The judgement on a run: whatever has happened, a page can be made that says what it is worth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reports.account import Account, Record
from reports.categories import Category
from reports.judgement import judge
from reports.page import Page, render
from reports.results import Result

DIED = {"resource": "broker", "of_the_product": False, "message": "it ended"}
SLOW = {"resource": "broker", "of_the_product": True, "message": "not recovered in 30 s"}
LEFT_OUT = {"test": "suites/guard/test_x.py::test_y", "reason": "there is no cluster"}


def account(categories: tuple[Category, ...], **record: Any) -> Account:
    """What is told of a run."""
    results = tuple(
        Result(f"t{n}", f"<{own}>", "smoke", own, 1.0, f"AssertionError: {own}", (), ("", n))
        for n, own in enumerate(categories)
    )
    return Account(Path("run"), Record(**record), results)


@pytest.mark.parametrize(
    ("categories", "record", "kind", "headline"),
    [
        (("passed", "skipped"), {"exit_code": 0}, "kept", "1 test passed, none failed"),
        (("passed", "product failure"), {"exit_code": 1}, "broken", "1 failure of the product"),
        (("passed",), {"exit_code": 1, "failures": [SLOW]}, "broken", "1 failure of the product"),
        (
            ("product failure", "nothing shown"),
            {"exit_code": 1},
            "broken",
            "1 failure of the product",
        ),
        (
            ("product failure", "infrastructure failure"),
            {"exit_code": 6, "failures": [DIED]},
            "unknown",
            "infrastructure died",
        ),
        (("passed",), {"exit_code": 6, "lost": "the keeper died"}, "unknown", "died"),
        (("passed",), {"exit_code": 6, "not_removed": ["a pod"]}, "unknown", "died"),
        (("passed",), {"exit_code": 6}, "unknown", "died"),
        ((), {"exit_code": 6, "failures": [DIED]}, "unknown", "died"),
        (("passed", "nothing shown"), {"exit_code": 1}, "unknown", "shows nothing"),
        (("passed", "test defect"), {"exit_code": 1}, "unknown", "1 test defective"),
        (("passed",), {"exit_code": 2, "interrupted": True}, "unknown", "interrupted"),
        (("passed",), {}, "unknown", "never came to its end"),
        ((), {"exit_code": 5}, "unknown", "no test was carried out"),
        (("skipped",), {"exit_code": 0}, "unknown", "no test was carried out"),
        (("passed",), {"exit_code": 1}, "unknown", "ended with code 1"),
        (
            ("passed",),
            {"exit_code": 1, "options": {"strict_env": True}, "left_out": [LEFT_OUT]},
            "unknown",
            "1 test left out",
        ),
    ],
)
def test_only_what_passed_and_was_there_is_kept(
    categories: tuple[Category, ...], record: dict[str, Any], kind: str, headline: str
) -> None:
    """Each is one of three kinds, and its page says so; what tests are called is no markup."""
    own = account(categories, **record)
    judgement = judge(own)
    assert (judgement.kind, headline in judgement.headline) == (kind, True), judgement
    page = render(Page("pond", own, (), None, {}))
    assert judgement.headline in page
    for category in categories:
        assert f"<{category}>" not in page


def test_a_death_leaves_what_failed_before_it_to_be_seen() -> None:
    """What the product did wrong while all was well is told beside what died."""
    own = account(("product failure", "infrastructure failure"), exit_code=6, failures=[DIED])
    judgement = judge(own)
    assert [each.test for each in judgement.causes] == ["", "t0"]
    assert "Besides, 1 test failed by the product's fault" in judgement.meaning
