"""Processes: the only module that starts, identifies or ends one.

A process is identified by its pid, its start time in ticks and the machine's boot id: a pid alone
is reused, and a wall clock can be set. Everything spawned carries a run token in its environment,
so that a process whose identity was never recorded can still be found.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import psutil

from groundwork.base.errors import GroundworkError, NotYetError, WaitTimeoutError
from groundwork.base.footprint import NS_PER_S, Footprint
from groundwork.base.wait import Deadline, wait_for

__all__ = [
    "TOKEN",
    "Child",
    "Completed",
    "Identity",
    "ProcessFailedError",
    "argv_of",
    "await_end",
    "end",
    "find_by_token",
    "footprint",
    "identify",
    "plain_environment",
    "run",
    "spawn",
    "waited_for_s",
]

# The environment variable that marks everything an environment has started.
TOKEN = "GROUNDWORK_TOKEN"  # noqa: S105 - a name, not a password

# What a server needs of the user's environment. Nothing else is passed on: a secret that the user
# has exported must not reach a resource that has no use for it.
# Where lines are counted (make coverage), those of jobs and of runs within runs are, too.
COUNTED = ("COVERAGE_PROCESS_CONFIG", "COVERAGE_PROCESS_START")

PASSED_ON = ("HOME", "LOGNAME", "PATH", "SHELL", "TMPDIR", "TZ", "USER", *COUNTED)

# The one that is there on every system; Java and others can't name files outside of ASCII without.
UTF8 = "en_US.UTF-8" if sys.platform == "darwin" else "C.UTF-8"

# How long the kernel may take to reap what was sent SIGKILL; a process in an uninterruptible
# read on a slow disk needs a moment.
REAP_TIMEOUT_S = 10.0

# How long execve() may go on with an environment that can't be seen yet: some 100 us, but it was
# seen waiting for a busy disk in the middle, as what is reaped does.
EXEC_TIMEOUT_S = REAP_TIMEOUT_S


class ProcessFailedError(GroundworkError):
    """A short command ended with an error, or not at all; the text holds its last output.

    Attributes:
        output: All that it said, where it ended by itself.
    """

    def __init__(self, message: str, output: str = "") -> None:
        super().__init__(message)
        self.output = output


@dataclass(frozen=True)
class Identity:
    """One process, told apart from any later one with the same pid."""

    pid: int
    start_ticks: int
    boot_id: str

    def alive(self) -> bool:
        """Whether this very process still runs (a zombie has ended)."""
        return identify(self.pid) == self

    def as_record(self) -> dict[str, int | str]:
        """The identity as JSON holds it."""
        return asdict(self)


@dataclass(frozen=True)
class Completed:
    """What a short command left."""

    argv: tuple[str, ...]
    returncode: int
    output: str


@cache
def boot_id() -> str:
    """An identifier of this boot of the machine."""
    path = Path("/proc/sys/kernel/random/boot_id")
    if path.exists():
        return path.read_text().strip()
    return f"{psutil.boot_time():.0f}"


def identify(pid: int) -> Identity | None:
    """The identity of the living process ``pid``, or None where there is none."""
    if sys.platform == "linux":
        try:
            stat = Path(f"/proc/{pid}/stat").read_bytes()
        except OSError:
            return None
        fields = _fields_of(stat)
        state, start_ticks = fields[0], int(fields[19])
        return None if state in (b"Z", b"X") else Identity(pid, start_ticks, boot_id())
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return Identity(pid, int(process.create_time() * 1_000_000), boot_id())
    except psutil.Error:
        return None


def ticks_now() -> int:
    """Now, on the clock that an identity's ``start_ticks`` are read from."""
    if sys.platform == "linux":
        return int(time.clock_gettime(time.CLOCK_BOOTTIME) * os.sysconf("SC_CLK_TCK"))
    return int(time.time() * 1_000_000)


def myself() -> Identity:
    """The identity of the calling process."""
    identity = identify(os.getpid())
    if identity is None:  # can't be: the caller lives
        raise ProcessFailedError("the operating system does not show this very process")
    return identity


