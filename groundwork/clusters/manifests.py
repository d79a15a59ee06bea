"""Manifests, read before anything renders them: which node ports they open."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from groundwork.base.errors import UsageError
from groundwork.base.reader import Reader, fault_of, load

__all__ = ["node_ports", "read"]

KUSTOMIZATION = "kustomization.yaml"


@cache
def node_ports(folder: Path) -> dict[str, int]:
    """The node ports of a kustomization's services, by the name of the service's port.

    Read, not rendered: a cluster has to know them before it is there, and patches don't count.

    Raises:
        UsageError: The folder holds no kustomization, something in it can't be read, or two ports
            have the same name.
    """
    found: dict[str, int] = {}
    for body in read(folder):
        if body.get("kind") == "Service":
            for port in body["spec"].get("ports", ()):
                if "nodePort" not in port:
                    continue
                name = port.get("name", "")
                if name in found:
                    raise UsageError(f"{folder}: two node ports are called {name!r}")
                found[name] = port["nodePort"]
    return found


def read(folder: Path) -> Iterator[dict[str, Any]]:
    """The objects in the files of a kustomization, and of those that it includes."""
    file = folder / KUSTOMIZATION
    try:
        for name in (load(file.read_text()) or {}).get("resources", ()):
            file = folder / name
            if file.is_dir():
                yield from read(file)
            else:
                bodies = yaml.load_all(file.read_text(), Loader=Reader)
                yield from (body for body in bodies if body)
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}") from error
    except yaml.YAMLError as error:
        line, problem = fault_of(error)
        context = getattr(error, "context", None)
        told = f"{context}, {problem}" if context and context not in problem else problem
        raise UsageError(f"{file}:{line}: {told}") from error
