"""Evidence: a fault is believed when witnesses see it, and not when its own code says so."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil
import pytest

from chaos.caller import call
from chaos.distance import Distance
from chaos.evidence import (
    CROWD,
    WITNESSES,
    Calm,
    Cut,
    Death,
    Lack,
    Stop,
    addresses_of,
    identity_at,
    witness_of,
)
from fixtures.paths import SERVERS
from fixtures.resources.relay import control
from groundwork.base import descriptors, process
from groundwork.base.errors import NotYetError, UsageError
from groundwork.base.process import Child
from groundwork.base.wait import Deadline, wait_for
from groundwork.declare.endpoint import Endpoint
from groundwork.declare.resource import Description
from groundwork.keep.messages import Status
from suites.support.pond import SCRATCH
from suites.support.ports import free_port

TIMEOUT_S = 30.0

# This process is the parent of what it starts, as the keeper is of servers.
KEEPER = process.myself()


class House:
    """Servers at ports of their own, ended in any case."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._children: list[Child] = []
        self._ports: set[int] = set()

    def start(self, port: int, *, orphan: bool = False) -> Child:
        """A server that answers at a port; an orphan is nobody's child."""
        words = [SCRATCH / "answering.py", port, *(["orphan"] if orphan else [])]
        return self._spawn(words, port)

    def relay(self, port: int, target: int, control_port: int) -> None:
        """A relay on the way to a server."""
        host = "127.0.0.1"
        words = [SERVERS / "relay.py", host, control_port, f"{port}={host}:{target}"]
        self._spawn(words, port)

    def _spawn(self, words: list[object], port: int) -> Child:
        self._ports.add(port)
        child = process.spawn(
            [sys.executable, *map(str, words)],
            env=process.plain_environment({}),
            log=self._folder / "server.log",
        )
        self._children.append(child)
        self.await_reply(port, "answered")
        return child

    @staticmethod
    def await_reply(port: int, wanted: str) -> None:
        """Wait until a call comes to that."""

        def look() -> None:
            if (reply := call(f"127.0.0.1:{port}", 1.0)) != wanted:
                raise NotYetError(reply)

        wait_for(look, deadline=Deadline.after(TIMEOUT_S), what=f"a call to be {wanted}")

    def end(self) -> None:
        """End them all."""
        for child in self._children:
            child.kill()
            child.wait()
        for port in self._ports:
            left = identity_at(f"127.0.0.1:{port}")
            if left is not None:
                process.end([left], grace_s=0)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Servers that the test starts."""
    made = House(tmp_path)
    try:
        yield made
    finally:
        made.end()


def kill(child: Child) -> None:
    """End a child, and wait for it."""
    child.kill()
    child.wait()


Deed = Callable[[House, Child, int], None]


def restarted(house: House, child: Child, port: int) -> None:
    """As the keeper does it."""
    kill(child)
    house.start(port)


def restarted_by_another(house: House, child: Child, port: int) -> None:
    """As somebody else does it, who isn't the keeper."""
    kill(child)
    house.start(port, orphan=True)


def nothing(house: House, child: Child, port: int) -> None:
    """A hook that does nothing."""
    del house, child, port


@pytest.mark.parametrize(
    ("before", "during", "after", "doubt"),
    [
        (nothing, nothing, nothing, "was to end, and lives"),
        (nothing, nothing, nothing, "nothing was started again"),
        (restarted, nothing, nothing, "was to end, and lives"),
        (nothing, nothing, restarted, "was to end, and lives"),
        (nothing, restarted_by_another, nothing, "was started by process "),
        (restarted_by_another, nothing, nothing, "nothing was started again"),
    ],
)
def test_a_kill_that_is_none(
    house: House, before: Deed, during: Deed, after: Deed, doubt: str
) -> None:
    """Nothing is done; somebody does it too early, too late, or in the keeper's place."""
    port = free_port()
    child = house.start(port)
    before(house, child, port)
    witness = Death((f"127.0.0.1:{port}",), KEEPER)
    witness.look_before()
    during(house, child, port)
    witness.look_during()
    after(house, child, port)
    witness.look_after()
    assert any(doubt in each for each in witness.sightings.doubts), witness.sightings


def test_a_kill_is_seen(house: House) -> None:
    """It ends while the fault lasts, and the keeper's next one listens afterwards."""
    port = free_port()
    child = house.start(port)
    witness = Death((f"127.0.0.1:{port}",), KEEPER)
    witness.look_before()
    kill(child)
    witness.look_during()
    house.start(port)
    witness.look_after()
    assert witness.sightings.doubts == []
    assert len(witness.sightings.seen) == 3


