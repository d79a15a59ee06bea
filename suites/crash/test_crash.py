"""Crash safety on the real environment: runs are killed at random moments.

The moments follow from a seed, which is printed; GROUNDWORK_SEED repeats them.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from fixtures.programs import JRE, KAFKA, MANIFESTS, ROOT
from groundwork import process
from groundwork.artifacts import Cache, default_cache_dir
from groundwork.errors import NotYetError
from groundwork.sweep import sweep
from groundwork.wait import Deadline, wait_for
from suites.crash.inventory import Inventory, take

SEED = int(os.environ.get("GROUNDWORK_SEED") or random.SystemRandom().randrange(10**6))
KILLS_EACH = 5

# A warm run takes about twelve seconds on two cores; starting and stopping are among them.
LATEST_KILL_S = 12.0

# From the promise: what a dead run has made is gone within 10 s.
GONE_TIMEOUT_S = 10.0
# Several times what a run takes, after which it must have ended by itself.
RUN_TIMEOUT_S = 180.0

DECOY_PORTS = (19_192, 19_193)

MARK = "GROUNDWORK_CRASH_TEST"


@dataclass
class Scene:
    """Folders that the runs of this session have to themselves, and the runs."""

    base: Path
    mark: str
    runs: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def environment(self) -> dict[str, str]:
        """The environment variables of a run."""
        name, _, value = self.mark.partition("=")
        return os.environ | {
            name: value,
            "GROUNDWORK_STATE_DIR": str(self.base / "state"),
            "GROUNDWORK_OUT_DIR": str(self.base / "out"),
            "TMPDIR": str(self.base / "tmp"),
        }

    def start(self, *args: str) -> subprocess.Popen[bytes]:
        """Begin a run of the smoke suite."""
        with (self.base / "run.log").open("wb") as log:
            run = subprocess.Popen(  # noqa: S603 - the run must be this process's own child
                [sys.executable, "-m", "pytest", "suites/smoke", "-p", "no:cacheprovider", *args],
                cwd=ROOT,
                env=self.environment(),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.runs.append(run)
        return run

    def log(self) -> str:
        """The last lines that the run printed."""
        return process.tail_of(self.base / "run.log", 30)

    def inventory(self) -> Inventory:
        """What there is now."""
        return take(self.mark, self.base / "state", self.base / "tmp")

    def await_nothing_left(self, before: Inventory) -> None:
        """Wait until there is nothing that was not there before."""

        def look() -> None:
            left = self.inventory().beyond(before)
            if left:
                raise NotYetError("; ".join(left))

        wait_for(
            look,
            deadline=Deadline.after(GONE_TIMEOUT_S),
            what="nothing to be left",
            describe=self.log,
        )


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    """Short paths, for the sockets in them."""
    base = Path(tempfile.mkdtemp(prefix="gw-crash-"))
    (base / "tmp").mkdir()
    made = Scene(base, f"{MARK}={base.name}")
    yield made
    for run in made.runs:
        if run.poll() is None:
            os.killpg(run.pid, signal.SIGKILL)
            run.wait()
    for name, errors in sweep(base / "state", kept=True):  # what a failed test has left
        print(name, errors)  # noqa: T201 - part of the failure's story
    shutil.rmtree(base)


@pytest.fixture(scope="module")
def decoy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[psutil.Process]:
    """Somebody else's Kafka, which looks like ours in everything but the environment's token."""
    folder = tmp_path_factory.mktemp("decoy")
    cache = Cache.open(default_cache_dir())
    jre, kafka = (each.resolve(cache, lambda _: None) for each in (JRE, KAFKA))
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
    yield psutil.Process(child.pid)
    child.stop(10)


def victims(run: subprocess.Popen[bytes], kind: str) -> list[psutil.Process]:
    """The processes that a kind of kill is meant for, as far as they exist now."""
    controller = psutil.Process(run.pid)
    children = controller.children(recursive=True)
    own = (["-m", "groundwork.porter"], ["-m", "groundwork.keeper"])  # one becomes the other
    keepers = [c for c in children if c.cmdline()[1:3] in own]
    workers = [c for c in controller.children() if c not in keepers]
    return {
        "controller": [controller],
        "worker": workers[:1],
        "keeper": keepers,
        "controller and keeper": [controller, *keepers] if keepers else [],
    }[kind]


@pytest.mark.parametrize("number", range(KILLS_EACH))
@pytest.mark.parametrize("kind", ["controller", "worker", "keeper", "controller and keeper"])
def test_nothing_is_left_after_a_kill(
    scene: Scene, decoy: psutil.Process, kind: str, number: int
) -> None:
    """No process, port, socket, temporary folder or ledger is left, and no stranger was touched."""
    moment_s = random.Random(f"{SEED} {kind} {number}").uniform(0.5, LATEST_KILL_S)  # noqa: S311
    print(f"seed {SEED}: {kind} after {moment_s:.2f} s")  # noqa: T201 - to repeat it
    before = scene.inventory()
    run = scene.start("-n", "2")
    time.sleep(moment_s)
    kill(run, kind)
    if kind == "worker":
        wait_until_ended(run)
    if kind != "controller and keeper":
        scene.await_nothing_left(before)
    else:
        wait_until_ended(run)
        following = scene.start("-k", "version")
        wait_until_ended(following)
        assert following.returncode == 0, scene.log()
        scene.await_nothing_left(before)
    assert decoy.is_running()
    assert decoy.status() != psutil.STATUS_ZOMBIE
    if kind == "controller":
        assert run.wait(RUN_TIMEOUT_S) == -signal.SIGKILL
    elif kind == "keeper":
        assert run.wait(RUN_TIMEOUT_S) == 6, scene.log()


def kill(run: subprocess.Popen[bytes], kind: str) -> None:
    """SIGKILL the victims as soon as there are any; the run must not end before."""

    def find() -> list[psutil.Process]:
        try:
            found = victims(run, kind)
        except psutil.Error as error:
            raise NotYetError("processes come and go") from error
        if not found:
            raise NotYetError(f"no {kind} yet")
        return found

    for victim in wait_for(
        find, deadline=Deadline.after(LATEST_KILL_S), what=f"a {kind} that can be killed"
    ):
        victim.kill()


def wait_until_ended(run: subprocess.Popen[bytes]) -> None:
    """Wait for a run's own end."""
    run.wait(RUN_TIMEOUT_S)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
@pytest.mark.parametrize("workers", ["0", "2"])
def test_nothing_is_left_after_a_signal(
    scene: Scene, decoy: psutil.Process, number: signal.Signals, workers: str
) -> None:
    """Ctrl-C and SIGTERM end a run without a trace."""
    moment_s = random.Random(f"{SEED} {number} {workers}").uniform(0.5, LATEST_KILL_S)  # noqa: S311
    print(f"seed {SEED}: {number.name} after {moment_s:.2f} s")  # noqa: T201 - to repeat it
    before = scene.inventory()
    run = scene.start("-n", workers)
    time.sleep(moment_s)
    if number == signal.SIGINT:
        os.killpg(run.pid, number)  # a terminal sends it to the whole group
    else:
        run.send_signal(number)
    wait_until_ended(run)
    scene.await_nothing_left(before)
    assert decoy.is_running()
