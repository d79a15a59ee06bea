"""What is known of an environment's pods, and which of their ends are told as deaths."""

from __future__ import annotations

import dataclasses
import queue
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from kubernetes.client import ApiClient, ApiException

from groundwork.base.errors import NotYetError, TerminalStateError
from groundwork.base.footprint import Footprint
from groundwork.base.wait import Deadline, wait_for
from groundwork.clusters import podwatch
from groundwork.clusters.podwatch import PodWatch
from groundwork.clusters.workload import RESTARTS_MAX, Workload, refuse_hopeless
from groundwork.declare.stage import Stage
from groundwork.kube.connection import Connection, KubeError
from groundwork.kube.pods import Pod, Pods, footprint_of, made_by
from suites.support.samplepod import POD

# Many times what a thread of this process needs to be woken.
TIMEOUT_S = 30.0

SECOND_NS = 1_000_000_000

RELAY = dataclasses.replace(POD, name="relay-7f", uid="uid-2", resource="relay")


class Feed:
    """A cluster's pods: the test says what is there when a watch begins, and what changes."""

    def __init__(self) -> None:
        self.there: list[Pod] = []
        self.watches = 0
        self._changes: queue.Queue[tuple[str, Pod] | Exception | None] = queue.Queue()

    def watch(
        self,
        listed: Callable[[list[Pod]], None],
        seen: Callable[[str, Pod], None],
        stopped: threading.Event,
    ) -> None:
        """As :meth:`groundwork.kube.pods.Pods.watch` calls back."""
        listed(list(self.there))
        self.watches += 1
        while (change := self._take()) is not None:
            if isinstance(change, Exception):
                raise change
            seen(*change)
            self._changes.task_done()
            if stopped.is_set():
                return

    def _take(self) -> tuple[str, Pod] | Exception | None:
        change = self._changes.get(timeout=TIMEOUT_S)
        if not isinstance(change, tuple):
            self._changes.task_done()
        return change

    def send(self, change: str, pod: Pod) -> None:
        """Something happens; returns when the watch has seen it."""
        self._changes.put((change, pod))
        self._changes.join()

    def end(self, error: Exception | None = None) -> None:
        """The watch ends, as it does every minute, or with an error."""
        self._changes.put(error)
        self._changes.join()

    def leave(self, pod: Pod) -> None:
        """Something happens that nobody is there to see."""
        self._changes.put(("MODIFIED", pod))


class Scene:
    """A watch, its cluster, and what it has told."""

    def __init__(self) -> None:
        self.feed = Feed()
        self.deaths: list[tuple[str, str, int]] = []
        self.unreachable = threading.Event()
        self.watch = PodWatch(
            cast("Pods", self.feed),
            lambda *death: self.deaths.append(death),
            self.unreachable.set,
        )

    def names(self, resource: str = "broker") -> list[str]:
        """The pods of a resource."""
        return [pod.name for pod in self.watch.of(resource)]

    def await_watches(self, count: int) -> None:
        """Wait until a watch has begun so many times."""

        def look() -> None:
            if self.feed.watches < count:
                raise NotYetError(f"{self.feed.watches} of {count}")

        wait_for(look, deadline=Deadline.after(TIMEOUT_S), what="the next watch")


def thread_ends() -> None:
    """Wait until no thread watches."""

    def look() -> None:
        if any(thread.name == "pods" for thread in threading.enumerate()):
            raise NotYetError("it runs")

    wait_for(look, deadline=Deadline.after(TIMEOUT_S), what="the watching thread to end")


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    """A watch that has begun, over a broker and a relay."""
    monkeypatch.setattr(podwatch, "PAUSE_S", 0.01)
    made = Scene()
    made.feed.there = [POD, RELAY]
    made.watch.start()
    made.await_watches(1)
    yield made
    made.watch.stop()
    made.feed.leave(POD)
    thread_ends()


def changed(**fields: object) -> Pod:
    """The broker's pod, as it is now."""
    return dataclasses.replace(POD, **fields)  # type: ignore[arg-type]


