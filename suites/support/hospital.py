"""An environment without processes: real claims, faults and a ledger, on patients that bear all."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from groundwork.base.errors import GroundworkError
from groundwork.base.ledger import Ledger, read
from groundwork.declare.stage import Site
from groundwork.keep.claims import Claims
from groundwork.keep.events import Event
from groundwork.keep.faults import Faults
from groundwork.keep.health import Health
from groundwork.keep.jobs import Jobs
from groundwork.keep.messages import TakeClaim
from groundwork.keep.provisioner import Provisioner
from groundwork.keep.tenancy import Tenancy

__all__ = ["NEVER", "Hospital", "Patient"]

NEVER = threading.Event()


@dataclass
class Patient:
    """A resource that may be killed, asked to end, paused, exhausted and scaled.

    Attributes:
        broken: What it suffers at the moment.
        fails: Whether the next kill fails half-way.
        hangs: What a kill waits for before it comes to its end.
        stubborn: How often a revival fails.
    """

    broken: set[str] = field(default_factory=set)
    fails: bool = False
    hangs: threading.Event | None = None
    stubborn: int = 0

    def kill(self, _: object, target: str) -> None:
        """Break, and perhaps fail or hang half-way."""
        self.broken.add(f"kill {target}")
        if self.hangs is not None:
            self.hangs.wait(30)
            self.broken.add(f"kill {target}")  # whatever was done to it meanwhile
        if self.fails:
            raise GroundworkError("the hook failed half-way")

    def revive(self, _: object, target: str) -> None:
        """Heal, once or again."""
        if self.stubborn:
            self.stubborn -= 1
            raise GroundworkError("no rain")
        self.broken -= {f"kill {target}", f"terminate {target}"}

    def terminate(self, _: object, target: str) -> None:
        """Break."""
        self.broken.add(f"terminate {target}")

    def pause(self, _: object, target: str) -> None:
        """Break."""
        self.broken.add(f"pause {target}")

    def resume(self, _: object, target: str) -> None:
        """Heal, once or again."""
        self.broken.discard(f"pause {target}")

    def exhaust(self, _: object, target: str, *, spare: int) -> None:
        """Break, by a parameter."""
        self.broken.add(f"exhaust {target}{spare}")

    def replenish(self, _: object, target: str) -> None:
        """Heal, whatever the parameter was."""
        self.broken = {each for each in self.broken if not each.startswith(f"exhaust {target}")}

    def scale(self, _: object, target: str, *, replicas: int) -> None:
        """Break, by a parameter."""
        self.broken.add(f"scale {target}{replicas}")

    def scale_back(self, _: object, target: str) -> None:
        """Heal, whatever the parameter was."""
        self.broken = {each for each in self.broken if not each.startswith(f"scale {target}")}

    def bears(self, _: str) -> bool:
        """All that it has the hooks of."""
        return True

    def targets(self, _: object, fault: str) -> Collection[str]:
        """Its one node, whatever the fault."""
        del fault
        return {"node-1"}

    def observe(self, _: object) -> Mapping[str, str]:
        """What it suffers."""
        return {"node-1": ", ".join(sorted(self.broken)) or "well"}


class Ward:
    """What claims and faults need of a provisioner, and of its health."""

    def __init__(self, resources: dict[str, object]) -> None:
        self.resources = resources

    def stage(self, _: str) -> None:
        """Nobody's."""

    def started(self) -> tuple[str, ...]:
        """All of them."""
        return tuple(self.resources)

    def affected(self, names: Iterable[str]) -> tuple[str, ...]:
        """Nobody needs anybody."""
        return tuple(names)

    def excuse(self, name: str) -> None:
        """Nothing is held against anybody."""

    def expect_alive(self, names: frozenset[str]) -> None:
        """They are, whatever they suffer."""

    def check(self, names: frozenset[str], broken: frozenset[str], _: object) -> None:
        """See that what is given to others is whole."""
        for name in names - broken:
            patient = self.resources[name]
            assert not isinstance(patient, Patient) or patient.broken == set(), name


class Hospital:
    """Two patients, ``broker`` and ``relay``, and ``stone``, which bears nothing.

    Attributes:
        events: What was told.
    """

    NAMES = ("broker", "relay")

    def __init__(self, folder: Path) -> None:
        self.patients = {name: Patient() for name in self.NAMES}
        ward = Ward({**self.patients, "stone": object()})
        provisioner, health = cast("Provisioner", ward), cast("Health", ward)
        self.events: list[Event] = []
        self.claims = Claims()
        self.ledger = Ledger.create(folder)
        self.faults = Faults(provisioner, health, self.ledger, self.claims, self.events.append)
        note = self.events.append
        self.jobs = Jobs(cast("Site", None), {}, (), self.claims, note, lambda _: nullcontext())
        self.tenancy = Tenancy(self.claims, self.faults, self.jobs, provisioner, health, note)

    def claim(self, peer: int, exclusive: tuple[str, ...], shared: tuple[str, ...] = ()) -> str:
        """Have a connection hold something, and wait for nobody; the claim's key."""
        request = TakeClaim(f"test {peer}", exclusive, shared, 0.0)
        return self.tenancy.take(peer, request, NEVER)

    def open_by_ledger(self) -> set[str]:
        """The faults that are on record and not healed."""
        still: set[str] = set()
        for record in read(self.ledger.folder):
            if record.kind == "fault":
                (still.add if record.step == "fault" else still.discard)(record.name)
        return still

    def expect_whole(self) -> None:
        """Nothing is broken, held or waited for, by memory and by the ledger."""
        assert all(patient.broken == set() for patient in self.patients.values())
        assert self.claims.held() == ()
        assert self.claims.waiting() == ()
        assert self.open_by_ledger() == set()
