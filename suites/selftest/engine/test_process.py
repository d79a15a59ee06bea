"""Processes: found whatever they do, ended when they should be, and never somebody else's."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from groundwork.base import process
from groundwork.base.errors import NotYetError
from groundwork.base.footprint import Footprint
from groundwork.base.process import Child, ProcessFailedError
from groundwork.base.wait import Deadline, wait_for

Start = Callable[..., Child]

# Many times what a process needs to start or end.
TIMEOUT_S = 30.0

# Enough for a look that misses one moment in six (that was measured) to miss one for certain.
LOOKS = 200


@pytest.fixture
def token(tmp_path: Path) -> Iterator[str]:
    """A token of this test's own; whatever carries it is ended."""
    mine = f"selftest-{os.getpid()}-{tmp_path.name}:"
    yield mine
    process.end(process.find_by_token(mine), grace_s=0)


@pytest.fixture
def start(token: str, tmp_path: Path) -> Iterator[Callable[..., Child]]:
    """Start a program that carries the token, an interpreter with a script."""
    started: list[Child] = []

    def begin(script: str, *, program: str = "/bin/sh", mark: str = "") -> Child:
        file = tmp_path / "script"
        file.write_text(script)
        env = process.plain_environment({process.TOKEN: token + mark})
        child = process.spawn([program, file], env=env, log=tmp_path / "log", cwd=tmp_path)
        started.append(child)
        return child

    yield begin
    for child in started:
        child.kill()


def written(path: Path) -> str:
    """The text of a file, once there is one."""

    def look() -> str:
        try:
            text = path.read_text()
        except FileNotFoundError:
            text = ""
        if not text:
            raise NotYetError("nothing yet")
        return text

    return wait_for(look, deadline=Deadline.after(TIMEOUT_S), what=path.name)


@pytest.mark.skipif("sys.platform != 'linux'", reason="what Linux shows of a starting process")
def test_a_process_is_found_while_it_is_being_executed(
    token: str, start: Start, tmp_path: Path
) -> None:
    """In the middle of execve() the kernel shows no environment, and a clean-up must not miss it.

    The process does nothing but execute itself, over and over.
    """
    child = start('exec /bin/sh "$0"\n')
    for look in range(LOOKS):
        found = process.find_by_token(token)
        ended = f"ended: {child.exit_code()}, {process.tail_of(tmp_path / 'log')}"
        assert found == (child.identity,), f"look {look}, {ended}"


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        pytest.param({"state": "R"}, "executed", id="new memory"),
        pytest.param({"state": "D"}, "executed", id="waiting for the disk"),
        pytest.param({"first": 64, "last": 64}, "executed", id="being counted"),
        pytest.param({"first": 64, "last": 96}, "executed", id="counted"),
        pytest.param({"first": 64, "last": 96, "end_code": 32}, "executed", id="set meanwhile"),
        pytest.param({"first": 64, "last": 64, "end_code": 32}, "empty", id="empty indeed"),
        pytest.param({"vsize": 0}, "empty", id="the kernel's own"),
        pytest.param({"state": "Z"}, "empty", id="ended"),
        pytest.param({"state": "X", "first": 64, "last": 64}, "empty", id="gone"),
    ],
)
def test_each_moment_of_an_execution_is_told(seen: dict[str, int | str], expected: str) -> None:
    """The moments that the kernel shows of one, as counted in two million looks at a process."""
    moment = {"state": "R", "vsize": 4096, "end_code": 0, "first": 0, "last": 0} | seen
    fields = ["0"] * 52  # of proc(5), counted there from 1
    fields[0], fields[1], fields[2] = "42", "(a) name)", str(moment["state"])
    fields[22], fields[26] = str(moment["vsize"]), str(moment["end_code"])
    fields[49], fields[50] = str(moment["first"]), str(moment["last"])
    told = process.is_being_executed(" ".join(fields).encode())
    assert told is (expected == "executed")