def find_by_token(prefix: str) -> tuple[Identity, ...]:
    """The processes whose run token begins with ``prefix``; this process is never among them."""
    found = []
    for pid in psutil.pids():
        if pid != os.getpid() and _token_of(pid).startswith(prefix):
            identity = identify(pid)
            if identity is not None:
                found.append(identity)
    return tuple(found)


def argv_of(identity: Identity) -> list[str]:
    """The command line of a process; empty once it is gone."""
    try:
        return list(psutil.Process(identity.pid).cmdline())
    except psutil.Error:
        return []


def _token_of(pid: int) -> str:
    """The run token of a process, empty where it has none or may not be read."""
    if sys.platform == "linux":
        for entry in _environ_of(pid).split(b"\0"):
            if entry.startswith(b"GROUNDWORK_TOKEN="):
                return entry.partition(b"=")[2].decode(errors="replace")
        return ""
    try:
        return psutil.Process(pid).environ().get(TOKEN, "")
    except (psutil.Error, OSError):
        return ""


def _environ_of(pid: int) -> bytes:
    """A process's environment as Linux shows it; empty where it has none or may not be read.

    While a process is inside of execve() the kernel shows an empty one. A fork of a keeper that
    died in that moment would be taken for somebody else's: it is looked at again.
    """

    def look() -> bytes:
        try:
            environ = Path(f"/proc/{pid}/environ").read_bytes()
            if environ:
                return environ
            stat = Path(f"/proc/{pid}/stat").read_bytes()
        except OSError:
            return b""
        if is_being_executed(stat):
            raise NotYetError(f"process {pid} is being executed")
        return b""

    try:
        return wait_for(look, deadline=Deadline.after(EXEC_TIMEOUT_S), what="a process's start")
    except WaitTimeoutError:
        return b""  # stuck in the kernel for so long: nobody can tell whose it is, nor end it


def is_being_executed(stat: bytes) -> bool:
    """Whether the process of ``/proc/PID/stat`` has an environment that can't be seen yet.

    By proc(5) and what was seen: inside of execve() the environment's first and last address are 0,
    then both the first, while the kernel counts through it; the code's end is set only after that.
    Once it is, equal addresses are an environment that is empty indeed.
    """
    fields = _fields_of(stat)
    state, vsize, end_code = fields[0], int(fields[20]), int(fields[24])
    first, last = int(fields[47]), int(fields[48])
    of_the_kernel = vsize == 0  # a thread of its own, or what is left of a process that has ended
    return state not in (b"Z", b"X") and not of_the_kernel and (first != last or end_code == 0)


def _fields_of(stat: bytes) -> list[bytes]:
    """The fields of ``/proc/PID/stat`` from the third, the state, on.

    They are counted behind the command's name, which may hold spaces and brackets.
    """
    return stat.rpartition(b")")[2].split()


def footprint(identities: Iterable[Identity]) -> Footprint:
    """What the processes and their descendants take together; the dead take nothing."""
    total = Footprint()
    for identity in identities:
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(identity.pid)
            if identify(identity.pid) == identity:
                members = [process, *process.children(recursive=True)]
                for member in members:
                    with contextlib.suppress(psutil.Error):
                        used = member.cpu_times()
                        cpu_s = used.user + used.system
                        threads = Path(f"/proc/{member.pid}/task")
                        waited_s = sum(waited_for_s(each) for each in threads.glob("*"))
                        total += Footprint(member.memory_info().rss, cpu_s, waited_s)
    return total


def waited_for_s(thread: Path) -> float:
    """Seconds in which a thread waited for a processor; 0 where it has ended, or nobody counts.

    Args:
        thread: Its folder, ``/proc/PID/task/TID``, in which ``schedstat`` has nanoseconds.
    """
    try:
        return int((thread / "schedstat").read_text().split()[1]) / NS_PER_S
    except (OSError, IndexError):
        return 0.0


def plain_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """The environment of a resource: the few variables every program needs, and ``extra``."""
    passed = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    return passed | locale_of(os.environ) | dict(extra)


