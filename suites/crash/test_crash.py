"""Crash safety on the real environment: runs are killed at random moments.

The moments follow from a seed, which is printed; GROUNDWORK_SEED repeats them.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import psutil
import pytest

from fixtures.packages.programs import JRE, KAFKA
from fixtures.paths import MANIFESTS
from fixtures.platforms.nodes import NODE_IMAGE
from groundwork.artifacts import Cache, Workshop, default_cache_dir
from groundwork.base import process
from groundwork.base.errors import NotYetError
from groundwork.base.wait import Deadline, wait_for
from suites.support.decoys import strangers_cluster, strangers_container
from suites.support.scene import Scene, options_of, scene_of

SEED = int(os.environ.get("GROUNDWORK_SEED") or random.SystemRandom().randrange(10**6))

# Several times what a run takes, after which it must have ended by itself.
RUN_TIMEOUT_S = 300.0

DECOY_PORTS = (19_192, 19_193)
DECOY_API_PORT = 19_194
# Before that there is nothing but an interpreter that reads its modules.
EARLIEST_S = 0.5
# Of a run's time: what comes later is hardly a run any more, but its end.
LATEST_SHARE = 0.9
# For the run to come to the point where there is a victim.
VICTIM_TIMEOUT_S = 20.0


@dataclass(frozen=True)
class Promise:
    """What is held on a platform.

    Attributes:
        kinds: What is killed.
        kills: How many of each kind.
        gone_timeout_s: After what time nothing may be left.
        following: What comes next where nobody has survived, and finds what is left.
    """

    kinds: tuple[str, ...]
    kills: int
    gone_timeout_s: float
    following: Callable[[Scene], subprocess.Popen[bytes]]


BOTH = "controller and keeper"
PROMISES = {
    "local": Promise(
        kinds=("controller", "worker", "keeper", BOTH),
        kills=5,
        gone_timeout_s=10.0,
        following=lambda scene: scene.smoke("-k", "version"),
    ),
    "kind": Promise(
        kinds=("controller", "keeper", BOTH),
        kills=10,
        gone_timeout_s=60.0,
        following=lambda scene: scene.start("groundwork", "down"),
    ),
}


@pytest.fixture(scope="module")
def platform(pytestconfig: pytest.Config) -> str:
    """What the runs are started on; nothing of this module's own is."""
    return str(pytestconfig.getoption("groundwork_env") or "local")


@pytest.fixture(scope="module")
def promise(platform: str) -> Promise:
    """What is held there."""
    return PROMISES[platform]


@pytest.fixture(scope="module")
def scene(pytestconfig: pytest.Config, platform: str) -> Iterator[Scene]:
    """Runs of the smoke suite, in folders of their own."""
    with scene_of(options_of(pytestconfig), engine=platform != "local") as made:
        yield made


# A run, and those of its processes that are to be hit.
Reached = tuple[subprocess.Popen[bytes], list[psutil.Process]]
# Who is to be hit, once there is somebody; nobody where the run has come to its end before.
Find = Callable[[subprocess.Popen[bytes]], list[psutil.Process]]


@dataclass
class Moments:
    """Brings runs to random moments.

    What a run takes on this machine is measured; the latest that came to its end counts.
    """

    scene: Scene
    spans_s: dict[str, float] = field(default_factory=dict)

    def begin(self, workers: str, until_s: float, find: Find) -> Reached | None:
        """A run that goes on after that time, and whom to hit; one that has ended is measured."""
        begun = time.monotonic()
        run = self.scene.smoke("-n", workers)
        with suppress(subprocess.TimeoutExpired):
            run.wait(until_s)
        found = find(run)
        if found:
            return run, found
        assert run.returncode == 0, self.scene.log()
        self.spans_s[workers] = time.monotonic() - begun
        return None

    def run_until(self, workers: str, what: str, find: Find) -> Reached:
        """Begin a run with so many workers, and return in the moment: it goes on.

        A run that has ended before, for the machine had been busier, is the measure of the next.
        """
        if workers not in self.spans_s:
            assert self.begin(workers, RUN_TIMEOUT_S, find) is None, self.scene.log()
        share = random.Random(f"{SEED} {what}").uniform(0, LATEST_SHARE)  # noqa: S311 - a seed to repeat it by
        while True:
            span_s = self.spans_s[workers]
            moment_s = EARLIEST_S + share * (span_s - EARLIEST_S)
            print(f"seed {SEED}: {what} after {moment_s:.2f} of {span_s:.2f} s")  # noqa: T201 - to repeat it
            reached = self.begin(workers, moment_s, find)
            if reached is not None:
                return reached


@pytest.fixture(scope="module")
def moments(scene: Scene) -> Moments:
    """Moments of runs in the scene."""
    return Moments(scene)


Unharmed = Callable[[], None]


@pytest.fixture(scope="module")
def unharmed(platform: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Unharmed]:
    """Looks whether all that belongs to somebody else is as it was."""
    with ExitStack() as stack:
        if platform == "local":
            kafka = stack.enter_context(strangers_kafka(tmp_path_factory.mktemp("decoy")))

            def look() -> None:
                assert kafka.is_running()
                assert kafka.status() != psutil.STATUS_ZOMBIE
        else:
            folder = tmp_path_factory.mktemp("decoy")
            cluster = stack.enter_context(
                strangers_cluster("decoy-cluster", folder, DECOY_API_PORT)
            )
            container = stack.enter_context(strangers_container("decoy", NODE_IMAGE.reference))
            before = cluster.observe(), container.observe()

            def look() -> None:
                assert (cluster.observe(), container.observe()) == before

        yield look


