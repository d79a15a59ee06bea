"""Categories: whose failure it is, by the class of a test's error, for Allure and the page."""

from __future__ import annotations

import re
from typing import Literal

from groundwork.base import errors

__all__ = ["CATEGORIES", "Category", "category_of"]

Category = Literal[
    "infrastructure failure", "product failure", "nothing shown", "test defect", "skipped", "passed"
]

# Allure's "failed" is a failed assertion. A promise that isn't kept in time is one, too; what the
# engine says of a resource is not. A message begins with the name of its error's class.
INFRASTRUCTURE = "|".join(
    sorted(
        name
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, (errors.ProvisionError, errors.UsageError))
    )
)
PRODUCT = r"AssertionError|Failed|NotRecoveredError|WaitTimeoutError|ExceptionGroup"
NOTHING = errors.NothingShownError.__name__
CATEGORIES: tuple[dict[str, str | list[str]], ...] = (
    {
        "name": "infrastructure failure",
        "matchedStatuses": ["broken", "failed"],
        "messageRegex": rf"(?s)(\S*\.)?({INFRASTRUCTURE})\b.*",
    },
    {
        "name": "product failure",
        "matchedStatuses": ["broken", "failed"],
        "messageRegex": rf"(?s)(\S*\.)?({PRODUCT})\b.*",
    },
    {
        "name": "nothing shown",
        "matchedStatuses": ["broken", "failed"],
        "messageRegex": rf"(?s)(\S*\.)?({NOTHING})\b.*",
    },
    {
        "name": "test defect",
        "matchedStatuses": ["broken"],
        "messageRegex": rf"(?s)(?!(\S*\.)?({INFRASTRUCTURE}|{PRODUCT}|{NOTHING})\b).*",
    },
)


def category_of(status: str, message: str) -> Category:
    """What a test's result is counted as.

    Args:
        status: As Allure has it.
        message: Of its error.
    """
    if status in {"passed", "skipped"}:
        return "passed" if status == "passed" else "skipped"
    for name, pattern in (
        ("infrastructure failure", INFRASTRUCTURE),
        ("product failure", PRODUCT),
        ("nothing shown", NOTHING),
    ):
        if re.match(rf"(\S*\.)?({pattern})\b", message):
            return name  # type: ignore[return-value]
    # A failed assertion whose text pytest has shortened to the assertion itself.
    return "product failure" if status == "failed" else "test defect"
