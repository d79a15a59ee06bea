"""The pytest plugin: hooks and options, nothing else.

It does nothing in a project that declares no environment in its pyproject.toml.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Generator
from contextlib import nullcontext
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from groundwork import hooks
from groundwork.base.errors import (
    ExitCode,
    GroundworkError,
    KeeperLostError,
    ResourceError,
    UsageError,
)
from groundwork.base.loopback import reach_directly
from groundwork.declare import environment
from groundwork.declare.environment import Declared
from groundwork.keep.claims import LIMIT_S
from groundwork.use import bundle
from groundwork.use.client import Handle
from groundwork.use.run import Run
from groundwork.use.session import EnvironmentSession, Needs
from groundwork.use.streams import open_streams, put
from groundwork.use.terminal import Terminal

__all__ = ["provides"]

# Standard error as it was before pytest began to capture it: for progress, from a thread.
terminal_key = pytest.StashKey[int]()

# Options by which pytest only answers a question about tests and fixtures: nothing starts for it.
QUESTIONS = ("showfixtures", "show_fixtures_per_test", "setupplan")

# Those for which not even what the user gave is looked at.
HELP = ("help", "version", "markers", "cacheshow")

declared_key = pytest.StashKey[Declared]()
session_key = pytest.StashKey[EnvironmentSession]()

DISTURBS = (
    "disturbs(*resources, limit_s=120): the test breaks these resources and has them for itself "
    "meanwhile, at most so long"
)
ALONE = "alone(limit_s=120): the test measures: no other test of the environment runs beside it"


def itself(handle: Handle) -> Handle:
    """What a fixture hands out where nothing is made of the handle."""
    return handle


def provides(resource: str, make: Callable[[Handle], object] = itself) -> object:
    """The session fixture that hands out a resource of the environment, ready.

    Assign it to a name in a conftest or a plugin; the fixture has that name::

        broker = provides("broker")
        prometheus = provides("prometheus", Prometheus.of)

    Tests that use it, directly or through other fixtures, make the engine start the resource at the
    end of collection; the fixture itself only awaits it.

    Args:
        resource: The resource's name in the declaration.
        make: Makes of its handle what tests get; by default they get the handle.
    """

    def fixture(groundwork_session: EnvironmentSession) -> object:
        return make(groundwork_session.await_ready(resource))

    fixture.__name__ = resource
    fixture.__doc__ = f"The resource {resource}, ready. {make.__doc__ or ''}".rstrip()
    fixture.__groundwork_resource__ = resource  # type: ignore[attr-defined]
    return pytest.fixture(scope="session")(fixture)


def uses(item: pytest.Item) -> frozenset[str]:
    """The resources behind a test's fixtures, and those that it disturbs."""
    found = set(disturbs(item))
    info = getattr(item, "_fixtureinfo", None)
    for definitions in info.name2fixturedefs.values() if info is not None else ():
        for definition in definitions:
            resource = getattr(definition.func, "__groundwork_resource__", None)
            if resource is not None:
                found.add(resource)
    return frozenset(found)


def disturbs(item: pytest.Item) -> frozenset[str]:
    """The resources that a test's markers say it breaks."""
    return frozenset(name for mark in item.iter_markers("disturbs") for name in mark.args)


def limit_of(mark: pytest.Mark, test: str) -> float:
    """How long a test wants what a marker gives it.

    Raises:
        pytest.UsageError: The marker says something else.
    """
    limit_s = mark.kwargs.get("limit_s", LIMIT_S)
    known = mark.kwargs.keys() <= {"limit_s"}
    if not known or not isinstance(limit_s, int | float) or not 0 < limit_s < float("inf"):
        given = ", ".join(f"{name}={value!r}" for name, value in mark.kwargs.items())
        raise pytest.UsageError(
            f"groundwork: {test}: @pytest.mark.{mark.name} takes limit_s=SECONDS, not {given}"
        )
    return float(limit_s)


def needs(item: pytest.Item) -> Needs:
    """What a test wants of the environment, by its fixtures and markers."""
    marks = [mark for name in ("disturbs", "alone") for mark in item.iter_markers(name)]
    limits_s = [limit_of(mark, item.nodeid) for mark in marks]
    alone = any(mark.name == "alone" for mark in marks)
    return Needs(uses(item), disturbs(item), alone, max(limits_s, default=LIMIT_S))


