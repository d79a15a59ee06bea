"""An environment of tiny real processes: a spring, and a mill that needs it."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import requests
from pydantic import Field

from groundwork.base.errors import NotYetError, ProvisionError, TerminalStateError, UsageError
from groundwork.base.ledger import Ledger, Record
from groundwork.base.wait import Deadline, wait_for
from groundwork.checkers.hygiene import Noise
from groundwork.declare.arguments import Arguments
from groundwork.declare.capability import ProcessFaults
from groundwork.declare.endpoint import Endpoint
from groundwork.declare.environment import Environment
from groundwork.declare.job import Job
from groundwork.declare.logformat import LogFormat
from groundwork.declare.noise import load_noises
from groundwork.declare.resource import Resource
from groundwork.declare.settings import Settings
from groundwork.declare.stage import Stage
from groundwork.keep.chronicle import Chronicle
from groundwork.keep.events import Event

SERVER = Path(__file__).with_name("server.py")
# Of the server's own log; a run may declare another one, which nothing fits.
LOG_FORMAT = LogFormat(re.compile(os.environ.get("POND_LOG", r"(?P<at>\S+) (?P<level>[A-Z]+) ")))
OUTSIDER = Path(__file__).with_name("outsider.py")


@dataclass(frozen=True)
class Pond(ProcessFaults, Resource):
    """A small HTTP server in a process of its own."""

    name: str
    needs: tuple[str, ...] = ()
    wants: tuple[str, ...] = ()
    mode: str = ""
    on_demand: bool = False
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    ports: tuple[str, ...] = ("http",)
    ready_timeout_s: float = 20.0
    log_format: LogFormat | None = LOG_FORMAT

    def judge(self, stage: Stage) -> None:
        """Find the wheel wrong, or nothing; on a bench with others, wait for them."""
        if self.mode == "condemned":
            (stage.workdir / "wheel.yaml").touch()
            raise UsageError("wheel.yaml:3: 7 spokes aren't a wheel")
        if self.mode == "lawless":
            raise ZeroDivisionError("no law")
        if self.mode == "bench":
            bench = Path(os.environ["POND"])
            (bench / f"{self.name}.seat").touch()

            def seated() -> None:
                if len(list(bench.glob("*.seat"))) < 2:
                    raise NotYetError("alone")

            wait_for(seated, deadline=Deadline.after(self.ready_timeout_s), what="the other judge")

    def launch(self, stage: Stage) -> None:
        """Start the server, and one child that it forgets."""
        if self.mode == "refused":  # as by a host that finds somebody else's things in it
            raise ProvisionError("sea", "this water isn't ours")
        if self.mode == "puddle":
            puddle = Path(os.environ["POND"]) / "puddle"
            stage.intend("puddle", str(puddle), "pond:dry_up", log=f"{puddle}.log")
            puddle.touch()
        port = str(stage.ports["http"])
        insists = f"={stage.peer(self.needs[0]).ports['http']}" if self.mode == "frail" else ""
        stage.spawn([sys.executable, SERVER, port, self.mode + insists])

    def revive(self, stage: Stage, target: str) -> None:
        """Start it again, unless it has run dry."""
        if self.mode == "dry":
            raise OSError("no rain")
        super().revive(stage, target)

    def stop(self, stage: Stage, grace_s: float) -> None:
        """End it; where it is clogged, something stays."""
        super().stop(stage, grace_s)
        if self.mode == "clogged":
            raise OSError("full of leaves")

    def probe(self, stage: Stage) -> str:
        """It answers."""
        if self.mode == "dry" and not stage.identities():
            raise TerminalStateError("it is dry")
        answer = requests.get(f"http://127.0.0.1:{stage.ports['http']}/", timeout=2)
        if answer.status_code != requests.codes.ok:
            raise NotYetError(f"answers {answer.status_code}")
        if self.mode == "vague":
            return None  # type: ignore[return-value] # what a declaration without types may do
        return answer.text

    def endpoints(self, stage: Stage) -> dict[str, Endpoint]:
        """Its address, and those that it was told of."""
        told = {name: f"http://127.0.0.1:{stage.port_of(name, 'http')}" for name in self.wants}
        own = {"http": f"http://127.0.0.1:{stage.ports['http']}"}
        return {name: Endpoint(address) for name, address in (own | told).items()}


def dry_up(name: str, data: Mapping[str, str]) -> None:
    """Remove a puddle, and tell that it was asked to."""
    with Path(data["log"]).open("a") as file:
        file.write(f"{name}\n")
    Path(name).unlink(missing_ok=True)


class PondSettings(Settings):
    """One option beside the engine's own."""

    water: Literal["fresh", "salt"] = Field("fresh", description="what is in it: fresh or salt")


