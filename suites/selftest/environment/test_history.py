"""History: what is remembered of runs, how much of it, and what a comparison makes of it."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from reports import history
from reports.categories import Category
from reports.comparison import compare
from reports.history import History, Memory, Outcome


def memory(number: int, kind: str = "smoke", machine: str = "this", **tests: Category) -> Memory:
    """What is remembered of a run."""
    return Memory(
        run=f"run-{number:04}",
        kind=kind,
        judgement="kept",
        headline="",
        started=None,
        wall_s=1.0,
        revision="",
        machine=machine,
        tests={name: Outcome(title=name, category=own, seconds=1) for name, own in tests.items()},
        parts_s={},
    )


def lasting(number: int, seconds: float, machine: str = "this") -> Memory:
    """What is remembered of a run whose one test took so long."""
    own = {"a": Outcome(title="a", category="passed", seconds=seconds)}
    part = {"the whole run": seconds}
    return memory(number, machine=machine).model_copy(update={"tests": own, "parts_s": part})


def test_runs_of_a_kind_are_found_in_order_and_no_others(tmp_path: Path) -> None:
    """Those before a run, the oldest first; what isn't of ours is left alone."""
    store = History(tmp_path / "history")
    assert store.before("run-0009", "smoke") == ()
    for each in (memory(3), memory(1), memory(2, kind="faults"), memory(4)):
        store.keep(each)
    (store.folder / "other.run.json").write_text("[]")
    assert store.before("run-0004", "smoke") == (memory(1), memory(3))
    assert (store.folder / "other.run.json").exists()


def test_no_more_is_remembered_than_is_looked_at(tmp_path: Path) -> None:
    """Of each kind the newest, and of Allure's own history what the newest report needs."""
    store = History(tmp_path)
    store.keep(memory(5000, kind="faults"))
    for number in range(history.RUNS_OF_A_KIND + 3):
        store.keep(memory(number))
    kept = store.before("run-9999", "smoke")
    assert len(kept) == history.RUNS_OF_A_KIND
    assert kept[0].run == "run-0003"
    assert store.before("run-9999", "faults") == (memory(5000, kind="faults"),)
    for number in range(4):
        store.keep_trend(f"run-{number:04}", "smoke", {"history.json": f"{number}"})
    assert store.trend_before("run-0003", "smoke") == {"history.json": "2"}
    assert store.trend_before("run-0002", "smoke") == {}


def test_what_is_too_much_goes_the_oldest_first(tmp_path: Path) -> None:
    """However many kinds there are; the newest stays."""
    store = History(tmp_path)
    text = "x" * (history.BYTES_MAX // 3)
    for number in range(5):
        big = memory(number, kind=f"{number}").model_copy(update={"headline": text})
        store.keep(big)
    left = sorted(file.name for file in tmp_path.iterdir())
    assert left == ["run-0003.run.json", "run-0004.run.json"]


def test_nothing_is_compared_with_nothing() -> None:
    """The first run of its kind."""
    assert compare(memory(1, a="passed"), ()) is None


def test_what_the_product_breaks_is_told_from_what_tells_nothing() -> None:
    """A test that the infrastructure failed isn't newly failing; one that it hides isn't mended."""
    last = memory(
        1, a="passed", b="passed", c="product failure", d="product failure", e="product failure"
    )
    now = memory(
        2,
        a="product failure",
        b="infrastructure failure",
        c="passed",
        d="infrastructure failure",
        e="product failure",
        f="product failure",
    )
    found = compare(now, [memory(0, a="product failure"), last])
    assert found is not None
    assert [each.test for each in found.broken] == ["a", "f"]
    assert [each.test for each in found.untold] == ["b"]
    assert [each.test for each in found.mended] == ["c"]
    assert found.still == 1
    assert (found.came, found.gone) == (1, 0)


def test_slower_is_what_somebody_would_notice_on_the_same_machine() -> None:
    """By half and by a second more than half of the runs before; never by another machine's."""
    usual = [lasting(number, 2.0) for number in range(4)] + [lasting(4, 9.0)]
    for seconds, expected in ((2.9, []), (3.1, ["the whole run", "a"])):
        found = compare(lasting(5, seconds), usual)
        assert found is not None
        assert [each.name for each in found.slower] == expected
    found = compare(lasting(5, 9.0, machine="another"), usual)
    assert found is not None
    assert (found.slower, found.machine_changed) == ((), True)


OUTCOMES: st.SearchStrategy[Category] = st.sampled_from(
    ["passed", "skipped", "product failure", "infrastructure failure", "test defect"]
)
tests = st.dictionaries(st.sampled_from("abcd"), OUTCOMES)


@given(tests, tests)
def test_a_test_has_changed_in_one_way_at_most(
    before: dict[str, Category], after: dict[str, Category]
) -> None:
    """And each that fails by the product's fault now is told as new, or as failing as before."""
    found = compare(memory(1, **after), [memory(0, **before)])
    assert found is not None
    changed = [each.test for each in (*found.broken, *found.untold, *found.mended)]
    assert len(changed) == len(set(changed))
    failing = {name for name, own in after.items() if own == "product failure"}
    same = {name for name in failing if before.get(name) == "product failure"}
    assert {each.test for each in found.broken} == failing - same