# --- options and configuration


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Add the hooks of our own."""
    pluginmanager.add_hookspecs(hooks)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(
    early_config: pytest.Config, parser: pytest.Parser
) -> Generator[None, None, None]:
    """Add the environment's options; here the project's root is known, and parsing is to come."""
    try:
        declared = environment.find(early_config.rootpath)
    except UsageError as error:
        raise pytest.UsageError(f"groundwork: {error}") from error
    if declared is not None:
        open_streams()
        early_config.stash[declared_key] = declared
        early_config.stash[terminal_key] = os.dup(2)
        group = parser.getgroup("groundwork", f"environment: {declared.environment.name}")
        for option in declared.environment.settings.options():
            group.addoption(option.flag, dest=f"groundwork_{option.field}", **option.arguments())
    try:
        yield
    except KeyboardInterrupt:
        if declared is None:
            raise
        put(sys.stderr, "groundwork: interrupted; nothing was started\n")
        raise SystemExit(pytest.ExitCode.INTERRUPTED) from None
    except pytest.fail.Exception as error:  # by far the likeliest way to fail in a conftest
        said = f"{error}".partition(".")[0]
        raise pytest.UsageError(
            f"groundwork: in a conftest: {said}: provides(NAME, make) is the fixture itself, to be "
            "assigned to a name, and no decorator"
        ) from error


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Check what the user gave, before anything starts."""
    for line in (DISTURBS, ALONE):
        config.addinivalue_line("markers", line)
    declared = config.stash.get(declared_key, None)
    if declared is None or any(getattr(config.option, name, False) for name in HELP):
        return
    reach_directly()
    worker = getattr(config, "workerinput", None)
    asked = any(getattr(config.option, name, False) for name in QUESTIONS)
    if asked and worker is not None:
        return
    if worker is not None:
        path = worker.get("groundwork_socket")
        terminal = Terminal(config.stash[terminal_key], quiet=True)
        socket = Path(path) if path else None
        own = EnvironmentSession(declared, terminal, socket=socket)
        own.unexpressed = [tuple(each) for each in worker.get("groundwork_unexpressed", [])]
        config.stash[session_key] = own
        SESSIONS.append(own)
        return
    fields = [option.field for option in declared.environment.settings.options()]
    try:
        settings = declared.settings({f: config.getoption(f"groundwork_{f}") for f in fields})
        unexpressed = declared.unexpressed(settings)
    except UsageError as error:
        raise pytest.UsageError(f"groundwork: {error}") from error
    if asked:
        return  # without a session every other hook does nothing
    run_id = bundle.new_run_id()
    terminal = Terminal(config.stash[terminal_key], quiet=config.option.verbose < 0)
    out_dir = bundle.out_root(declared.root, settings) / run_id
    own = EnvironmentSession(declared, terminal)
    own.run = Run(declared, settings, run_id, out_dir, own.listen)
    own.unexpressed = unexpressed
    config.stash[session_key] = own
    SESSIONS.append(own)
    own.only_collects = config.option.collectonly
    if own.only_collects:
        return
    if not config.option.verbose < 0:
        for reason in settings.decided:
            terminal.say(reason)
    config.hook.pytest_groundwork_configure(config=config, out_dir=out_dir)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell an xdist worker where the keeper will be."""
    session = node.config.stash.get(session_key, None)
    if session is not None and session.run is not None:
        try:
            session.workers.add(node)
            node.workerinput["groundwork_socket"] = str(session.run.open())
            node.workerinput["groundwork_unexpressed"] = session.unexpressed
        except UsageError as error:
            raise pytest.UsageError(f"groundwork: {error}") from error


@pytest.hookimpl(optionalhook=True)
def pytest_testnodeready(node: Any) -> None:
    """Remember that a worker has started."""
    session = node.config.stash.get(session_key, None)
    if session is not None:
        session.workers.ready(node)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Learn from a worker what its controller can't see."""
    session = node.config.stash.get(session_key, None)
    output = getattr(node, "workeroutput", None)
    if session is not None and output is not None:
        session.learn(output)


# --- collection


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what can't be expressed in this environment."""
    session = config.stash.get(session_key, None)
    if session is None or not session.unexpressed:
        return
    remaining, left_out = [], []
    for item in items:
        reasons = [why for tests, why in session.unexpressed if fnmatchcase(item.nodeid, tests)]
        if reasons:
            session.tally.left_out[item.nodeid] = reasons[0]
            left_out.append(item)
        else:
            remaining.append(item)
    if left_out:
        items[:] = remaining
        config.hook.pytest_deselected(items=left_out)


def pytest_deselected(items: list[pytest.Item]) -> None:
    """Count what won't run."""
    session = items[0].config.stash.get(session_key, None) if items else None
    if session is not None:
        session.tally.deselected += len(items)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Start what the selected tests need."""
    own = session.config.stash.get(session_key, None)
    if own is None or session.config.option.collectonly or is_controller(session.config):
        return
    wanted = [needs(item) for item in session.items]
    own.measures = any(each.alone for each in wanted)
    try:
        own.ask(frozenset[str]().union(*(each.used for each in wanted)))
    except UsageError as error:
        if own.run is not None:
            own.run.refusal = str(error)
            raise pytest.UsageError(f"groundwork: {error}") from error
        session.items.clear()  # the controller hears it from the keeper, and says it once
    except GroundworkError:
        own.asked = False  # each dependent test will say it, as its own error


def is_controller(config: pytest.Config) -> bool:
    """Whether this process only hands out tests to xdist's workers."""
    return bool(getattr(config.option, "numprocesses", None) or getattr(config.option, "tx", None))


