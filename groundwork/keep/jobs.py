"""Jobs: declared commands that the keeper runs for others, each ended with whoever asked for it."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from groundwork.base import process
from groundwork.base.errors import CancelledError, OverdueError, UsageError
from groundwork.base.ledger import Record
from groundwork.base.process import TOKEN, Child
from groundwork.declare.job import Job
from groundwork.declare.stage import Site
from groundwork.declare.variables import CLAIM
from groundwork.keep.claims import Claim, Claims
from groundwork.keep.events import Event, JobEnded, JobEndedBy, JobStarted
from groundwork.keep.messages import JobDone, RunJob

__all__ = ["Jobs"]

# How soon it is seen that a job is to end; its own end is seen at once.
LOOK_INTERVAL_S = 0.1

# Nobody waits for the results of a job whose asker is dead.
ABORT_GRACE_S = 2.0


@dataclass(eq=False)
class Running:
    """A job that runs.

    Attributes:
        id: Names it.
        run: The run that it was asked for in; empty where there was none.
        claim: Under which it acts; None where it has to take its own.
        stop: Set to have it ended.
        why: Why it is to end then.
        ended: Set once nothing of it runs any more.
    """

    id: str
    job: Job
    run: str
    claim: Claim | None
    stop: threading.Event = field(default_factory=threading.Event)
    why: JobEndedBy = "end"
    ended: threading.Event = field(default_factory=threading.Event)


class Jobs:
    """The jobs of one environment. Who asks is the number of a connection to the keeper.

    Args:
        site: What marks and records all that the environment starts.
        variables: What each job is told: where the keeper is reached, and its project's modules.
        declared: All jobs that there are.
        claims: Who acts under which claim.
        note: Told what happens.
        follow: Writes down in a folder what happens, as long as its context lasts.
    """

    def __init__(
        self,
        site: Site,
        variables: Mapping[str, str],
        declared: Iterable[Job],
        claims: Claims,
        note: Callable[[Event], None],
        follow: Callable[[Path], AbstractContextManager[None]],
    ) -> None:
        self._site = site
        self._variables = dict(variables)
        self._declared = {job.name: job for job in declared}
        self._claims = claims
        self._note = note
        self._follow = follow
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._running: list[Running] = []
        self._closed = False

    def run(self, peer: int, request: RunJob, run: str, broken_off: threading.Event) -> JobDone:
        """Run a job to its end, in the name of whoever asks; what it has come to.

        Raises:
            UsageError: There is no such job, it doesn't take these arguments or that long, or its
                folder can't be written.
            OverdueError: It took longer than it was to, or its claim was held; it is ended.
            CancelledError: Its claim or the run is over, or nobody waits for it any more.
        """
        job = self._find(request)
        argv = job.command(request.arguments)
        expect_fresh(request.out_dir, job.name)
        claim = self._claim_of(peer, job)
        with self._begin(job, run, claim) as running, self._follow(request.out_dir):
            return self._attend(running, argv, request, broken_off)

    def _claim_of(self, peer: int, job: Job) -> Claim | None:
        """The claim that a job of this connection acts under.

        Raises:
            OverdueError: Its time is over.
        """
        claim = next(iter(self._claims.of(peer)), None)
        if claim is not None and claim.overdue:
            raise OverdueError(f"job {job.name} may not run any more: {claim.over}")
        return claim

    def _find(self, request: RunJob) -> Job:
        job = self._declared.get(request.name)
        if job is None:
            known = ", ".join(sorted(self._declared)) or "none"
            raise UsageError(f"job {request.name!r} isn't declared; there are: {known}")
        if not 0 < request.timeout_s <= job.limit_s:
            raise UsageError(
                f"job {job.name}: timeout_s={request.timeout_s:g} should be more than 0 and at "
                f"most {job.limit_s:g}"
            )
        return job

    @contextmanager
    def _begin(self, job: Job, run: str, claim: Claim | None) -> Iterator[Running]:
        """Be known as running, to whoever ends a claim or a run, until nothing of it runs."""
        running = Running(f"{job.name}-{next(self._numbers)}", job, run, claim)
        with self._lock:
            if self._closed or (claim is not None and claim.ending):
                raise CancelledError(f"job {job.name}: what it would act in is ending")
            self._running.append(running)
        try:
            yield running
        finally:
            with self._lock:
                self._running.remove(running)
            running.ended.set()

    def _attend(
        self, running: Running, argv: tuple[str, ...], request: RunJob, broken_off: threading.Event
    ) -> JobDone:
        job, out_dir = running.job, request.out_dir
        log = out_dir / f"{job.name}.log"
        began_s = time.monotonic()
        child = self._spawn(running, argv, out_dir, log)
        self._note(JobStarted(running.id, job.name, argv, out_dir))
        try:
            by = self._await_end(running, child, began_s + request.timeout_s, broken_off)
        finally:
            self._bury(running, child)
        lasted_s = round(time.monotonic() - began_s, 3)
        self._note(JobEnded(running.id, by, child.wait(), lasted_s))
        if by == "time":
            raise OverdueError(
                f"job {running.id} was to take {request.timeout_s:g} s at most, and was ended\n"
                f"--- last lines of {log}\n{process.tail_of(log)}"
            )
        if by == "overdue" and running.claim is not None:
            raise OverdueError(f"job {running.id} was ended: {running.claim.over}")
        if by != "itself":
            raise CancelledError(f"job {running.id} was ended with whoever had asked for it")
        files = tuple(sorted(path for path in out_dir.rglob("*") if path.is_file()))
        return JobDone(running.id, child.wait(), files, log, lasted_s)

    def _spawn(self, running: Running, argv: tuple[str, ...], out_dir: Path, log: Path) -> Child:
        token = f"{self._token_of(running)}:"
        variables = self._variables | {TOKEN: token}
        if running.claim is not None:
            variables[CLAIM] = running.claim.key
        self._record("intent", running, token=token)
        env = process.plain_environment(variables)
        try:
            child = process.spawn(argv, env=env, cwd=out_dir, log=log)
        except BaseException:
            self._record("removed", running)
            raise
        self._record("identity", running, **child.identity.as_record())
        return child

    def _await_end(
        self, running: Running, child: Child, until_s: float, broken_off: threading.Event
    ) -> JobEndedBy:
        """Wait until a job has ended, or is to: why; what is to end is told to (SIGTERM)."""
        over = threading.Event()

        def attend() -> None:
            child.wait()
            over.set()

        threading.Thread(target=attend, daemon=True).start()
        while not over.wait(LOOK_INTERVAL_S):
            if broken_off.is_set():
                return "asker"
            if running.stop.is_set():
                return running.why
            if time.monotonic() >= until_s:
                child.stop(running.job.stop_grace_s)
                return "time"
        return "itself"

    def _bury(self, running: Running, child: Child) -> None:
        """End what still runs of a job, also what it has forked and forgotten."""
        if child.exit_code() is None:
            child.stop(ABORT_GRACE_S)
        process.end(process.find_by_token(f"{self._token_of(running)}:"), grace_s=0)
        self._record("removed", running)

    def _token_of(self, running: Running) -> str:
        return f"{self._site.token}:job:{running.id}"

    def _record(self, step: str, running: Running, **data: object) -> None:
        self._site.ledger.append(
            Record(step, "process", f"job {running.id}", run=running.run, data=data)
        )

    # --- the end

    def under(self, claim: Claim) -> tuple[str, ...]:
        """The names of the jobs that act under a claim."""
        with self._lock:
            return tuple(running.id for running in self._running if running.claim is claim)

    def end_under(self, claims: Iterable[Claim], why: JobEndedBy = "end") -> None:
        """End the jobs that act under claims; returns when they have."""
        ended = tuple(claims)
        self._end(lambda running: running.claim in ended, why)

    def end_of(self, run: str) -> None:
        """End the jobs of a run, or all there are where it is empty; returns when they have."""
        self._end(lambda running: run in {"", running.run}, "end")

    def close(self) -> None:
        """Begin none any more."""
        with self._lock:
            self._closed = True

    def _end(self, chosen: Callable[[Running], bool], why: JobEndedBy) -> None:
        with self._lock:
            ending = [running for running in self._running if chosen(running)]
        for running in ending:
            running.why = why
            running.stop.set()
        for running in ending:
            running.ended.wait()  # bounded: SIGKILL follows after its grace


def expect_fresh(out_dir: Path, job: str) -> None:
    """Make a job's folder.

    Raises:
        UsageError: It can't be made or written, or something lies in it.
    """
    try:
        out_dir.mkdir(parents=True, exist_ok=True)
        filled = any(out_dir.iterdir())
    except OSError as error:
        raise UsageError(f"job {job}: can't write {out_dir}: {error.strerror}") from error
    if filled:
        raise UsageError(f"job {job}: {out_dir} isn't empty: choose a folder of its own")
