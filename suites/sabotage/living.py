"""The environment whose servers are altered: where they are, how they are told to read again."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import yaml

from groundwork.base import process
from groundwork.base.errors import NotYetError
from groundwork.base.wait import Deadline, wait_for
from groundwork.keep.messages import ClientHello, Status
from groundwork.use.client import Client
from suites.support.metrics import samples_of

__all__ = ["Alteration", "Living"]

TIMEOUT_S = 15.0

# What each server's configuration is called, in its folder, and what tells when it was read.
CONFIGS = {"alertmanager": "alertmanager.yml", "prometheus": "prometheus.yml"}
READ_S = {
    "alertmanager": "alertmanager_config_last_reload_success_timestamp_seconds",
    "prometheus": "prometheus_config_last_reload_success_timestamp_seconds",
}


@dataclass(frozen=True)
class Living:
    """A kept environment.

    Attributes:
        status: How it was when it was begun.
        socket: Its keeper's.
    """

    status: Status
    socket: Path

    def expect_use(self) -> None:
        """Raise NotYetError unless a run uses it."""
        client = Client(self.socket, ClientHello())
        try:
            if not client.status().run:
                raise NotYetError("nobody does")
        finally:
            client.close()

    def endpoint(self, resource: str, name: str = "") -> str:
        """An address of a resource."""
        (found,) = (each for each in self.status.resources if each.name == resource)
        return found.endpoint(name)

    def folder(self, resource: str) -> Path:
        """Where a resource works."""
        return self.status.folder / "work" / resource

    def process(self, resource: str) -> psutil.Process:
        """The one process of a resource."""
        wanted = f"{self.status.folder.name}:{resource}:"
        found = []
        for each in psutil.process_iter():
            try:
                if each.environ().get(process.TOKEN, "").startswith(wanted):
                    found.append(each)
            except psutil.Error:  # it has just ended, or isn't ours
                continue
        (only,) = found
        return only

    def last_read_s(self, resource: str) -> float:
        """When a server has last read its configuration, by its own clock."""
        (sample,) = samples_of(f"{self.endpoint(resource)}/metrics", READ_S[resource])
        return float(sample.value)

    def reread(self, resource: str) -> None:
        """Have a server read its configuration again, and wait until it has."""
        before_s = self.last_read_s(resource)

        def read() -> None:
            self.process(resource).send_signal(signal.SIGHUP)
            if self.last_read_s(resource) == before_s:
                raise NotYetError("it has not")

        deadline = Deadline.after(TIMEOUT_S)
        wait_for(read, deadline=deadline, what=f"{resource} to read its configuration")

    @contextmanager
    def configured(self, resource: str, change: Callable[[Any], None]) -> Iterator[None]:
        """A server with a changed configuration; afterwards with its own."""
        with self.rewritten(self.folder(resource) / CONFIGS[resource], change, resource):
            yield

    @contextmanager
    def rewritten(self, file: Path, change: Callable[[Any], None], reader: str) -> Iterator[None]:
        """A file that a server reads, changed; afterwards as it was."""
        before = file.read_text()
        body = yaml.safe_load(before)
        change(body)
        file.write_text(yaml.safe_dump(body, sort_keys=False))
        self.reread(reader)
        try:
            yield
        finally:
            file.write_text(before)
            self.reread(reader)


# Something that is done to an environment, and undone at the end.
Alteration = Callable[[Living], AbstractContextManager[None]]
