"""The declaration of an environment, and how it is found.

A project names its declaration in pyproject.toml::

    [tool.groundwork]
    environment = "fixtures:ENVIRONMENT"

The pytest plugin, the keeper and the command ``groundwork`` import it; it imports no pytest.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import json
import sys
import tomllib
import traceback
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import groundwork
from groundwork.base.errors import GroundworkError, UsageError
from groundwork.base.graph import Graph
from groundwork.checkers.hygiene import Noise
from groundwork.declare.job import Job
from groundwork.declare.resource import Resource
from groundwork.declare.settings import Settings
from groundwork.declare.where import Exclusion

__all__ = ["Declared", "Environment", "find"]

# What the engine's optional parts are made of, and the extra of its package that has it.
EXTRAS = {
    "jgo": "maven",
    "kubernetes": "kubernetes",
    "numpy": "checkers",
    "pyarrow": "checkers",
    "pyhelm3": "kubernetes",
    "pytest_kind": "kubernetes",
    "uv": "build",
}


def _nothing_to_check(settings: Settings) -> None:
    """No files of the environment's own."""


def _no_sources(settings: Settings) -> Iterable[Path]:
    del settings
    return ()


def _nothing_to_decide(settings: Settings) -> Settings:
    return settings


def _no_jobs(settings: Settings) -> tuple[Job, ...]:
    del settings
    return ()


def _no_objectives(settings: Settings) -> Mapping[str, float]:
    del settings
    return {}


def _no_exclusions(settings: Settings) -> tuple[Exclusion, ...]:
    del settings
    return ()


def _no_noises(settings: Settings) -> tuple[Noise, ...]:
    del settings
    return ()


@dataclass(frozen=True)
class Environment:
    """Everything one run verifies, as declared.

    Attributes:
        name: Shown to people.
        resources: Settings to resources.
        settings: The settings' class: its fields are the environment's options.
        platforms: Those that are built; the others are refused by name.
        check: Looks at the syntax of the environment's files (rules, topics); raises UsageError
            with file and line. Runs before anything starts.
        sources: Files that the environment's behaviour depends on besides its own package.
        decide: Puts a value in the place of each ``auto``, and the reason into
            :attr:`Settings.decided`. Called before the others.
        jobs: The commands that the keeper runs for whoever asks; see :mod:`groundwork.declare.job`.
        recovery_s: The seconds in which a resource must be well again after a fault is healed, by
            its name; whatever isn't named has as long as its start may take.
        exclusions: The tests that can't be expressed, all of them; see
            :mod:`groundwork.declare.where`.
        noises: The error lines of logs that are as they should be, all of them; see
            :mod:`groundwork.declare.noise`.
    """

    name: str
    resources: Callable[[Settings], tuple[Resource, ...]]
    settings: type[Settings] = Settings
    platforms: tuple[str, ...] = ("local",)
    check: Callable[[Settings], None] = _nothing_to_check
    sources: Callable[[Settings], Iterable[Path]] = _no_sources
    decide: Callable[[Settings], Settings] = _nothing_to_decide
    jobs: Callable[[Settings], tuple[Job, ...]] = _no_jobs
    recovery_s: Callable[[Settings], Mapping[str, float]] = _no_objectives
    exclusions: Callable[[Settings], tuple[Exclusion, ...]] = _no_exclusions
    noises: Callable[[Settings], tuple[Noise, ...]] = _no_noises