@contextmanager
def strangers_kafka(folder: Path) -> Iterator[psutil.Process]:
    """Somebody else's Kafka, which looks like ours in everything but the environment's token."""
    workshop = Workshop(Cache.open(default_cache_dir()))
    jre, kafka = JRE.resolve(workshop), KAFKA.resolve(workshop)
    client, controller = DECOY_PORTS
    properties = folder / "server.properties"
    properties.write_text(
        "process.roles=broker,controller\nnode.id=1\ncontroller.listener.names=CONTROLLER\n"
        f"controller.quorum.voters=1@127.0.0.1:{controller}\n"
        f"listeners=PLAINTEXT://127.0.0.1:{client},CONTROLLER://127.0.0.1:{controller}\n"
        f"log.dirs={folder / 'data'}\n"
    )
    log4j = f"-Dlog4j2.configurationFile={MANIFESTS / 'kafka' / 'log4j2.properties'}"
    java: list[str | Path] = [jre.program("bin/java"), "-Xmx256m", "-XX:-UsePerfData", log4j]
    java += ["-cp", f"{kafka.path}/*"]
    env = process.plain_environment({})
    tool = [*java, "kafka.tools.StorageTool", "format", "-t", "MkU3OEVBNTcwNTJENDM2Qg"]
    process.run([*tool, "-c", properties], timeout_s=RUN_TIMEOUT_S, env=env)
    child = process.spawn(
        [*java, "kafka.Kafka", properties], env=env, log=folder / "log", cwd=folder
    )
    try:
        yield psutil.Process(child.pid)
    finally:
        child.stop(10)


def victims(run: subprocess.Popen[bytes], kind: str) -> list[psutil.Process]:
    """The processes that a kind of kill is meant for, as far as they exist now."""
    controller = psutil.Process(run.pid)
    children = controller.children(recursive=True)
    # One becomes the other.
    own = (["-m", "groundwork.keep.porter"], ["-m", "groundwork.keep.keeper"])
    keepers = [c for c in children if c.cmdline()[1:3] in own]
    workers = [c for c in controller.children() if c not in keepers]
    return {
        "controller": [controller],
        "worker": workers[:1],
        "keeper": keepers,
        BOTH: [controller, *keepers] if keepers else [],
    }[kind]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """As many kills of each kind as the platform's promise says."""
    if "number" in metafunc.fixturenames:
        promise = PROMISES[metafunc.config.getoption("groundwork_env") or "local"]
        metafunc.parametrize("number", range(promise.kills))
        metafunc.parametrize("kind", promise.kinds)


def test_nothing_is_left_after_a_kill(
    scene: Scene, promise: Promise, moments: Moments, unharmed: Unharmed, kind: str, number: int
) -> None:
    """No process, port, socket, temporary folder or ledger is left, and no stranger was touched."""
    before = scene.inventory()
    run, found = moments.run_until("2", f"{kind} {number}", partial(find_victims, kind=kind))
    for victim in found:
        with suppress(psutil.NoSuchProcess):  # a porter ends with its controller, who came first
            victim.kill()
    if kind == "worker":
        wait_until_ended(run)
    if kind != BOTH:
        scene.await_nothing_left(before, promise.gone_timeout_s)
    else:
        wait_until_ended(run)
        following = promise.following(scene)
        wait_until_ended(following)
        assert following.returncode == 0, scene.log()
        scene.await_nothing_left(before, promise.gone_timeout_s)
    unharmed()
    if kind == "controller":
        assert run.wait(RUN_TIMEOUT_S) == -signal.SIGKILL
    elif kind == "keeper":
        assert run.wait(RUN_TIMEOUT_S) == 6, scene.log()


def find_victims(run: subprocess.Popen[bytes], kind: str) -> list[psutil.Process]:
    """The victims, as soon as there are any; nobody where the run has ended by itself."""

    def find() -> list[psutil.Process]:
        if run.poll() is not None:
            return []
        try:
            found = victims(run, kind)
        except psutil.Error as error:
            raise NotYetError("processes come and go") from error
        if not found:
            raise NotYetError(f"no {kind} yet")
        return found

    deadline = Deadline.after(VICTIM_TIMEOUT_S)
    return wait_for(find, deadline=deadline, what=f"a {kind} that can be killed")


def wait_until_ended(run: subprocess.Popen[bytes]) -> None:
    """Wait for a run's own end."""
    run.wait(RUN_TIMEOUT_S)


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
@pytest.mark.parametrize("workers", ["0", "2"])
def test_nothing_is_left_after_a_signal(
    scene: Scene,
    promise: Promise,
    moments: Moments,
    unharmed: Unharmed,
    sent: signal.Signals,
    workers: str,
) -> None:
    """Ctrl-C and SIGTERM end a run without a trace."""
    before = scene.inventory()
    run, _ = moments.run_until(
        workers, f"{sent.name} {workers}", partial(find_victims, kind="controller")
    )
    if sent == signal.SIGINT:
        os.killpg(run.pid, sent)  # a terminal sends it to the whole group
    else:
        run.send_signal(sent)
    wait_until_ended(run)
    scene.await_nothing_left(before, promise.gone_timeout_s)
    unharmed()