def locale_of(environ: Mapping[str, str]) -> dict[str, str]:
    """The user's locale where its characters are UTF-8's; else one that has them."""
    names = ("LC_ALL", "LC_CTYPE", "LANG")  # the first that isn't empty holds
    chosen = next((environ[name] for name in names if environ.get(name)), "")
    if chosen.lower().replace("-", "").endswith("utf8"):
        return {name: environ[name] for name in names if environ.get(name)}
    kept = {"LANG": environ["LANG"]} if environ.get("LANG") else {}
    return kept | {"LC_CTYPE": UTF8}


class Child:
    """A process that this one has started, in a session of its own."""

    def __init__(self, popen: subprocess.Popen[bytes], identity: Identity) -> None:
        self._popen = popen
        self.identity = identity

    @property
    def pid(self) -> int:
        """The process id, which is also that of its process group."""
        return self.identity.pid

    def exit_code(self) -> int | None:
        """The exit code, negative for a signal's number; None while it runs."""
        return self._popen.poll()

    def wait(self) -> int:
        """Block until the process has ended (its keeper's thread does): the exit code."""
        return self._popen.wait()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process and to all of its group."""
        if self._popen.poll() is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, number)

    def stop(self, grace_s: float) -> bool:
        """SIGTERM, then SIGKILL after ``grace_s`` seconds; whether it went by itself."""
        self.signal(signal.SIGCONT)  # a paused process can't handle anything else
        self.signal(signal.SIGTERM)
        willing = True
        try:
            self._popen.wait(timeout=grace_s)
        except subprocess.TimeoutExpired:
            willing = False
        self.kill()
        return willing

    def kill(self) -> None:
        """SIGKILL to the whole group, and reap."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self._popen.wait(timeout=REAP_TIMEOUT_S)


def spawn(
    argv: Sequence[str | Path],
    *,
    env: Mapping[str, str],
    log: Path,
    cwd: Path | None = None,
    stdin: bytes = b"",
    pass_fds: Sequence[int] = (),
) -> Child:
    """Start a long-running process in a session of its own; its output goes to ``log``.

    Raises:
        ProcessFailedError: The program doesn't exist or may not be executed.
    """
    with log.open("ab") as output:
        try:
            popen = subprocess.Popen(  # noqa: S603 - argument lists only, never a shell
                [str(part) for part in argv],
                env=dict(env),
                cwd=cwd,
                stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=pass_fds,
            )
        except OSError as error:
            raise ProcessFailedError(f"can't start {argv[0]}: {error.strerror}") from error
    if popen.stdin is not None:
        with contextlib.suppress(BrokenPipeError):  # its exit code says more than the pipe
            popen.stdin.write(stdin)
            popen.stdin.flush()
        with contextlib.suppress(BrokenPipeError):
            popen.stdin.close()
    # A child that has ended already is a zombie until it is reaped, so its pid is still its own.
    identity = identify(popen.pid) or Identity(popen.pid, 0, boot_id())
    return Child(popen, identity)


