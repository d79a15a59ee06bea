"""Experiments: the files of the Chaos Toolkit, and what must be so before one breaks anything.

The toolkit looks at a file only when it runs, and bears much that proves nothing: nothing broken,
rollbacks that are skipped. What is wrong is told by file and line.
"""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from chaos import control
from chaos.completion import broken_in
from chaos.deeds import Injection
from chaos.witnesses import witnessed
from fixtures.declared.declarations import Located, read, validate
from fixtures.declared.interruption import Interruption
from fixtures.declared.objectives import Objectives, load_objectives
from fixtures.declared.rules import alerts_in, load_rules, rule_files
from fixtures.paths import ROOT
from groundwork.base.errors import UsageError
from groundwork.declare.capability import FAULTS

__all__ = ["EXPERIMENTS", "Experiment", "expect_all_sound", "expect_sound", "file_of", "names"]

EXPERIMENTS = ROOT / "chaos" / "experiments"

# The module that every experiment has for its control, and what does something to an environment.
CONTROL = "chaos.control"
INJECT = "inject"
DEEDS = frozenset({INJECT, "combine", "kill_handler", "leave_alone", "move_leaders"})

# What the toolkit calls of it, with what it tells besides the control's own arguments: where one of
# them can't be called, it says nothing.
HOOKS = (
    control.configure_control,
    control.before_experiment_control,
    control.after_activity_control,
    control.after_experiment_control,
)
TOLD = frozenset({"context", "experiment", "state"})

Text = Annotated[str, Field(min_length=1)]