@pytest.mark.skipif("sys.platform != 'linux'", reason="what Linux shows of a process")
def test_an_environment_that_is_empty_is_no_execution(tmp_path: Path) -> None:
    """Such a process is passed over at once: an execution would be waited for."""
    argv = ["/bin/sh", "-c", "echo ready > ready; sleep 60; true"]
    child = process.spawn(argv, env={}, log=tmp_path / "log", cwd=tmp_path)
    try:
        written(tmp_path / "ready")
        stat = Path(f"/proc/{child.pid}/stat").read_bytes()
    finally:
        child.kill()
    assert not process.is_being_executed(stat)


def test_a_token_begins_with_its_run(token: str, start: Start) -> None:
    """The runs are told apart by what stands before the colon, and this process is never found."""
    child = start("sleep 60; true\n", mark="broker")
    assert child.identity in process.find_by_token(token)
    assert process.find_by_token(f"{token}relay") == ()
    assert process.find_by_token(token.replace("selftest", "other")) == ()


def test_an_identity_is_one_process_only() -> None:
    """A later process of the same pid isn't meant, so it is neither alive nor sent a signal."""
    me = process.myself()
    other = process.Identity(me.pid, me.start_ticks + 1, me.boot_id)
    assert me.alive()
    assert not other.alive()
    assert not process.send(other, signal.SIGKILL)
    assert process.argv_of(me) != []


def test_a_process_that_has_gone_has_no_command_line(tmp_path: Path) -> None:
    """As seen by whoever wanted to tell what it does."""
    child = process.spawn(["/bin/true"], env={}, log=tmp_path / "log")
    child.wait()
    assert process.argv_of(child.identity) == []
    assert process.identify(child.pid) is None


def test_an_unwilling_process_is_killed(start: Start, tmp_path: Path) -> None:
    """SIGTERM is ignored, SIGKILL can't be; a process that is paused is no exception."""
    child = start("trap '' TERM; echo ready > ready; while true; do sleep 0.05; done\n")
    written(tmp_path / "ready")
    child.signal(signal.SIGSTOP)
    process.end([child.identity], grace_s=0.2)
    assert child.wait() == -signal.SIGKILL


def test_a_footprint_is_that_of_a_process_and_its_children(start: Start, tmp_path: Path) -> None:
    """Memory of both, and the seconds of processors of both; what has ended takes nothing."""
    begin = "import os, signal; os.fork(); sum(range(10**7)); "
    told = f"open({str(tmp_path / 'done-')!r} + str(os.getpid()), 'w').write('x'); signal.pause()"
    child = start(begin + told, program=sys.executable)

    def look() -> list[process.Identity]:
        pids = [int(file.name.partition("-")[2]) for file in tmp_path.glob("done-*")]
        found = [each for pid in pids if (each := process.identify(pid)) is not None]
        if len(found) < 2:
            raise NotYetError(f"{len(found)} of 2 are done")
        return found

    parts = wait_for(look, deadline=Deadline.after(TIMEOUT_S), what="both")
    (forked,) = (each for each in parts if each != child.identity)
    both, one = process.footprint([child.identity]), process.footprint([forked])
    assert both.resident_bytes > one.resident_bytes > 1_000_000
    assert both.cpu_s > 1.5 * one.cpu_s > 0  # each has done as much as the other
    assert both.waited_s >= one.waited_s >= 0
    child.kill()
    process.await_end([forked], timeout_s=TIMEOUT_S, what="its child to end")
    assert process.footprint([child.identity, forked]) == Footprint()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts it")
def test_who_shares_a_processor_waits_for_it(start: Start) -> None:
    """Two that want one have half of it each, and wait for the other half."""
    script = "import os\nos.sched_setaffinity(0, {0})\nos.fork()\nwhile True: pass"
    child = start(script, program=sys.executable)

    def look() -> Footprint:
        found = process.footprint([child.identity])
        if found.cpu_s < 0.5:
            raise NotYetError(f"{found}")
        return found

    found = wait_for(look, deadline=Deadline.after(TIMEOUT_S), what="both to be busy")
    assert found.waited_s > found.cpu_s / 3