def test_it_knows_the_pods_of_each_resource(scene: Scene) -> None:
    """As they are now, by name."""
    scene.feed.send("ADDED", changed(name="broker-2", uid="uid-4"))
    scene.feed.send("ADDED", changed(name="broker-1", uid="uid-3"))
    scene.feed.send("MODIFIED", changed(ready=False))
    assert scene.names() == ["broker-0", "broker-1", "broker-2"]
    assert scene.watch.of("broker")[0].ready is False
    assert scene.names("relay") == ["relay-7f"]
    assert scene.names("elsewhere") == []
    scene.watch.expect("uid-4")
    scene.feed.send("DELETED", changed(name="broker-2", uid="uid-4"))
    assert scene.names() == ["broker-0", "broker-1"]
    assert scene.deaths == []


@pytest.mark.parametrize(
    ("change", "pod", "code"),
    [
        ("DELETED", changed(exit_code=137), 137),
        ("MODIFIED", changed(restarts=1, exit_code=1), 1),
        ("MODIFIED", changed(phase="Failed", exit_code=3), 3),
    ],
    ids=["deleted", "restarted", "failed"],
)
def test_an_unexpected_end_is_a_death(scene: Scene, change: str, pod: Pod, code: int) -> None:
    """A pod deleted, a container started anew, a pod that failed: told once, with the exit code."""
    scene.feed.send(change, pod)
    assert scene.deaths == [("broker", "broker-0", code)]
    if change != "DELETED":
        scene.feed.send(change, dataclasses.replace(pod, ready=False))
        assert len(scene.deaths) == 1


def test_a_failed_pod_dies_once(scene: Scene) -> None:
    """That it is cleared away afterwards is no news."""
    failed = changed(phase="Failed", exit_code=137)
    scene.feed.send("MODIFIED", failed)
    scene.feed.send("DELETED", failed)
    assert scene.deaths == [("broker", "broker-0", 137)]
    assert scene.names() == []


@pytest.mark.parametrize("change", ["DELETED", "MODIFIED"])
def test_an_expected_end_is_no_accident(scene: Scene, change: str) -> None:
    """A pod that a test has killed; its neighbours' ends, and its successor's, still are."""
    scene.watch.expect(POD.uid)
    scene.feed.send(change, changed(phase="Failed", restarts=1, exit_code=137))
    assert scene.deaths == []
    successor = changed(uid="uid-9")
    scene.feed.send("ADDED", successor)
    scene.feed.send("DELETED", successor)
    scene.feed.send("DELETED", RELAY)
    assert scene.deaths == [("broker", "broker-0", 0), ("relay", "relay-7f", 0)]


def test_what_a_pod_was_before_is_no_death(scene: Scene) -> None:
    """A pod that is seen for the first time may have been started again, and more than once."""
    scene.feed.send("ADDED", changed(uid="uid-9", restarts=2, exit_code=1))
    scene.feed.send("MODIFIED", changed(uid="uid-9", restarts=2, exit_code=1, ready=False))
    assert scene.deaths == []


def test_a_watch_that_ends_begins_anew(scene: Scene) -> None:
    """As it does every minute; that the pods are all listed again is no news."""
    scene.feed.end()
    scene.await_watches(2)
    scene.feed.send("MODIFIED", changed(ready=False))
    assert scene.names() == ["broker-0"]
    assert scene.deaths == []
    assert not scene.unreachable.is_set()


@pytest.mark.parametrize("error", [KubeError("gone", 410), ConnectionError("refused")])
def test_a_server_that_doesnt_answer_is_told(scene: Scene, error: Exception) -> None:
    """Somebody else may know why; and it is asked again."""
    scene.feed.end(error)
    scene.await_watches(2)
    assert scene.unreachable.is_set()
    scene.feed.send("DELETED", RELAY)
    assert scene.deaths == [("relay", "relay-7f", 0)]