@pytest.mark.parametrize("way", ["", "/", "/metrics", "/api/v1/query?query=up:sum"])
def test_a_server_of_pages_is_found_at_its_whole_address(way: str) -> None:
    """Some resources are known by the page that is read of them, and not by the port alone."""
    with ThreadingHTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}{way}"
        assert identity_at(address) == process.myself()
        assert call(address) == "answered"
        server.shutdown()
    assert call(address) == "refused"


def test_a_process_that_was_there_before_is_no_restart(house: House) -> None:
    """It is the keeper's child, and another than before; it was waiting for its turn."""
    port = free_port()
    child = house.start(port)
    waiting = house.start(port)

    def expect_later() -> None:
        if process.ticks_now() <= waiting.identity.start_ticks:
            raise NotYetError("it is the same hundredth of a second")

    wait_for(expect_later, deadline=Deadline.after(1.0), what="the next tick of the clock")
    witness = Death((f"127.0.0.1:{port}",), KEEPER)
    witness.look_before()
    kill(child)
    witness.look_during()
    witness.look_after()
    (doubt,) = witness.sightings.doubts
    assert doubt.endswith("was started before the fault")


def test_what_was_not_there_can_not_be_killed() -> None:
    """Nobody listens before."""
    witness = Death((f"127.0.0.1:{free_port()}",), KEEPER)
    witness.look_before()
    assert len(witness.sightings.doubts) == 1


def await_stopped(child: Child) -> None:
    """Wait until the kernel has stopped it: until then its threads go on, as the keeper knows."""

    def look() -> None:
        if (state := psutil.Process(child.pid).status()) != psutil.STATUS_STOPPED:
            raise NotYetError(state)

    wait_for(look, deadline=Deadline.after(TIMEOUT_S), what="a process to stop")


def test_a_pause_is_seen_and_its_absence_too(house: House) -> None:
    """By the kernel's word, and by a call that has no answer."""
    port = free_port()
    child = house.start(port)
    address = f"127.0.0.1:{port}"
    witness = Stop((address,))
    witness.look_before()
    process.send(child.identity, signal.SIGSTOP)
    await_stopped(child)
    witness.look_during()
    process.send(child.identity, signal.SIGCONT)
    witness.look_after()
    assert witness.sightings.doubts == []
    assert len(witness.sightings.seen) == 4
    idle = Stop((address,))
    idle.look_before()
    idle.look_during()
    idle.look_after()
    said = "\n".join(idle.sightings.doubts)
    assert "was to be stopped, and is" in said
    assert "was to have no answer, and was answered" in said


@pytest.mark.skipif("sys.platform != 'linux'", reason="nobody sets another's limit there")
def test_a_lack_of_descriptors_is_seen_and_its_absence_too(house: House) -> None:
    """By the kernel's files, and by calls that have an answer until nothing is spare."""
    port = free_port()
    child = house.start(port)
    address = f"127.0.0.1:{port}"
    before = descriptors.allowed(child.identity)
    assert before is not None
    witness = Lack((address,))
    witness.look_before()
    descriptors.leave(child.identity, 2)
    witness.look_during()
    descriptors.allow(child.identity, before)
    witness.look_after()
    assert witness.sightings.doubts == []
    answered, fewer, again, as_before = witness.sightings.seen
    many = answered.partition(" ")[0]
    assert answered == f"{many} calls to {address} are answered, and the next is not"
    assert 2 <= int(many) <= 2 + 2  # the server may not have hung up on the two calls before yet
    assert "may have fewer descriptors than before" in fewer
    assert "answered again" in again
    assert as_before == f"process {child.pid} may have {before} descriptors again"
    idle = Lack((address,))
    idle.look_before()
    idle.look_during()
    descriptors.leave(child.identity, CROWD)
    idle.look_after()
    said = "\n".join(idle.sightings.doubts)
    assert "at once were answered, and none was to be" in said
    assert "was to have fewer descriptors than" in said
    assert "descriptors again:" in said


@pytest.mark.skipif("sys.platform != 'linux'", reason="nobody sets another's limit there")
def test_what_dies_of_a_lack_is_no_lack(house: House) -> None:
    """Nobody answers any more, but not for want of a descriptor; nor does it come back."""
    port = free_port()
    child = house.start(port)
    witness = Lack((f"127.0.0.1:{port}",))
    witness.look_before()
    kill(child)
    witness.look_during()
    house.start(port)
    witness.look_after()
    assert len(witness.sightings.doubts) == 2


