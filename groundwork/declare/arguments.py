"""Arguments: what a job or a fault may be told, checked where it is declared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from groundwork.base.errors import UsageError

__all__ = ["Arguments", "arguments_of"]

A = TypeVar("A", bound="Arguments")


class Arguments(BaseModel):
    """What something may be told; subclass it, with a field for each argument."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def arguments_of(model: type[A], given: Mapping[str, Any], what: str) -> A:
    """Arguments as they are declared.

    Args:
        model: The declaration.
        given: What was told, as JSON or a shell holds it.
        what: Whom it was told, for people.

    Raises:
        UsageError: One is missing, unknown or not what it should be; one line that says which.
    """
    try:
        return model.model_validate(dict(given))
    except ValidationError as error:
        fault = error.errors()[0]
        name = ".".join(map(str, fault["loc"])) or "its arguments"
        known = ", ".join(model.model_fields) or "none"
        said = fault["msg"].removeprefix("Value error, ")
        raise UsageError(f"{what}: {name}: {said}; it takes {known}") from error