def test_what_happened_between_two_watches_is_seen(scene: Scene) -> None:
    """A pod that has gone meanwhile isn't known any more, and its end is a death like any other."""
    scene.watch.expect(RELAY.uid)
    scene.feed.there = [changed(uid="uid-9")]
    scene.feed.end()
    scene.await_watches(2)
    assert [pod.uid for pod in scene.watch.of("broker")] == ["uid-9"]
    assert scene.names("relay") == []
    assert scene.deaths == [("broker", "broker-0", 0)]


def test_a_container_that_ended_between_two_watches_is_a_death(scene: Scene) -> None:
    """Its pod is there as before, but for the count."""
    scene.feed.there = [changed(restarts=1, exit_code=137), RELAY]
    scene.feed.end()
    scene.await_watches(2)
    assert scene.deaths == [("broker", "broker-0", 137)]


def test_nothing_is_told_after_the_end(scene: Scene) -> None:
    """What ends from then on was asked to; the thread ends with the next change."""
    scene.watch.stop()
    scene.feed.leave(changed(phase="Failed"))
    thread_ends()
    assert scene.deaths == []
    assert scene.feed.watches == 1


def test_an_unreachable_server_is_no_news_after_the_end(scene: Scene) -> None:
    """It is being removed."""
    scene.watch.stop()
    scene.feed.end(ConnectionError("refused"))
    thread_ends()
    assert not scene.unreachable.is_set()


