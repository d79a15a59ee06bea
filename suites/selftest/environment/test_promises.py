"""Promises: read with their faults told by line, and compared in words that name both sides."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.declared.promises import FILE, load_promises
from groundwork.base.errors import UsageError
from suites.support.comparisons import differences, undeclared


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("kept_min: 30d", "kept_min: a month", ":1: metrics.kept_min: String should match"),
        ("kept: for ever}", "kept: a while}", ":1: topics.4.kept"),
        ("memory_mb_max: 500", "memory_mb: 500", ":1: broker.memory_mb_max: Field required"),
        ("  path: /", "  pathh: /", ":1: notifications.path: Field required"),
        ("partitions: 6", "partitions: 0", ":1: topics.2.partitions: Input should be greater"),
    ],
)
def test_a_fault_in_the_promises_is_told(tmp_path: Path, old: str, new: str, fault: str) -> None:
    """One line: the file, the place, what is wrong with it."""
    file = tmp_path / "promises.yaml"
    text = FILE.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))
    with pytest.raises(UsageError) as refused:
        load_promises(file)
    assert str(refused.value).startswith(str(file))
    assert fault.partition(":1: ")[2] in str(refused.value)
    assert "\n" not in str(refused.value)


values = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 3), max_size=6)


@given(values, values)
def test_every_difference_is_told_once_and_nothing_else(
    promised: dict[str, int], found: dict[str, int]
) -> None:
    """What is missing, what nobody promised, what is otherwise: a line each, that names it."""
    lines = differences(promised, found, what="thing", where="the server")
    names = {n for n in {*promised, *found} if promised.get(n) != found.get(n)}
    assert sorted(line.split("thing ")[1][0] for line in lines) == sorted(names)
    for line in lines:
        assert "promised" in line
        assert "the server" in line


@given(values, values, values)
def test_what_is_in_effect_is_declared_or_a_default(
    effective: dict[str, int], declared: dict[str, int], defaults: dict[str, int]
) -> None:
    """And the reverse: what is declared is in effect, unless it says no more than the default."""

    def wanted(name: str) -> Any:
        return declared.get(name, defaults.get(name))

    wrong = {n for n in effective if effective[n] != wanted(n)}
    wrong |= {n for n in declared if n not in effective and declared[n] != defaults.get(n)}
    lines = undeclared(effective, declared, defaults, what="job x")
    assert {line.split("job x: ")[1][0] for line in lines} == wrong
    assert len(lines) == len(wrong)