def run(
    argv: Sequence[str | Path],
    *,
    timeout_s: float,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    cancel: threading.Event | None = None,
    check: bool = True,
    lifeline_s: float = 0.0,
) -> Completed:
    """Run a short command to its end and return its output (standard error included).

    Args:
        argv: The program and its arguments.
        timeout_s: After that the command's whole process group is killed.
        cwd: The current folder of the command.
        env: Its environment; by default this process's own (build tools need it all).
        cancel: Ends the command early when it is set.
        check: Whether an exit code other than 0 is an error.
        lifeline_s: Its standard input is a pipe that ends when this process does, however it ends:
            for a command that must not outlive it and sees to that itself, within that many
            seconds. 0 for a command that can be killed at any moment.

    Raises:
        ProcessFailedError: It can't be started, failed, or took longer than ``timeout_s``.
    """
    words = tuple(str(part) for part in argv)
    reading, writing = os.pipe() if lifeline_s else (subprocess.DEVNULL, None)
    try:
        popen = subprocess.Popen(  # noqa: S603 - argument lists only, never a shell
            words,
            env=None if env is None else dict(env),
            cwd=cwd,
            stdin=reading,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        raise ProcessFailedError(f"can't start {words[0]}: {error.strerror}") from error
    finally:
        if lifeline_s:
            os.close(reading)
    try:
        output = _output_of(popen, timeout_s, cancel)
    except BaseException:
        if writing is not None:  # it ends by itself, and knows how
            os.close(writing)
            writing = None
            with contextlib.suppress(subprocess.TimeoutExpired):
                popen.communicate(timeout=lifeline_s)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(popen.pid, signal.SIGKILL)
        popen.communicate(timeout=REAP_TIMEOUT_S)
        raise
    finally:
        if writing is not None:
            os.close(writing)
    text = output.decode(errors="replace")
    if check and popen.returncode != 0:
        said = tail(text)
        last = said.rpartition("\n")[2]  # errors are told in one line where there is room for one
        raise ProcessFailedError(
            f"{Path(words[0]).name} failed with exit code {popen.returncode}: {last}\n"
            f"the command was: {' '.join(words)}\n{said}",
            output=text,
        )
    return Completed(words, popen.returncode, text)


def _output_of(
    popen: subprocess.Popen[bytes], timeout_s: float, cancel: threading.Event | None
) -> bytes:
    """Read a command's output until it ends, looking at ``cancel`` a few times a second."""
    deadline = time.monotonic() + timeout_s
    while True:
        left_s = deadline - time.monotonic()
        if left_s <= 0:
            raise ProcessFailedError(
                f"{command_of(popen)} took longer than {timeout_s:g} s and was killed"
            )
        try:
            return popen.communicate(timeout=min(left_s, 0.2))[0]
        except subprocess.TimeoutExpired:
            if cancel is not None and cancel.is_set():
                raise ProcessFailedError(f"{command_of(popen)} was ended with the run") from None


def command_of(popen: subprocess.Popen[bytes]) -> str:
    """The command of a process, for a message."""
    return " ".join(popen.args) if isinstance(popen.args, tuple) else str(popen.args)


def tail(text: str, lines: int = 20) -> str:
    """The last lines of a text: what an error message quotes."""
    return "\n".join(text.rstrip().splitlines()[-lines:])


def tail_of(log: Path, lines: int = 20) -> str:
    """The last lines of a log file; 64 KiB hold 20 lines of any server we know."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 65_536))
            return tail(file.read().decode(errors="replace"), lines)
    except OSError:
        return ""


def send(identity: Identity, number: signal.Signals) -> bool:
    """Send a signal to this very process, never to a later one of the same pid."""
    try:
        if sys.platform == "linux":
            # The descriptor holds on to the process, so nobody can take over its pid in between.
            descriptor = os.pidfd_open(identity.pid)
            try:
                if identify(identity.pid) != identity:
                    return False
                signal.pidfd_send_signal(descriptor, number)
            finally:
                os.close(descriptor)
        elif identify(identity.pid) == identity:
            os.kill(identity.pid, number)
        else:
            return False
    except ProcessLookupError:
        return False
    return True


def end(identities: Iterable[Identity], *, grace_s: float) -> None:
    """End processes that needn't be our children: SIGTERM, SIGKILL after ``grace_s`` seconds.

    Raises:
        ProcessFailedError: One of them can't be ended (another user's, or stuck in the kernel).
    """
    living = [identity for identity in identities if identity.alive()]
    if grace_s > 0 and living:
        for identity in living:
            send(identity, signal.SIGCONT)
            send(identity, signal.SIGTERM)
        with contextlib.suppress(WaitTimeoutError):
            await_end(living, timeout_s=grace_s, what="processes to end")
    for identity in living:
        send(identity, signal.SIGKILL)
    try:
        await_end(living, timeout_s=REAP_TIMEOUT_S, what="killed processes to end")
    except WaitTimeoutError as error:
        raise ProcessFailedError(f"{error}") from error


def await_end(identities: Iterable[Identity], *, timeout_s: float, what: str) -> None:
    """Wait until processes have ended; they needn't be our children.

    Raises:
        WaitTimeoutError: One of them goes on; ``what`` says what was waited for.
    """
    awaited = tuple(identities)

    def gone() -> None:
        left = [identity.pid for identity in awaited if identity.alive()]
        if left:
            raise NotYetError(f"still running: {left}")

    wait_for(gone, deadline=Deadline.after(timeout_s), what=what)
