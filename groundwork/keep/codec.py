"""Codecs: how a typed value travels between processes as JSON, and is checked where it arrives."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

from groundwork.base.errors import GroundworkError

__all__ = ["Codec"]

T = TypeVar("T")


class Codec(Generic[T]):
    """Writes values of one type as JSON holds them, and reads them again.

    Args:
        what: What such a value is called in an error, with its article.
        of: The type: a class, or a union of classes that are told apart by a tag.
    """

    def __init__(self, what: str, of: Any) -> None:
        self._what = what
        self._of = of

    @cached_property
    def _adapter(self) -> TypeAdapter[T]:
        # Some hundredths of a second for a union: a pytest run that asks for nothing is spared it.
        return TypeAdapter(self._of)

    def pack(self, value: T) -> Any:
        """A value as JSON holds it, so that it can be read.

        Raises:
            GroundworkError: It isn't of the type; says what is wrong with it, not what it holds.
        """
        try:
            packed = self._adapter.dump_python(value, mode="json", warnings=False)
            self._adapter.validate_python(packed)  # here it is known who said it
        except ValueError as error:
            raise GroundworkError(f"can't tell {self._what}: {_in_one_line(error)}") from error
        return packed

    def read(self, packed: object) -> T:
        """The value again.

        Raises:
            GroundworkError: It is none of the type; says what is wrong with it, not what it holds.
        """
        try:
            return self._adapter.validate_python(packed)
        except ValueError as error:
            raise GroundworkError(f"can't read {self._what}: {_in_one_line(error)}") from error


def _in_one_line(error: ValueError) -> str:
    if not isinstance(error, ValidationError):
        return str(error).partition("\n")[0]
    return "; ".join(
        ": ".join(filter(None, (".".join(map(str, each["loc"])), each["msg"])))
        for each in error.errors(include_url=False, include_context=False, include_input=False)
    )