@pytest.mark.parametrize(
    ("whole", "parts", "expected"),
    [
        ((7, 4 * SECOND_NS), [(5, 3 * SECOND_NS)], Footprint(7, 4.0)),
        ((0, 0), [(5, SECOND_NS // 2)] * 2, Footprint(10, 1.0)),
        ((7, 0), [(5, SECOND_NS)], Footprint(7, 1.0)),
        (None, [(5, SECOND_NS), None], Footprint(5, 1.0)),
        (None, [], Footprint()),
    ],
    ids=["pod", "containers", "some of each", "one container", "unknown"],
)
def test_a_footprint_is_the_pods_or_its_containers(
    whole: tuple[int, int] | None, parts: list[tuple[int, int] | None], expected: Footprint
) -> None:
    """A kubelet counts a young pod's containers before it counts the pod."""
    figures = {**counted(whole), "containers": [counted(each) for each in parts]}
    assert footprint_of(figures) == expected


def counted(found: tuple[int, int] | None) -> dict[str, object]:
    """What a kubelet's summary says of memory and processors; nothing of what is young."""
    if found is None:
        return {"name": "young"}
    memory, cpu = found
    return {"memory": {"rssBytes": memory}, "cpu": {"usageCoreNanoSeconds": cpu}}


def ended_pod(**terminated: object) -> Any:
    """A pod whose one container has ended, with the fields that the server's answers have."""
    ended = SimpleNamespace(**({"reason": None, "message": None} | terminated))
    container = SimpleNamespace(
        name="broker",
        image="x",
        ready=False,
        restart_count=1,
        container_id="containerd://0c7d",
        state=None,
        last_state=SimpleNamespace(terminated=ended, waiting=None),
        resources=SimpleNamespace(limits={"memory": "96Mi"}),
    )
    return SimpleNamespace(
        metadata=SimpleNamespace(
            name="broker-0", namespace="infra", uid="uid", labels={}, deletion_timestamp=None
        ),
        spec=SimpleNamespace(containers=[container], init_containers=None, node_name="node-1"),
        status=SimpleNamespace(
            container_statuses=[container],
            init_container_statuses=None,
            conditions=None,
            phase="Running",
            pod_ip=None,
        ),
    )


@pytest.mark.parametrize(
    ("ended", "told"),
    [
        (
            {"exit_code": 137, "reason": "OOMKilled"},
            "broker: OOMKilled (exit code 137, its limit is 96Mi)",
        ),
        ({"exit_code": 1, "reason": "Error"}, "broker: Error (exit code 1)"),
        (
            {"exit_code": 128, "reason": "StartError", "message": "no such file\n"},
            "broker: StartError (exit code 128): no such file",
        ),
        ({"exit_code": 0, "reason": "Completed"}, ""),
    ],
)
def test_why_a_container_has_ended_is_told(ended: dict[str, object], told: str) -> None:
    """With its limit where it was killed for want of memory; what was to end tells nothing."""
    assert Pod.read(ended_pod(**ended)).ended == told
    assert Pod.read(ended_pod(**ended)).containers == ("0c7d",)


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("broker", True),
        ("broker-0", True),
        ("hello-world-7f9-abcde", False),
        ("brokers", False),
        ("relay-7f", False),
    ],
)
def test_a_complaint_is_of_an_object_or_of_what_it_has_made(name: str, *, ours: bool) -> None:
    """What is made is called after what has made it."""
    assert made_by(name, ["broker"]) is ours


@pytest.mark.parametrize(
    ("waiting", "why"),
    [
        ("ErrImagePull: no such host", "its image can't be pulled"),
        ("InvalidImageName: a b", "InvalidImageName"),
        ('CreateContainerConfigError: configmap "a" not found', "CreateContainerConfigError"),
    ],
)
def test_what_never_comes_up_is_told_at_once(waiting: str, why: str) -> None:
    """Kubernetes would go on trying for ever."""
    with pytest.raises(TerminalStateError, match=why):
        refuse_hopeless(dataclasses.replace(POD, waiting=waiting), 0)


@pytest.mark.parametrize(
    "waiting",
    [
        "ContainerCreating",
        "CreateContainerConfigError: failed to sync configmap cache: timed out",
        "CreateContainerConfigError: failed to sync secret cache: timed out",
    ],
)
def test_what_a_busy_kubelet_tries_again_is_waited_for(waiting: str) -> None:
    """It hasn't heard of what is mounted yet; who ends again and again is hopeless all the same."""
    pod = dataclasses.replace(POD, waiting=waiting)
    refuse_hopeless(pod, RESTARTS_MAX)
    with pytest.raises(TerminalStateError, match="has ended 3 times"):
        refuse_hopeless(pod, RESTARTS_MAX + 1)


class Deleting:
    """A cluster of one broker, which notes how its pods are deleted."""

    def __init__(self) -> None:
        self.pods = [POD, changed(name="broker-1", uid="uid-9")]
        self.asked: list[tuple[str, dict[str, object]]] = []
        self.expected: list[str] = []

    def delete_namespaced_pod(self, name: str, _: str, *, body: object, **__: object) -> None:
        """As the API's library calls it; what travels is kept, and the pod is gone."""
        sent = ApiClient().sanitize_for_serialization(body)
        self.asked.append((name, sent))
        self.pods = [each for each in self.pods if each.uid != sent["preconditions"]["uid"]]

    def read_namespaced_pod(self, *_: object, **__: object) -> None:
        """Its log can't be fetched any more: nobody waits for that."""
        raise ApiException(status=404, reason="Not Found")

    def of(self, _: str) -> list[Pod]:
        """The pods that are there."""
        return self.pods

    def expect(self, uid: str) -> None:
        """This one's end is no death."""
        self.expected.append(uid)

    def stage(self, folder: Path) -> Stage:
        """The stage of a workload of it."""
        connection = cast("Connection", SimpleNamespace(core=self, talker=None))
        kube = SimpleNamespace(pods=Pods(connection))
        handle = SimpleNamespace(kube=kube, pods=self)
        return cast(
            "Stage", SimpleNamespace(peer=lambda _: SimpleNamespace(handle=handle), log_dir=folder)
        )


@pytest.mark.parametrize(
    ("fault", "told"), [("kill", {"gracePeriodSeconds": 0}), ("terminate", {})]
)
def test_a_pod_is_deleted_without_its_grace_or_with_it(
    tmp_path: Path, fault: str, told: dict[str, int]
) -> None:
    """The very pod, and no other; where nothing is told of a grace it has what it declares."""
    cluster = Deleting()
    getattr(Workload("broker"), fault)(cluster.stage(tmp_path), "broker-0")
    assert cluster.asked == [("broker-0", {"preconditions": {"uid": "uid-1"}, **told})]
    assert cluster.expected == ["uid-1"]
    assert [each.name for each in cluster.pods] == ["broker-1"]
