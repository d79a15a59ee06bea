"""The judgement on a run: what a reviewer is told before anything else, in three kinds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from groundwork.base.errors import ExitCode
from reports.account import Account
from reports.results import Result

__all__ = ["Cause", "Judgement", "Kind", "judge"]

# ``kept`` is that nothing failed; ``broken`` that the product did something that it mustn't;
# ``unknown`` that the run can't tell, for a reason that is not the product's.
Kind = Literal["kept", "broken", "unknown"]


@dataclass(frozen=True)
class Cause:
    """Why a run isn't ``kept``: in a line, and the test that says so, if one does."""

    text: str
    test: str = ""


@dataclass(frozen=True)
class Judgement:
    """What a run came to.

    Attributes:
        kind: In a word.
        headline: In a sentence.
        meaning: What a reviewer may conclude from it, and what not.
        causes: Why it isn't ``kept``.
    """

    kind: Kind
    headline: str
    meaning: str
    causes: tuple[Cause, ...] = ()


def judge(account: Account) -> Judgement:
    """What a run came to; a death of the infrastructure outweighs what tests say."""
    died = tuple(deaths(account))
    product = [each for each in account.results if each.category == "product failure"]
    not_recovered = [each for each in account.record.failures if each.of_the_product]
    if died:
        return unfounded(account, died, product)
    if product or not_recovered:
        return broken(account, product, [f"{e.resource}: {e.message}" for e in not_recovered])
    return unended(account) or untold(account) or strict(account) or kept(account)


def deaths(account: Account) -> Iterator[str]:
    """What of the infrastructure has failed, in lines, each cause once."""
    record = account.record
    if record.lost:
        yield record.lost
    told = [each for each in record.failures if not each.of_the_product]
    yield from (f"{each.resource}: {first(each.message)}" for each in told)
    yield from (f"not removed: {first(each)}" for each in record.not_removed)
    if record.lost or told or record.not_removed:
        return
    lines = (each.line for each in account.results if each.category == "infrastructure failure")
    yield from dict.fromkeys(lines)
    if record.exit_code == ExitCode.INFRASTRUCTURE:
        yield "the run's own output could not be written in full: its terminal says why"


def unfounded(account: Account, died: tuple[str, ...], product: list[Result]) -> Judgement:
    """Unknown, for what was to be verified wasn't there."""
    lost = count(sum(e.category == "infrastructure failure" for e in account.results), "test")
    meaning = (
        f"That is not the product's fault, and nothing speaks for it either: {lost} could not be "
        "carried out. Look at what died, and run again."
    )
    if product:
        meaning += (
            f" Besides, {count(len(product), 'test')} failed by the product's fault while what "
            "they use was well: these count."
        )
    causes = (*map(Cause, died), *map(cause, product))
    return Judgement("unknown", "Unknown: the infrastructure died", meaning, causes)


def broken(account: Account, product: list[Result], others: list[str]) -> Judgement:
    """The product did something that it mustn't."""
    rest = sum(each.failed for each in account.results) - len(product)
    meaning = (
        "What the tests use was there and well; what it did is not what was promised. Do not "
        "ship this before the failures below are understood."
    )
    if rest:
        meaning += f" Of {count(rest, 'more test')} that did not pass nobody can say."
    number = len(product) or len(others)
    return Judgement(
        "broken",
        f"Broken: {count(number, 'failure')} of the product",
        meaning,
        (*map(cause, product), *(Cause(first(each)) for each in others)),
    )


def unended(account: Account) -> Judgement | None:
    """Unknown, for not all of it took place; None where all did."""
    record = account.record
    causes = tuple(cause(each) for each in account.results if each.failed)
    if record.exit_code is None:
        headline = "Unknown: the run never came to its end"
        return Judgement("unknown", headline, "Whoever ended it left only what is below.", causes)
    if record.interrupted or record.exit_code == ExitCode.INTERRUPTED:
        headline = "Unknown: the run was interrupted"
        return Judgement("unknown", headline, "It shows only what it had come to.", causes)
    if not any(each.category == "passed" for each in account.results) and not causes:
        return Judgement("unknown", "Unknown: no test was carried out", "Nothing was shown.")
    return None


def untold(account: Account) -> Judgement | None:
    """Unknown, for tests failed without saying anything of the product; None where none did."""
    open_ = [each for each in account.results if each.failed]
    causes = tuple(map(cause, open_))
    passed = sum(each.category == "passed" for each in account.results)
    if any(each.category == "nothing shown" for each in open_):
        meaning = (
            "The load or the fault was not the one that was asked for, or too little was seen: "
            "neither kept nor broken. Run it again, on a quieter machine if that is the reason. "
            f"{count(passed, 'other test')} passed."
        )
        return Judgement("unknown", "Unknown: a measurement shows nothing", meaning, causes)
    if open_:
        meaning = (
            "They raised what they should not: what they were to show is neither kept nor broken. "
            f"{count(passed, 'other test')} passed."
        )
        headline = f"Unknown: {count(len(open_), 'test')} defective"
        return Judgement("unknown", headline, meaning, causes)
    return None


def strict(account: Account) -> Judgement | None:
    """Unknown, for all passed and the run failed all the same; None where it didn't."""
    if account.record.exit_code == ExitCode.OK:
        return None
    left_out = len(account.record.left_out)
    if account.record.options.get("strict_env") and left_out:
        meaning = "The run was told to fail then (--strict-env); all others passed."
        return Judgement("unknown", f"Unknown: {count(left_out, 'test')} left out", meaning)
    headline = f"Unknown: the run ended with code {account.record.exit_code}"
    return Judgement("unknown", headline, "No test says why: its terminal does.")


def kept(account: Account) -> Judgement:
    """Nothing failed."""
    passed = sum(each.category == "passed" for each in account.results)
    return Judgement(
        "kept",
        f"Kept: {count(passed, 'test')} passed, none failed",
        "Everything that this run looked at was as promised. It says nothing of what it did not "
        "look at, which is listed below.",
    )


def cause(result: Result) -> Cause:
    """Why a test makes a run what it is."""
    return Cause(f"{result.title}: {result.line}", result.test)


def first(text: str) -> str:
    """The first line of a text."""
    return text.strip().partition("\n")[0]


def count(number: int, noun: str) -> str:
    """A number of things."""
    return f"{number} {noun}" + ("" if number == 1 else "s")
