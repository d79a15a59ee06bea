"""Witnesses of nodes and inside of a cluster: what happened is seen, what didn't is doubted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from chaos import inside, nodewitness
from chaos.distance import Distance
from chaos.inside import Nameless
from chaos.nodewitness import Drained, NodeState, Standstill
from chaos.sightings import Witness

WELL: NodeState = (True, True)
SILENT: NodeState = (False, True)
CLOSED: NodeState = (True, False)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here changes by itself."""
    monkeypatch.setattr(nodewitness, "SILENT_TIMEOUT_S", 0.1)
    monkeypatch.setattr(nodewitness, "BACK_TIMEOUT_S", 0.1)
    monkeypatch.setattr(nodewitness, "CLOSED_TIMEOUT_S", 0.1)
    monkeypatch.setattr(inside, "BACK_TIMEOUT_S", 0.1)


class Scene:
    """What is so before a fault, meanwhile and afterwards; a witness looks at each."""

    def __init__(self, *states: object) -> None:
        self.states = states
        self.now = 0

    def see(self, witness: Witness) -> tuple[list[str], list[str]]:
        """What a witness has seen of all three, and what it doubts."""
        for number, look in enumerate(
            (witness.look_before, witness.look_during, witness.look_after)
        ):
            self.now = number
            look()
        return witness.sightings.seen, witness.sightings.doubts


def nodes(scene: Scene) -> Mapping[str, NodeState]:
    """What the API server says."""
    return {"worker": scene.states[scene.now], "another": WELL}  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("states", "doubt"),
    [
        ((WELL, SILENT, WELL), ""),
        ((WELL, WELL, WELL), "waited 0.1 s for node worker to be given up, by the API server's"),
        ((SILENT, SILENT, WELL), "waited 0.1 s for node worker to be ready, by the API server's"),
        ((WELL, SILENT, SILENT), "waited 0.1 s for node worker to be ready again, by the API"),
    ],
)
def test_a_node_that_stands_still_is_given_up(states: Sequence[NodeState], doubt: str) -> None:
    """By the API server; and it is as before when it goes on."""
    scene = Scene(*states)
    seen, doubts = scene.see(Standstill(lambda: nodes(scene), "worker", (), ()))
    assert [each.startswith(doubt) for each in doubts] == [True] * bool(doubt), doubts
    assert len(seen) == 3 - bool(doubt)


def test_who_is_on_a_node_that_stands_still_is_silent_and_others_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What was to be silent and answers is doubted, and so is what was to answer and is silent."""
    replies: dict[str, tuple[str, str, str]] = {}
    scene = Scene(WELL, SILENT, WELL)
    monkeypatch.setattr(nodewitness, "call", lambda at: replies[at][scene.now])
    monkeypatch.setattr(nodewitness, "expect_answer", lambda *_: None)

    def doubts() -> list[str]:
        return scene.see(Standstill(lambda: nodes(scene), "worker", ["there"], ["else"]))[1]

    silent = ("answered", "swallowed", "answered")
    fine = ("answered", "answered", "answered")
    replies.update({"there": silent, "else": fine})
    assert doubts() == []
    replies.update({"there": fine, "else": silent})
    assert doubts() == [
        "a call to there was to be swallowed, and was answered",
        "a call to else was to be answered, and was swallowed",
    ]
    replies.update({"there": ("refused", "swallowed", "answered"), "else": fine})
    assert doubts() == ["a call to there was refused before"]


@pytest.mark.parametrize(
    ("states", "left", "doubt"),
    [
        ((WELL, CLOSED, WELL), (["pod"], [], []), ""),
        (
            (WELL, WELL, WELL),
            (["pod"], [], []),
            "waited 0.1 s for node worker to be ready and clos",
        ),
        (
            (WELL, CLOSED, CLOSED),
            (["pod"], [], []),
            "waited 0.1 s for node worker to be ready again",
        ),
        ((WELL, CLOSED, WELL), (["pod"], ["pod"], []), "worker was to be empty, and has pod"),
        ((WELL, CLOSED, WELL), ([], [], []), "node worker had nothing that could be elsewhere"),
    ],
)
def test_a_node_that_is_drained_is_closed_and_empty(
    states: Sequence[NodeState], left: Sequence[list[str]], doubt: str
) -> None:
    """One that had nothing before shows nothing."""
    scene = Scene(*states)
    _, doubts = scene.see(Drained(lambda: nodes(scene), "worker", lambda: left[scene.now]))
    assert [each.startswith(doubt) for each in doubts] == [True] * bool(doubt), doubts


KNOWN = ["10.0.0.1"]
NOTHING = ["[Errno -3] Temporary failure in name resolution"]


@pytest.mark.parametrize(
    ("told", "doubt"),
    [
        ((KNOWN, NOTHING, KNOWN), ""),
        ((KNOWN, KNOWN, KNOWN), "a pod that asks for name was to be told nothing, and hears ['10"),
        ((KNOWN, [], KNOWN), "a pod that asks for name was to be told nothing, and hears []"),
        ((NOTHING, NOTHING, NOTHING), "name led nowhere before"),
        (([], NOTHING, []), "name led nowhere before: []"),
        ((KNOWN, NOTHING, NOTHING), "waited 0.1 s for a pod to be told of name again"),
        ((KNOWN, NOTHING, ["10.0.0.2"]), "waited 0.1 s for a pod to be told of name again"),
    ],
)
def test_without_name_servers_a_pod_hears_nothing(told: Sequence[list[str]], doubt: str) -> None:
    """That there is no such name would be an answer."""
    scene = Scene(*told)
    _, doubts = scene.see(Nameless(lambda: told[scene.now], "name"))
    assert [each.startswith(doubt) for each in doubts] == [True] * bool(doubt), doubts


@pytest.mark.parametrize(
    ("wanted", "way", "server", "doubt"),
    [
        ("cut", (0.01, None, 0.01), (0.01, 0.01, 0.01), ""),
        ("slow", (0.01, 0.31, 0.01), (0.01, 0.01, 0.01), ""),
        ("cut", (0.01, 0.01, 0.01), (0.01, 0.01, 0.01), "an answer from way was to be none"),
        ("cut", (0.01, 0.31, 0.01), (0.01, 0.01, 0.01), "an answer from way was to be none"),
        ("slow", (0.01, 0.01, 0.01), (0.01, 0.01, 0.01), "an answer from way was to be slow"),
        ("slow", (0.01, None, 0.01), (0.01, 0.01, 0.01), "an answer from way was to be slow"),
        ("slow", (0.31, 0.31, 0.01), (0.01, 0.01, 0.01), "an answer from way was to be fast"),
        ("cut", (0.01, None, None), (0.01, 0.01, 0.01), "an answer from way was to be fast"),
        ("cut", (0.01, None, 0.01), (0.01, None, 0.01), "an answer from server was to be fast"),
    ],
)
def test_a_way_is_cut_or_slow_beside_its_server(
    wanted: str,
    way: Sequence[float | None],
    server: Sequence[float | None],
    doubt: str,
) -> None:
    """Where the server itself is silent or far, it isn't the way."""
    scene = Scene()
    took = {"way": way, "server": server}
    witness = Distance(["way"], ["server"], lambda at: took[at][scene.now], cut=wanted == "cut")
    _, doubts = scene.see(witness)
    assert [each.startswith(doubt) for each in doubts] == [True] * bool(doubt), doubts
