"""Answers on the wire: a request names the type of its answer, by which both sides read it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, get_args

from groundwork.keep.codec import Codec
from groundwork.keep.messages import FAILURES, Failure, Request

__all__ = ["pack_answer", "pack_error", "read_answer"]

Answer = TypeVar("Answer")

ANSWERS: dict[type[Request[Any]], Codec[Any]] = {}  # made when first needed


def _answers_to(request: Request[Any]) -> Codec[Any]:
    """What reads and writes the answers to a request."""
    kind = type(request)
    if kind not in ANSWERS:
        (base,) = kind.__orig_bases__  # type: ignore[attr-defined] # it names the answer's type
        ANSWERS[kind] = Codec(f"the answer to {kind.__name__}", get_args(base)[0])
    return ANSWERS[kind]


def pack_answer(request: Request[Any], answer: object) -> dict[str, Any]:
    """The answer to a request as JSON holds it."""
    return {"ok": _answers_to(request).pack(answer)}


def pack_error(error: Exception) -> dict[str, Any]:
    """An error, in the place of an answer, as JSON holds it."""
    return {"error": FAILURES.pack(Failure.of(error))}


def read_answer(request: Request[Answer], message: Mapping[str, Any]) -> Answer:
    """The answer to a request again.

    Raises:
        GroundworkError: The keeper's error, as it was; or this is no answer to that request.
    """
    if "error" in message:
        raise FAILURES.read(message["error"]).error()
    answer: Answer = _answers_to(request).read(message.get("ok"))
    return answer