def resources(settings: Settings) -> tuple[Resource, ...]:
    """The spring and the mill; modes come from the test's environment variables.

    There is a lake, on demand, which the mill wants, where a mode for it is given.
    """
    del settings
    modes = filter(None, [os.environ.get("POND_LAKE")])
    lakes = tuple(Pond("lake", mode=mode, on_demand=True) for mode in modes)
    wants = tuple(lake.name for lake in lakes)
    return (
        Pond("spring", mode=os.environ.get("POND_SPRING", ""), secrets={"SOURCE": "under the oak"}),
        Pond("mill", needs=("spring",), wants=wants, mode=os.environ.get("POND_MILL", "")),
        *lakes,
    )


def kill_after(moment: str, victim: str) -> None:
    """Have the keeper, or the controller that is its parent, killed right after a transition.

    Args:
        moment: The transition's number, or its step and kind, such as ``intent/puddle``.
        victim: ``controller``, ``keeper`` or ``both``.
    """
    written = Ledger.append
    seen = 0

    def append(self: Ledger, record: Record) -> None:
        nonlocal seen
        written(self, record)
        seen += 1
        come = moment in {str(seen), f"{record.step}/{record.kind}"}
        if come and victim in {"controller", "both"}:
            os.kill(os.getppid(), signal.SIGKILL)
        if come and victim in {"keeper", "both"}:
            os.kill(os.getpid(), signal.SIGKILL)

    Ledger.append = append  # type: ignore[method-assign]


class Dagger:
    """Kills somebody at a step of a fault, when a file called ``dagger`` says VICTIM:NUMBER.

    Steps are what is put on record, and what is told, from the fault's own record on; each is
    written to a file called ``steps`` before. Victims are the process whose number a file of their
    name holds, or the keeper.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen = 0

    def draw(self) -> None:
        """From now on."""
        append, note = Ledger.append, Chronicle.note

        def appended(ledger: Ledger, record: Record) -> None:
            append(ledger, record)
            self.strike(f"record {record.step} {record.kind}", begins=record.step == "fault")

        def noted(chronicle: Chronicle, event: Event) -> None:
            note(chronicle, event)
            self.strike(f"event {event.event}")

        Ledger.append = appended  # type: ignore[method-assign, assignment]
        Chronicle.note = noted  # type: ignore[method-assign, assignment]

    def strike(self, step: str, *, begins: bool = False) -> None:
        """Something has happened: kill whoever is to die at it."""
        plan = self._folder / "dagger"
        if not plan.exists() or (not self._seen and not begins):
            return
        self._seen += 1
        with (self._folder / "steps").open("a") as file:
            file.write(f"{step}\n")
        victim, _, number = plan.read_text().partition(":")
        if self._seen < int(number):
            return
        plan.unlink()
        self._seen = 0
        pid = os.getpid() if victim == "keeper" else int((self._folder / victim).read_text())
        with contextlib.suppress(ProcessLookupError):  # it has just ended by itself
            os.kill(pid, signal.SIGKILL)


if "groundwork.keep.keeper" in sys.argv[0] or Path(sys.argv[0]).name == "keeper.py":
    PLAN = os.environ.get("POND_KILL", "")
    if PLAN:
        kill_after(PLAN.partition(":")[2], PLAN.partition(":")[0])
    if os.environ.get("POND_DAGGER"):
        Dagger(Path(os.environ["POND"])).draw()


class Breaking(Arguments):
    """What is to be broken, how, and for how long."""

    resource: str
    fault: Literal["kill", "pause"] = "kill"
    seconds: float = 0


def jobs(settings: Settings) -> tuple[Job, ...]:
    """One that breaks, one that can't be started; if wanted, one of the project's own modules."""
    del settings
    own = Job("own", lambda _: (sys.executable, "-c", "import pond; print(pond.__name__)"))
    return (
        *((own,) if os.environ.get("POND_OWN") else ()),
        Job(
            "break",
            lambda told: (sys.executable, OUTSIDER, told.resource, told.fault, str(told.seconds)),
            Breaking,
            limit_s=60,
            stop_grace_s=1,
        ),
        Job("missing", lambda _: ("/nowhere/program",)),
    )


def recovery_s(settings: Settings) -> Mapping[str, float]:
    """How long each may take to be well again; from the test's environment variables, too."""
    del settings
    given = os.environ.get("POND_RECOVERY", "")
    return {"spring": float(given)} if given else {}


def noises(settings: Settings) -> tuple[Noise, ...]:
    """What a test has listed."""
    file = Path(__file__).with_name("noise.yaml")
    known = {"spring", "mill"}
    return load_noises(file, known, file.parent, settings.public()) if file.exists() else ()


ENVIRONMENT = Environment(
    name="pond",
    settings=PondSettings,
    platforms=("local",),
    resources=resources,
    jobs=jobs,
    recovery_s=recovery_s,
    noises=noises,
)
