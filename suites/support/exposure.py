"""What can be reached, and where secrets got to: of processes on this machine, and of a cluster."""

from __future__ import annotations

import base64
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil

from fixtures.declared.promises import Exposure
from fixtures.settings import FoundationSettings
from groundwork.base import process
from groundwork.keep.messages import Status
from groundwork.kube.client import Kube
from groundwork.kube.pods import RESOURCE

__all__ = ["betrayed_by_pods", "betrayed_by_processes", "open_services", "open_sockets"]

SECRETS = FoundationSettings.secret_names()

# Whom they are for.
HOLDER = "hello-world"

# Files of servers that are larger hold records, not words.
FILE_BYTES_MAX = 8 * 1024 * 1024


# --- processes of this machine


def processes_of(environment: str) -> Iterator[tuple[str, psutil.Process]]:
    """The processes of an environment, each with the name of its resource."""
    for each in psutil.process_iter():
        try:
            token = each.environ().get(process.TOKEN, "")
        except psutil.Error:  # it has just ended, or isn't ours
            continue
        name, _, rest = token.partition(":")
        if name == environment:
            yield rest.partition(":")[0], each


def listening(each: psutil.Process) -> set[tuple[str, int]]:
    """The addresses and ports that a process listens on."""
    return {
        (socket.laddr.ip.removeprefix("::ffff:"), socket.laddr.port)
        for socket in each.net_connections(kind="inet")
        if socket.status == psutil.CONN_LISTEN
    }


def open_sockets(status: Status, promised: Exposure) -> list[str]:
    """Sockets that listen where nobody declared it, and ports that nobody opens, in words."""
    found: dict[str, set[tuple[str, int]]] = defaultdict(set)
    for resource, each in processes_of(status.folder.name):
        found[resource] |= listening(each)
    ready = [each for each in status.resources if each.state == "ready"]
    # All together: the relay listens on ports that the broker has told its clients of.
    declared = {number for each in ready for number in each.ports.values()}
    lines = [f"{each.name} has no process" for each in ready if each.name not in found]
    for resource, sockets in sorted(found.items()):
        for address, port in sorted(sockets):
            if address not in promised.addresses:
                wanted = ", ".join(promised.addresses)
                lines.append(f"{resource} listens on {address}:{port}; promised is {wanted}")
            if port not in declared:
                lines.append(f"{resource} listens on {address}:{port}, a port nobody declared")
    opened = {port for sockets in found.values() for _, port in sockets}
    lines += [
        f"{each.name} declares port {name} ({port}), where nobody listens"
        for each in ready
        for name, port in each.ports.items()
        if port not in opened
    ]
    return lines


def betrayed_by_processes(status: Status) -> list[str]:
    """Processes, arguments and files that have secrets which aren't theirs, in words."""
    own: dict[str, str] = {}
    others = []
    for resource, each in processes_of(status.folder.name):
        if resource == HOLDER:
            own |= {name: value for name, value in each.environ().items() if name in SECRETS}
        else:
            others.append((resource, each))
    lines = [f"{HOLDER} lacks {name}" for name in sorted(SECRETS - own.keys())]
    for resource, each in others:
        given = sorted(SECRETS & each.environ().keys())
        lines += [f"{resource} has a {name} in its environment" for name in given]
        text = "\0".join(each.environ().values())
        lines += [f"{resource} has {name} in its environment" for name in told(own, text)]
    for each in psutil.process_iter():
        try:
            arguments = "\0".join(each.cmdline())
        except psutil.Error:
            continue
        lines += [f"{each.name()} has {name} among its arguments" for name in told(own, arguments)]
    for file in files_of(status.folder):
        text = file.read_bytes().decode("utf-8", "replace")
        where = file.relative_to(status.folder)
        lines += [f"{name} is in the file {where}" for name in told(own, text)]
    return lines


def told(secrets: Mapping[str, str], text: str) -> list[str]:
    """The names of the secrets that a text tells."""
    return [name for name, value in secrets.items() if value in text]


def files_of(folder: Path) -> Iterator[Path]:
    """The files of an environment that words may be in: configurations, logs, its ledger."""
    for file in folder.rglob("*"):
        if file.is_file() and file.stat().st_size <= FILE_BYTES_MAX:
            yield file


# --- pods of a cluster


def open_services(kube: Kube, promised: Exposure) -> list[str]:
    """Ports of the cluster's nodes that lead to ours without a promise, in words."""
    lines = []
    for each in kube.objects.owned():
        if each.kind == "Service":
            spec = kube.objects.get("v1", "Service", each.name, each.namespace).to_dict()["spec"]
            name = f"{each.namespace}/{each.name}"
            opened = {port["nodePort"] for port in spec["ports"] if port.get("nodePort")}
            wanted = promised.node_ports.get(name, frozenset())
            if not opened <= wanted:
                lines.append(f"service {name} opens {sorted(opened)}; promised {sorted(wanted)}")
    for name, pod in pods_of(kube):
        if pod["spec"].get("hostNetwork") or pod["spec"].get("hostPID"):
            lines.append(f"pod {name} is in its node's own network or processes")
        lines += [
            f"pod {name} opens port {port['hostPort']} of its node"
            for container in pod["spec"]["containers"]
            for port in container.get("ports") or ()
            if port.get("hostPort")
        ]
    return lines


def betrayed_by_pods(kube: Kube) -> list[str]:
    """Pods, their logs and configurations that tell secrets, in words."""
    data = kube.objects.get("v1", "Secret", HOLDER, "services").to_dict()["data"]
    own = {name: base64.b64decode(value).decode() for name, value in data.items()}
    lines = [f"{HOLDER} lacks {name}" for name in sorted(SECRETS - own.keys())]
    pods = dict(pods_of(kube))
    for name, body in pods.items():
        lines += [f"pod {name} is told {each} in the clear" for each in told(own, json.dumps(body))]
        labels = body["metadata"]["labels"]
        if labels[RESOURCE] != HOLDER and HOLDER in secrets_of(body):
            lines.append(f"pod {name} is given the secret of {HOLDER}")
    for resource in {body["metadata"]["labels"][RESOURCE] for body in pods.values()}:
        for pod in kube.pods.of(resource):
            names = told(own, kube.pods.log(pod))
            lines += [f"{name} is in the log of pod {pod.name}" for name in names]
    for each in kube.objects.owned():
        if each.kind == "ConfigMap":
            body = kube.objects.get("v1", "ConfigMap", each.name, each.namespace).to_dict()
            found = told(own, json.dumps(body.get("data") or {}))
            lines += [f"config map {each.namespace}/{each.name} holds {name}" for name in found]
    return lines


def pods_of(kube: Kube) -> Iterator[tuple[str, dict[str, Any]]]:
    """The environment's pods, each with its namespace and name."""
    for each in kube.objects.listed(RESOURCE, "Pod"):
        body = kube.objects.get("v1", "Pod", each.name, each.namespace).to_dict()
        yield f"{each.namespace}/{each.name}", body


def secrets_of(pod: Mapping[str, Any]) -> set[str]:
    """The secrets that a pod's containers are given."""
    return {
        source["secretRef"]["name"]
        for container in pod["spec"]["containers"]
        for source in container.get("envFrom") or ()
        if source.get("secretRef")
    }
