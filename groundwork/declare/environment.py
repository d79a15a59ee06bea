"""The declaration of an environment, and how it is found.

A project names its declaration in pyproject.toml::

    [tool.groundwork]
    environment = "fixtures:ENVIRONMENT"

The pytest plugin, the keeper and ``python -m groundwork`` import it; it imports no pytest.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import sys
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import groundwork
from groundwork.base.errors import UsageError
from groundwork.base.graph import Graph
from groundwork.declare.resource import Resource
from groundwork.declare.settings import Settings
from groundwork.declare.where import Exclusion

__all__ = ["Declared", "Environment", "find"]


def _nothing_to_check(settings: Settings) -> None:
    """No files of the environment's own."""


def _no_sources(settings: Settings) -> Iterable[Path]:
    del settings
    return ()


def _nothing_to_decide(settings: Settings) -> Settings:
    return settings


def _no_exclusions(settings: Settings) -> tuple[Exclusion, ...]:
    del settings
    return ()


@dataclass(frozen=True)
class Environment:
    """Everything one run verifies, as declared.

    Attributes:
        name: Shown to people.
        settings: The settings' class: its fields are the environment's options.
        platforms: Those that are built; the others are refused by name.
        resources: Settings to resources.
        check: Looks at the syntax of the environment's files (rules, topics); raises UsageError
            with file and line. Runs before anything starts.
        sources: Files that the environment's behaviour depends on besides its own package.
        decide: Puts a value in the place of each ``auto``, and the reason into
            :attr:`Settings.decided`. Called before the others.
        exclusions: The tests that can't be expressed, all of them; see
            :mod:`groundwork.declare.where`.
    """

    name: str
    settings: type[Settings]
    platforms: tuple[str, ...]
    resources: Callable[[Settings], tuple[Resource, ...]]
    check: Callable[[Settings], None] = _nothing_to_check
    sources: Callable[[Settings], Iterable[Path]] = _no_sources
    decide: Callable[[Settings], Settings] = _nothing_to_decide
    exclusions: Callable[[Settings], tuple[Exclusion, ...]] = _no_exclusions


@dataclass(frozen=True)
class Declared:
    """An environment together with the project that declares it."""

    root: Path
    reference: str
    environment: Environment

    def settings(self, options: Mapping[str, object]) -> Settings:
        """Read and check the settings, and all that can be checked before anything starts.

        Raises:
            UsageError: One line that says what to mend.
        """
        settings = self.environment.settings.load(options, self.root)
        if settings.env not in self.environment.platforms:
            built = ", ".join(self.environment.platforms)
            raise UsageError(
                f"--env {settings.env}: this platform is not built yet; built: {built}"
            )
        settings = self.environment.decide(settings)
        resources = self.environment.resources(settings)
        Graph({resource.name: resource.needs for resource in resources})
        with_ports = {resource.name for resource in resources if resource.ports}
        for name in settings.port:
            if name not in with_ports:
                known = ", ".join(sorted(with_ports))
                raise UsageError(
                    f"--port {name}={settings.port[name]}: no such resource; known: {known}"
                )
        self.environment.check(settings)
        return settings

    def unexpressed(self, settings: Settings) -> list[tuple[str, str]]:
        """Patterns of tests that can't be expressed under these settings, each with its reason."""
        public = settings.public()
        found = self.environment.exclusions(settings)
        return [(each.tests, each.reason) for each in found if each.applies(public)]

    def fingerprint(self, settings: Settings) -> str:
        """What a kept environment must have in common with a run that adopts it.

        Settings (without the fields that only concern the run), the environment's code and
        files, the artifacts' content keys and the engine's own code.
        """
        public = settings.public()
        for name in ("keep_env", "strict_env", "state_dir", "out_dir", "decided"):
            public.pop(name)
        digest = hashlib.sha256(json.dumps(public, sort_keys=True).encode())
        for resource in self.environment.resources(settings):
            for artifact in resource.artifacts:
                digest.update(f"{resource.name}:{artifact.name}:{artifact.key()}\n".encode())
        package = self.root / self.reference.partition(":")[0].replace(".", "/")
        own = [*package.rglob("*.py"), *Path(groundwork.__file__).parent.rglob("*.py")]
        for path in sorted([*own, *self.environment.sources(settings)]):
            digest.update(str(path).encode() + b"\0" + path.read_bytes())
        return digest.hexdigest()[:16]


def find(start: Path) -> Declared | None:
    """The declaration of the project that ``start`` lies in; None where there is none.

    Raises:
        UsageError: pyproject.toml names a declaration that can't be imported.
    """
    for folder in (start, *start.parents):
        file = folder / "pyproject.toml"
        if file.is_file():
            with file.open("rb") as stream:
                try:
                    table = tomllib.load(stream).get("tool", {}).get("groundwork")
                except tomllib.TOMLDecodeError as error:
                    raise UsageError(f"{file}: {error}") from error
            if table is not None:
                return load(folder, str(table.get("environment", "")))
    return None


def load(root: Path, reference: str) -> Declared:
    """Import ``module:ATTRIBUTE`` with the project's root on the import path.

    Raises:
        UsageError: It isn't there, or isn't an Environment.
    """
    module_name, separator, attribute = reference.partition(":")
    where = f"{root / 'pyproject.toml'}: [tool.groundwork] environment = {reference!r}"
    if not separator:
        raise UsageError(f"{where}: should be MODULE:ATTRIBUTE")
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    try:
        environment = getattr(importlib.import_module(module_name), attribute)
    except (ImportError, AttributeError) as error:
        raise UsageError(f"{where}: {error}") from error
    if not isinstance(environment, Environment):
        raise UsageError(f"{where}: is a {type(environment).__name__}, not an Environment")
    return Declared(root, reference, environment)