class Part(BaseModel):
    """Something in an experiment; the toolkit knows more, and nothing else is used here."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Provider(Part):
    """What is called."""

    type: Literal["python"]
    module: Text
    func: Text
    arguments: dict[str, Any] = {}


class Pauses(Part):
    """For how long nothing is done, before and after an activity, in seconds."""

    before: Annotated[float, Field(ge=0)] = 0
    after: Annotated[float, Field(ge=0)] = 0


class Activity(Part):
    """One step."""

    name: Text
    type: Literal["action"]
    provider: Provider
    pauses: Pauses = Pauses()


class ControlProvider(Part):
    """The control, and what it is told."""

    type: Literal["python"]
    module: Text
    arguments: dict[str, Any] = {}


class Control(Part):
    """What goes along with an experiment."""

    name: Text
    provider: ControlProvider


class Rollbacks(Part):
    """When what was done is undone: always, for an experiment that is broken off, too."""

    strategy: Literal["always"]


class Runtime(Part):
    """How the toolkit goes about it."""

    rollbacks: Rollbacks


class Experiment(Part):
    """An experiment, as its file has it; :mod:`chaos.completion` has what goes around it."""

    title: Text
    description: Text
    controls: tuple[Control, ...]
    runtime: Runtime
    method: tuple[Activity, ...]

    def deeds(self, platform: str = "local") -> tuple[dict[str, Any], ...]:
        """What each step that does something is told on a platform."""
        steps = (each.provider for each in self.method)
        told = (each.arguments for each in steps if each.func in DEEDS)
        if platform == "local":
            return tuple(told)
        return tuple({**each, **each.get("in_a_cluster", {})} for each in told)

    def breaks(self) -> tuple[str, ...]:
        """The resources that are broken."""
        return tuple(sorted({name for each in self.deeds() for name in broken_in(each)}))

    @property
    def objective(self) -> str:
        """The name of what it is held to."""
        return str(self.controls[0].provider.arguments.get("objective", ""))


def names() -> tuple[str, ...]:
    """The names of all experiments."""
    return tuple(sorted(file.stem for file in EXPERIMENTS.glob("*.yaml")))


def file_of(named: str) -> Path:
    """The file of an experiment, by its name or its path.

    Raises:
        UsageError: There is none.
    """
    for file in (EXPERIMENTS / f"{named}.yaml", Path(named).absolute()):
        if file.is_file():
            return file
    raise UsageError(f"there is no experiment {named!r}; known: {', '.join(names())}")


def load(file: Path) -> tuple[Located, Experiment]:
    """Read an experiment, and where each part of it stands.

    Raises:
        UsageError: It isn't one; names file and line.
    """
    document = read(file)
    if document is None:
        raise UsageError(f"{file}:1: should be an experiment")
    return document, validate(document, Experiment)


def expect_sound(file: Path, objectives: Objectives | None = None) -> Experiment:
    """See that an experiment can be run, and shows something.

    Args:
        file: The experiment.
        objectives: What there are; read where they aren't told.

    Raises:
        UsageError: It can't; one line that names file and line.
    """
    document, experiment = load(file)
    for where, activity in zip(document.each("method"), experiment.method, strict=True):
        expect_callable(where, activity)
    if [each.provider.module for each in experiment.controls] != [CONTROL]:
        text = f"there should be one, of the module {CONTROL}"
        raise document.at(["controls"]).fault(f"controls: {text}")
    if len(experiment.deeds()) != 1:
        able = ", ".join(sorted(DEEDS))
        raise document.at(["method"]).fault(f"method: one thing should be done, by one of {able}")
    known = objectives or load_objectives()
    for where in document.each("controls"):
        expect_held(where, experiment, file, known)
    row = known.interruption[experiment.objective]
    for platform in row.only.env:
        expect_to_last(document, experiment, row, platform)
    return experiment


def expect_to_last(
    document: Located, experiment: Experiment, row: Interruption, platform: str
) -> None:
    """See that what is broken on a platform is so until everybody should have been told.

    Raises:
        UsageError: It is over before.
    """
    lasts_s = sum(float(each.get("seconds", 0)) for each in experiment.deeds(platform))
    for alert, within_s in row.on(platform).must.items():
        if lasts_s < within_s:
            raise document.at(["method"]).fault(
                f"method: it is over after {lasts_s:g} s, and {alert} may take {within_s:g} s"
            )


def expect_callable(where: Located, activity: Activity) -> None:
    """See that what an activity calls is there, and takes its arguments.

    Raises:
        UsageError: It isn't, or doesn't.
    """
    own = activity.provider
    try:
        module = importlib.import_module(own.module)
    except ImportError as error:
        raise where.fault(f"{activity.name}: there is no module {own.module}: {error}") from error
    known = sorted(getattr(module, "__all__", ()))
    if own.func not in known:
        what = f"{activity.name}: unknown {activity.type} {own.func!r}"
        raise where.fault(f"{what}; {own.module} has {', '.join(known)}")
    try:
        inspect.signature(getattr(module, own.func)).bind(**own.arguments)
    except TypeError as error:
        raise where.fault(f"{activity.name}: {own.func}: {error}") from error
    if own.func == INJECT:
        expect_witnessed(where, activity)


def expect_witnessed(where: Located, activity: Activity) -> None:
    """See that somebody can look at a fault, here and in a cluster.

    Raises:
        UsageError: Nobody can, or it is told something that no fault is.
    """
    told = activity.provider.arguments
    otherwise = told.get("in_a_cluster", {})
    try:
        Injection("", "", "", 0, 0).otherwise(otherwise)
    except TypeError as error:
        raise where.fault(f"{activity.name}: in_a_cluster: {error}") from error
    for own in (told, {**told, **otherwise}):
        fault, known = own["fault"], witnessed(str(own["resource"]))
        if fault not in known:
            able = [each.name for each in FAULTS if each.name in known]
            raise where.fault(
                f"{activity.name}: nobody can witness {fault!r}; known: {', '.join(able)}"
            )


def expect_held(where: Located, experiment: Experiment, file: Path, objectives: Objectives) -> None:
    """See that an experiment has an objective, of its own name.

    Raises:
        UsageError: It hasn't.
    """
    for hook in HOOKS:
        parameters = inspect.signature(hook)
        given = dict.fromkeys(TOLD & parameters.parameters.keys())
        try:
            parameters.bind(**given, **experiment.controls[0].provider.arguments)
        except TypeError as error:
            raise where.fault(f"controls: {error}") from error
    name = experiment.objective
    if name not in objectives.interruption:
        raise where.fault(f"objective: there is none of {name!r} in manifests/objectives.yaml")
    if file.parent == EXPERIMENTS and name != file.stem:
        raise where.fault(f"objective: {name} should be that of {file.stem}")


def expect_all_sound() -> None:
    """See that all experiments can be run, and that each row of the table is of one.

    Raises:
        UsageError: One line that names file and line.
    """
    objectives = load_objectives()
    for name in names():
        expect_sound(file_of(name), objectives)
    files = dict.fromkeys((*rule_files("local"), *rule_files("kind")))
    alerts = alerts_in(load_rules(files))
    for name, row in objectives.interruption.items():
        where = f"{objectives.experiments[name]}: interruption by {name}"
        if name not in names():
            raise UsageError(f"{where}: there is no such experiment; known: {', '.join(names())}")
        for alert in row.alerts:
            if alert not in alerts:
                known = ", ".join(sorted(alerts))
                raise UsageError(f"{where}: there is no alert {alert}; known: {known}")
