"""The graph of resources."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundwork.base.graph import Graph


@st.composite
def acyclic(draw: st.DrawFn) -> dict[str, tuple[str, ...]]:
    """Needs without a circle: a resource needs only earlier ones."""
    names = [f"r{number}" for number in range(draw(st.integers(1, 12)))]
    return {
        name: tuple(draw(st.sets(st.sampled_from(names[:index])))) if index else ()
        for index, name in enumerate(names)
    }


@given(acyclic())
def test_everything_starts_after_what_it_needs(needs: dict[str, tuple[str, ...]]) -> None:
    """In the order of starting, every resource comes after all that it needs."""
    order = Graph(needs).order
    assert sorted(order) == sorted(needs)
    for name, needed in needs.items():
        assert all(order.index(each) < order.index(name) for each in needed)


@given(acyclic(), st.data())
def test_a_closure_is_complete_and_no_larger(
    needs: dict[str, tuple[str, ...]], data: st.DataObject
) -> None:
    """What is started for some resources is what they need, transitively, and nothing else."""
    asked = data.draw(st.sets(st.sampled_from(sorted(needs)), min_size=1))
    closure = set(Graph(needs).closure(asked))
    assert asked <= closure
    for name in closure:
        assert set(needs[name]) <= closure
        assert name in asked or any(name in needs[other] for other in closure)


@given(acyclic(), st.data())
def test_the_longest_chain_bounds_every_chain(
    needs: dict[str, tuple[str, ...]], data: st.DataObject
) -> None:
    """The longest chain is a chain, costs what it says, and no single resource costs more."""
    cost_s = {name: data.draw(st.floats(0, 100)) for name in needs}
    chain, sum_s = Graph(needs).longest_chain(cost_s)
    assert sum_s == pytest.approx(sum(cost_s[name] for name in chain))
    for before, after in itertools.pairwise(chain):
        assert before in needs[after]
    assert sum_s >= max(cost_s.values())


def test_a_circle_is_refused_and_named() -> None:
    """Resources that need each other are a mistake in the declaration."""
    with pytest.raises(ValueError, match=r"a -> b -> a|b -> a -> b"):
        Graph({"a": ["b"], "b": ["a"]})


def test_an_undeclared_need_is_refused_and_named() -> None:
    """A need that nobody declares is a mistake in the declaration."""
    with pytest.raises(ValueError, match="broker needs cluster, which is not declared"):
        Graph({"broker": ["cluster"]})


def test_what_is_wanted_is_ordered_and_not_asked_for() -> None:
    """A soft edge orders; whoever asks for one end doesn't get the other."""
    graph = Graph({"service": ["broker"], "broker": [], "traces": []}, {"service": ["traces"]})
    assert graph.order.index("traces") < graph.order.index("service")
    assert graph.closure(["service"]) == ("broker", "service")
    assert graph.dependents("traces") == ("service",)


@pytest.mark.parametrize("needs", [{"a": [], "b": ["a"]}, {"a": [], "b": []}])
def test_a_circle_of_wants_is_refused(needs: dict[str, list[str]]) -> None:
    """Neither could be told of by the time that the other starts."""
    with pytest.raises(ValueError, match="need each other"):
        Graph(needs, {"a": ["b"], "b": ["a"]})
    with pytest.raises(ValueError, match="a wants sea, which is not declared"):
        Graph(needs, {"a": ["sea"]})