@dataclass(frozen=True)
class Declared:
    """An environment together with the project that declares it."""

    root: Path
    reference: str
    environment: Environment

    @property
    def where(self) -> str:
        """The line of pyproject.toml that names the declaration, for people."""
        return naming(self.root, self.reference)

    def settings(self, options: Mapping[str, object]) -> Settings:
        """Read and check the settings, and all that can be checked before anything starts.

        Raises:
            UsageError: One line that says what to mend.
        """
        with blaming(self.where, self.root):
            settings = self.environment.settings.load(options, self.root)
            if settings.env not in self.environment.platforms:
                built = ", ".join(self.environment.platforms)
                raise UsageError(
                    f"--env {settings.env}: this platform is not built; built: {built}"
                )
            settings = self.environment.decide(settings)
        self.jobs(settings)
        with_ports = {each.name for each in self.resources(settings) if each.ports}
        for name in settings.port:
            if name not in with_ports:
                known = ", ".join(sorted(with_ports))
                raise UsageError(
                    f"--port {name}={settings.port[name]}: no such resource; known: {known}"
                )
        with blaming(self.where, self.root):
            self.environment.check(settings)
            self.environment.noises(settings)
        return settings

    def resources(self, settings: Settings) -> tuple[Resource, ...]:
        """The resources of these settings, checked.

        Raises:
            UsageError: They can't be an environment: something that isn't a resource, two of one
                name, a need or a host that isn't declared, needs in a circle.
        """
        with blaming(self.where, self.root):
            found = tuple(self.environment.resources(settings))
            strangers = [type(each).__name__ for each in found if not isinstance(each, Resource)]
            if strangers:
                raise UsageError(f"{self.where}: {strangers[0]} isn't a Resource: subclass it")
            names = [each.name for each in found]
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise UsageError(f"{self.where}: two resources are called {twice[0]!r}")
            for each in found:
                if each.host and each.host not in names:
                    raise UsageError(
                        f"{self.where}: {each.name} lives in {each.host}, which is not declared"
                    )
            Graph(
                {each.name: each.needs for each in found}, {each.name: each.wants for each in found}
            )
        return found

    def asked(self, settings: Settings, names: Collection[str] = ()) -> tuple[str, ...]:
        """The names of the resources that are asked for; of all but those on demand, unnamed.

        Raises:
            UsageError: One of them isn't declared for these settings.
        """
        known = self.resources(settings)
        there = {each.name for each in known}
        for name in names:
            if name not in there:
                raise UsageError(f"{name}: no such resource; known: {', '.join(sorted(there))}")
        return tuple(names) or tuple(each.name for each in known if not each.on_demand)

    def jobs(self, settings: Settings) -> tuple[Job, ...]:
        """The jobs of these settings, checked.

        Raises:
            UsageError: Two have the same name.
        """
        with blaming(self.where, self.root):
            found = self.environment.jobs(settings)
        names = [job.name for job in found]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise UsageError(f"{self.where}: there is more than one job called {', '.join(twice)}")
        return found

    def unexpressed(self, settings: Settings) -> list[tuple[str, str]]:
        """Patterns of tests that can't be expressed under these settings, each with its reason."""
        public = settings.public()
        with blaming(self.where, self.root):
            found = self.environment.exclusions(settings)
            return [(each.tests, each.reason) for each in found if each.applies(public)]

    def fingerprint(self, settings: Settings) -> str:
        """What a kept environment must have in common with a run that adopts it.

        Settings (without the fields that only concern the run), the environment's code and
        files, the artifacts' content keys and the engine's own code.
        """
        public = settings.public()
        for name in ("keep_env", "strict_env", "state_dir", "out_dir", "history_dir", "decided"):
            public.pop(name)
        digest = hashlib.sha256(json.dumps(public, sort_keys=True).encode())
        for resource in self.resources(settings):
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
        UsageError: It isn't there, can't be imported, or isn't an Environment.
    """
    module_name, separator, attribute = reference.partition(":")
    where = naming(root, reference)
    if not separator:
        raise UsageError(f"{where}: should be MODULE:ATTRIBUTE")
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    with blaming(where, root):
        module = importlib.import_module(module_name)
    if not hasattr(module, attribute):  # it may be another of the same name: the library's, say
        raise UsageError(f"{where}: {module.__file__ or module_name} has no {attribute}")
    environment = getattr(module, attribute)
    if not isinstance(environment, Environment):
        raise UsageError(f"{where}: is a {type(environment).__name__}, not an Environment")
    return Declared(root, reference, environment)


def naming(root: Path, reference: str) -> str:
    """How a project names its declaration, as the beginning of an error's line."""
    return f"{root / 'pyproject.toml'}: [tool.groundwork] environment = {reference!r}"


@contextlib.contextmanager
def blaming(where: str, root: Path) -> Iterator[None]:
    """Make one line of whatever a declaration raises: what, and in which line of the project.

    Raises:
        UsageError: The declaration has raised something.
    """
    try:
        yield
    except GroundworkError:
        raise
    except ImportError as error:
        package = (error.name or "").partition(".")[0]
        extra = EXTRAS.get(package)
        advice = f"; pip install 'groundwork[{extra}]'" if extra is not None else ""
        raise UsageError(f"{where}: {error}{place_of(error, root)}{advice}") from error
    except Exception as error:
        said = " ".join(str(error).split())
        text = f"{type(error).__name__}: {said}{place_of(error, root)}"
        raise UsageError(f"{where}: {text}") from error


def place_of(error: Exception, root: Path) -> str:
    """The last line of the project that an error came through; empty where there is none."""
    if isinstance(error, SyntaxError):
        return ""  # it tells by itself
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).is_relative_to(root)]
    return f" ({Path(own[-1].filename).relative_to(root)}:{own[-1].lineno})" if own else ""