def test_a_command_that_takes_too_long_is_ended_with_its_children(
    token: str, tmp_path: Path
) -> None:
    """The whole group, and the error names the command and its time."""
    env = process.plain_environment({process.TOKEN: token})
    with pytest.raises(ProcessFailedError, match=r"sh -c .* took longer than 0\.5 s"):
        process.run(
            ["/bin/sh", "-c", "sleep 60 & sleep 60; true"], timeout_s=0.5, env=env, cwd=tmp_path
        )
    assert process.find_by_token(token) == ()


def test_a_cancelled_command_ends_early(token: str) -> None:
    """The run has ended meanwhile."""
    cancel = threading.Event()
    cancel.set()
    env = process.plain_environment({process.TOKEN: token})
    with pytest.raises(ProcessFailedError, match="was ended with the run"):
        process.run(["/bin/sleep", "60"], timeout_s=TIMEOUT_S, env=env, cancel=cancel)
    assert process.find_by_token(token) == ()


# A command that can't be killed at any moment: it ends a step that it has begun, and says so.
CAREFUL = "cat > /dev/null; sleep 0.3; echo whole > result\n"


def test_a_command_with_a_lifeline_ends_what_it_has_begun(token: str, tmp_path: Path) -> None:
    """It isn't killed in the middle: its standard input ends, and it has its time."""
    env = process.plain_environment({process.TOKEN: token})
    with pytest.raises(ProcessFailedError, match="took longer"):
        process.run(
            ["/bin/sh", "-c", CAREFUL],
            timeout_s=0.2,
            env=env,
            cwd=tmp_path,
            lifeline_s=TIMEOUT_S,
        )
    assert (tmp_path / "result").read_text() == "whole\n"


def test_a_command_that_overstays_its_lifeline_is_killed(token: str, tmp_path: Path) -> None:
    """Its time is limited, too."""
    env = process.plain_environment({process.TOKEN: token})
    with pytest.raises(ProcessFailedError, match="took longer"):
        process.run(["/bin/sleep", "60"], timeout_s=0.2, env=env, cwd=tmp_path, lifeline_s=0.2)
    assert process.find_by_token(token) == ()


def test_a_lifeline_ends_with_its_holder(start: Start, tmp_path: Path) -> None:
    """Whoever called is killed: the command sees it, and ends what it has begun."""
    program = (
        "from groundwork.base import process\n"
        f"process.run(['/bin/sh', '-c', 'echo $$ > begun; {CAREFUL.strip()}'], "
        f"timeout_s={TIMEOUT_S}, lifeline_s={TIMEOUT_S})\n"
    )
    holder = start(program, program=sys.executable)
    written(tmp_path / "begun")
    process.end([holder.identity], grace_s=0)
    assert written(tmp_path / "result") == "whole\n"


UTF8_LOCALES = ["C.UTF-8", "de_DE.UTF-8", "en_US.utf8"]
OTHER_LOCALES = ["", "C", "POSIX", "de_DE.ISO-8859-1", "de_DE"]


@pytest.mark.parametrize("name", ["LC_ALL", "LC_CTYPE", "LANG"])
@pytest.mark.parametrize("value", UTF8_LOCALES)
def test_a_locale_of_utf_8_is_passed_on(name: str, value: str) -> None:
    """The user's own: messages stay in the user's language."""
    assert process.locale_of({name: value}) == {name: value}


@pytest.mark.parametrize("name", ["LC_ALL", "LC_CTYPE", "LANG"])
@pytest.mark.parametrize("value", OTHER_LOCALES)
def test_whoever_starts_has_names_outside_of_ascii(
    name: str, value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A child of a run without such a locale reads and writes them all the same."""
    for each in ("LC_ALL", "LC_CTYPE", "LANG"):
        monkeypatch.delenv(each, raising=False)
    monkeypatch.setenv(name, value)
    target = tmp_path / "Größe"
    code = "import locale, sys; print(locale.getpreferredencoding()); open(sys.argv[1], 'w')"
    env = process.plain_environment({"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"})
    done = process.run([sys.executable, "-c", code, target], timeout_s=30, env=env)
    assert done.output.strip().upper() == "UTF-8"
    assert target.exists()