# --- each test


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Wait for the resources of a test to be free; fail where one is dead."""
    session = item.config.stash.get(session_key, None)
    if session is not None:
        session.hold(item.nodeid, needs(item))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Tell a death of the infrastructure from a failure of the product."""
    session = item.config.stash.get(session_key, None)
    names = uses(item)
    try:
        with session.alarm.armed() if session is not None and names else nullcontext():
            result = yield
    except Exception as error:
        if session is not None and names and not isinstance(error, ResourceError):
            try:
                session.client().check(names, examine=True)
            except ResourceError as death:
                raise death from error
        raise
    if session is not None:
        session.passed = True
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let a test tell in one line what it lacked; the whole story stands once, at the end.

    A traceback through fixtures says nothing of why a server didn't start.
    """
    del item
    report = yield
    error = call.excinfo.value if call.excinfo is not None else None
    told = isinstance(error, ResourceError) and error.__cause__ is None
    if told or isinstance(error, KeeperLostError):  # of which each test that is left has one
        report.longrepr = f"{error}".partition("\n")[0]
    return report


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item) -> None:
    """Let other tests have the resources."""
    session = item.config.stash.get(session_key, None)
    if session is not None:
        session.release(uses(item))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Count outcomes; in the controller, reports of workers arrive here too."""
    for session in SESSIONS:
        session.tally.count(report.nodeid, report.when or "", report.outcome)


# Those of this process, for hooks that aren't told whose they are; the last one's is what runs.
SESSIONS: list[EnvironmentSession] = []


# --- the end


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """After the last test Ctrl-C is only heard: what is to come removes things."""
    try:
        return (yield)
    finally:
        own = session.config.stash.get(session_key, None)
        if own is not None:
            own.hearing.begin()


@pytest.hookimpl(tryfirst=True)
def pytest_keyboard_interrupt(excinfo: pytest.ExceptionInfo[BaseException]) -> None:
    """See to it that a run which was interrupted ends at once.

    Beside servers that are starting, a worker would take longer than all that is to be removed for
    a traceback through pytest, which nobody sees, and for looking at all objects for garbage.
    """
    for own in SESSIONS[-1:]:
        if own.run is None:
            excinfo.traceback = excinfo.traceback[-1:]
            gc.freeze()
        # What pytest itself interrupts for, such as an error of collection, is of a class below.
        own.tally.interrupted = excinfo.type is KeyboardInterrupt and not own.only_collects
        own.interrupt()


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None, object, object]:
    """Stop or keep the environment, after the last worker, and write the run down."""
    own = session.config.stash.get(session_key, None)
    if own is None:
        return (yield)
    own.hearing.begin()
    result = None
    try:
        result = yield
    except OSError as error:  # somebody's report, such as JUnit's
        if own.run is None:
            raise
        junit = getattr(session.config.option, "xmlpath", None)
        own.blame_output(error, Path(junit or own.run.out_dir))
    if own.run is None:
        output = getattr(session.config, "workeroutput", None)
        if output is not None:
            own.tell(output)
    else:
        session.exitstatus = conclude(session.config, own, int(session.exitstatus))
    return result


def conclude(config: pytest.Config, own: EnvironmentSession, exit_code: int) -> int:
    """In the controller: end the run and write it down; what it came to."""
    run = own.run
    if run is None:
        return exit_code
    exit_code = own.finish(exit_code)
    record = own.write(exit_code)
    if record is not None:
        config.hook.pytest_groundwork_finish(
            config=config,
            out_dir=run.out_dir,
            record=record,
            artifacts=own.tally.outcome.artifacts,
        )
    fault = own.output_fault and not run.refusal
    return ExitCode.INFRASTRUCTURE if fault else exit_code


@pytest.hookimpl(tryfirst=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """End a run that was broken off before its session had begun; hear Ctrl-C as before."""
    own = config.stash.get(session_key, None)
    if own is None:
        return
    if own.run is not None and not own.finished:
        conclude(config, own, ExitCode.INTERRUPTED if own.tally.interrupted else ExitCode.OK)
        for line in bundle.summary(own.run, own.tally) if own.tally.interrupted else ():
            put(sys.stderr, f"{line}\n")
    if own in SESSIONS:
        SESSIONS.remove(own)
    own.hearing.end()


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Show what ran, and what went wrong with it."""
    own = config.stash.get(session_key, None)
    if own is None or own.run is None:
        return
    for line in bundle.summary(own.run, own.tally):
        terminalreporter.write_line(line)
    if own.output_fault:
        terminalreporter.write_line(
            f"groundwork: infrastructure failure: output: {own.output_fault}; the results are "
            "those above: make room, or set GROUNDWORK_OUT_DIR to a folder elsewhere"
        )


@pytest.fixture(scope="session")
def groundwork_session(pytestconfig: pytest.Config) -> EnvironmentSession:
    """What this process has to do with the environment; most fixtures need only `provides`."""
    session = pytestconfig.stash.get(session_key, None)
    if session is None:
        raise UsageError("this project declares no environment in [tool.groundwork]")
    return session