def test_a_cut_is_seen_and_its_absence_too(house: House) -> None:
    """Calls come to nothing, refused or swallowed, while the server behind the way answers."""
    way, server, port = free_port(), free_port(), free_port()
    house.start(server)
    house.relay(way, server, port)
    ways, servers = (f"127.0.0.1:{way}",), (f"127.0.0.1:{server}",)
    for cut, heal in (("isolate", "rejoin"), ("blackhole", "pass")):
        witness = Cut(ways, servers)
        witness.look_before()
        control(port, f"{cut} all 0")
        witness.look_during()
        control(port, f"{heal} all 0")
        witness.look_after()
        assert witness.sightings.doubts == []
        assert len(witness.sightings.seen) == 3
    idle = Cut(ways, servers)
    idle.look_before()
    idle.look_during()
    idle.look_after()
    assert [each for each in idle.sightings.doubts if "was to come to nothing" in each]


def test_a_long_way_is_seen_and_its_absence_too(house: House) -> None:
    """By how long an answer takes on it, while the server itself answers at once."""
    way, server, port = free_port(), free_port(), free_port()
    house.start(server)
    house.relay(way, server, port)
    ways, servers = (f"127.0.0.1:{way}",), (f"127.0.0.1:{server}",)
    witness = Distance(ways, servers)
    witness.look_before()
    control(port, "slow all 300")
    witness.look_during()
    control(port, "slow all 0")
    witness.look_after()
    assert witness.sightings.doubts == []
    assert len(witness.sightings.seen) == 4
    idle = Distance(ways, servers)
    idle.look_before()
    idle.look_during()
    control(port, "isolate all")
    idle.look_after()
    said = "\n".join(idle.sightings.doubts)
    assert "was to be slow, and takes" in said
    assert "was to be fast, and never comes" in said


def test_what_is_left_alone_is_seen_and_what_is_not_too(house: House) -> None:
    """By who listens, and by whether they answer: before, meanwhile and afterwards."""
    port = free_port()
    child = house.start(port)
    witness = Calm((f"127.0.0.1:{port}",))
    witness.look_before()
    witness.look_during()
    assert witness.sightings.doubts == []
    assert len(witness.sightings.seen) == 2
    restarted(house, child, port)
    witness.look_after()
    assert any("was to be left alone: afterwards" in each for each in witness.sightings.doubts)


def test_a_cut_is_of_the_way_alone(house: House) -> None:
    """Where the server is dead, too, nobody knows what was cut."""
    way, server, port = free_port(), free_port(), free_port()
    child = house.start(server)
    house.relay(way, server, port)
    witness = Cut((f"127.0.0.1:{way}",), (f"127.0.0.1:{server}",))
    witness.look_before()
    kill(child)
    witness.look_during()
    assert any("was to answer at" in each for each in witness.sightings.doubts)


# What is left out of a configuration is asked of a Prometheus (test_omission.py).
@pytest.mark.parametrize("fault", [each for each in WITNESSES if each != "misconfigure"])
def test_a_fault_that_is_none_is_doubted(house: House, fault: str) -> None:
    """Of every kind that an experiment may have: its hooks do nothing, and it is invalid."""
    port = free_port()
    house.start(port)
    endpoints = {"kafka": Endpoint(f"127.0.0.1:{port}")}
    told = tuple(Description(name, "ready", endpoints=endpoints) for name in ("broker", "relay"))
    status = Status(
        folder=Path(),
        keeper=KEEPER,
        platform="local",
        settings={},
        run="",
        out_dir=None,
        kept=True,
        refusal="",
        resources=told,
        failures={},
        artifacts=(),
    )
    witness = witness_of(fault, "relay", "", status)
    witness.look_before()
    assert witness.sightings.doubts == []
    witness.look_during()
    witness.look_after()
    assert witness.sightings.doubts != []


def test_a_target_is_one_of_the_addresses() -> None:
    """By its number, from one on."""
    told = Description("broker", "ready", endpoints={"kafka": Endpoint("a:1,b:2,c:3")})
    assert addresses_of(told, "") == ("a:1", "b:2", "c:3")
    assert addresses_of(told, "broker-2") == ("b:2",)
    for wrong in ("broker-0", "broker-4"):
        with pytest.raises(UsageError, match="it has 3 nodes"):
            addresses_of(told, wrong)
