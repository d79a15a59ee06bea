"""The settings of a load: what is offered to whom, and for how long."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from groundwork.base.errors import UsageError
from load.arrivals import Arrivals, arrivals_of
from load.market import Market

__all__ = ["OF_SERVICE", "OWN", "VARIABLE", "LoadSettings", "helped"]

# How each process of a load is told, as JSON, where it is started here.
VARIABLE = "GROUNDWORK_LOAD"

# Of a trading platform: each key always goes to the same partition.
SYMBOLS = tuple(f"S{number:02}" for number in range(50))

MB = 1_000_000

# What one client takes within a minute; more is never reached here, and costs memory.
RATE_MAX = 1_000_000

# Clients take a million bytes; key and header are some of them.
SIZE_BYTES_MAX = 999_000

# What brokers take at once, unless they are told to take more.
BATCH_BYTES_MAX = 1_000_000


# Where files go in a pod, which may write nowhere else.
FOLDER_INSIDE = Path("/tmp/load")  # noqa: S108 - it is the pod's own

# Of them, what isn't told by whoever asks for a load.
OWN = frozenset(
    {"bootstrap", "bootstrap_inside", "existing", "begins", "run"}
    | {"url", "master", "pids", "folder"}
)

# What is done with the service, and whose workers read what is on the topic, each its own share.
OF_SERVICE = frozenset({"get", "round-trip"})
READING = frozenset({"end-to-end", "consume"})


class LoadSettings(BaseModel):
    """What a load is told.

    Attributes:
        way: Whether clients reach the broker directly, or by the relay.
        bootstrap: Where the broker is found; and where it is from inside of the cluster.
        topic: One of its own, with so many ``partitions``; or one that is ``existing``.
        begins: Of its partitions, where what is read begins; where none is told, with the first.
        run: The mark of its messages: what others have sent has none, or another.
        operation: What is done: a record is produced; or also read, by who has sent it; or only
            read, and was written before; the service is asked for a greeting, or to publish a
            message, which is looked for until it has come back through the broker.
        url: The service's.
        records: What they are of; see :mod:`load.market`.
        size_bytes: Of each value.
        arrivals: By which schedule; see :mod:`load.arrivals`.
        rate_per_s: Messages a second, of all workers; with ``to_rate_per_s``, ``steps`` and
            ``burst`` where the schedule has them.
        warm_up_s: So long before, the first rate is offered and isn't measured.
        seed: Of what is left to chance.
        acks, idempotent, compression, linger_ms: As clients call them; idempotent by default where
            all are to acknowledge.
        batch_bytes: What a client sends of a partition at once, at the most.
        place: Where these run: on this machine, or ``inside`` of the environment's cluster, where
            it has generators.
        master: Where Locust's master in the cluster answers.
        workers: How many processes share it.
        retained_mb: So much of each partition is left on the topic, the rest goes; 0 for all of it.
        keyed: Whether each record has a key, which chooses its partition; without, the client does.
        keep: Whether every operation is kept for a history: 60 bytes of memory each. Where none
            is, records have no header and are only counted. Of the service none is: what it
            publishes has no header of ours.
        closed: Whether a closed loop goes beside it, to be compared with.
        pids: Processes whose use of the processor is measured, by what they are called.
        folder: Where results go.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    bootstrap: str
    bootstrap_inside: str = ""
    topic: str = Field(description="one that exists; default: one of the load's own")
    existing: bool = False
    begins: dict[int, int] = {}
    run: int = Field(0, ge=0, lt=2**32)
    url: str = ""
    partitions: int = Field(4, ge=1, le=1000)
    way: Literal["direct", "relayed"] = "direct"
    operation: Literal["produce", "end-to-end", "consume", "get", "round-trip"] = "produce"
    records: Literal["trade", "candle", "signal", "order"] = "trade"
    size_bytes: int = Field(100, ge=0, le=SIZE_BYTES_MAX)
    arrivals: Literal["constant", "ramp", "step", "poisson", "burst"] = "constant"
    rate_per_s: float = Field(1_000, ge=0, le=RATE_MAX)
    to_rate_per_s: float | None = Field(None, ge=0, le=RATE_MAX)
    steps: int | None = None
    burst: int | None = None
    duration_s: float = Field(10, gt=0, le=86_400)
    warm_up_s: float = Field(2, ge=0.1, le=600)
    seed: int = Field(0, ge=0)
    acks: Literal["all", "1", "0"] = "all"
    idempotent: bool | None = Field(default=None, validate_default=True)
    compression: Literal["none", "gzip", "snappy", "lz4", "zstd"] = "none"
    linger_ms: float = Field(5, ge=0, lt=60_000)  # and less than a delivery may take
    batch_bytes: int = Field(1_000_000, ge=1, le=BATCH_BYTES_MAX)
    place: Literal["here", "inside"] = "here"
    master: str = ""
    workers: int = Field(1, ge=1, le=100)
    retained_mb: int = Field(0, ge=0, le=100_000)
    keyed: bool = True
    keep: bool = True
    closed: bool = False
    pids: dict[str, tuple[int, ...]] = {}
    folder: Path = Path()

    @field_validator("idempotent")
    @classmethod
    def judge_idempotent(cls, idempotent: bool | None, info: ValidationInfo) -> bool:  # noqa: FBT001
        """Where nobody says it, as it can be; refuse what no client can do."""
        acks = info.data.get("acks", "all")
        if idempotent is None:
            return bool(acks == "all")
        if idempotent and acks != "all":
            raise PydanticCustomError("idempotent", "Needs acks=all, not {acks}", {"acks": acks})
        return idempotent

    @property
    def nodes(self) -> range:
        """The numbers of the broker's nodes: there is an address of each."""
        return range(1, 1 + len(self.bootstrap.split(",")))

    @property
    def of_service(self) -> bool:
        """Whether it is the service to whom it is offered, and not the broker."""
        return self.operation in OF_SERVICE

    @property
    def reads(self) -> bool:
        """Whether workers read, each from partitions of its own."""
        return self.operation in READING

    @property
    def consumes(self) -> bool:
        """Whether nothing is sent, but what was written before is read."""
        return self.operation == "consume"

    def schedule(self) -> Arrivals:
        """When messages are due.

        Raises:
            UsageError: There is no such schedule.
        """
        return arrivals_of(
            self.arrivals,
            rate_per_s=self.rate_per_s,
            duration_s=self.duration_s,
            seed=self.seed,
            to_rate_per_s=self.to_rate_per_s,
            steps=self.steps,
            burst=self.burst,
        )

    def warming(self) -> Arrivals:
        """When messages are due before: at the first rate, for the time to get warm.

        Raises:
            UsageError: That can't be.
        """
        rate_per_s = self.rate_per_s or self.to_rate_per_s or 0.0
        return arrivals_of("constant", rate_per_s=rate_per_s, duration_s=self.warm_up_s)

    def expect_possible(self) -> None:
        """See that all of it can be, before anything starts: schedule, market, partitions, acks.

        Raises:
            UsageError: There are not.
        """
        for look in (self.warming, self.schedule, self.market):
            look()
        if self.way == "relayed" and (self.place == "inside" or self.of_service):
            raise UsageError(
                "way: clients on this machine may come to the broker by the relay; those in a "
                "cluster don't, nor do those of the service"
            )
        if not self.keyed and (self.keep or self.reads):
            raise UsageError(
                "keyed: what is kept, or read, is looked for where its key has put it; with "
                "keyed=false give keep=false, and produce"
            )
        if self.retained_mb and (self.keep or self.reads or self.existing):
            raise UsageError(
                "retained_mb: what is kept, or read, must stay there, and a topic that exists "
                "retains what it does; with retained_mb give keep=false, and no topic"
            )
        if self.reads and self.partitions < self.workers:
            raise UsageError(
                f"workers: {self.workers} are too many for {self.partitions} partitions: with "
                f"{self.operation} each reads some of its own; give {self.partitions} at the most"
            )
        if self.consumes and not self.idempotent:
            raise UsageError(
                "acks, idempotent: consume only reads; what it reads is written once and in order, "
                "or nothing could be said of its order"
            )

    def market(self) -> Market:
        """What messages are of.

        Raises:
            UsageError: There is no such market.
        """
        return Market(self.records, SYMBOLS, self.size_bytes, self.seed)

    def inside(self) -> Self:
        """The same, as workers inside of the cluster are told it."""
        own = {"bootstrap": self.bootstrap_inside, "folder": FOLDER_INSIDE, "pids": {}}
        return self.model_copy(update=own)

    def topic_config(self) -> dict[str, str]:
        """What a topic of the load's own is configured with."""
        if not self.retained_mb:
            return {}
        retained = self.retained_mb * MB
        # Whole segments go: a quarter more than is retained stays, and what came before a look.
        return {"retention.bytes": str(retained), "segment.bytes": str(max(retained // 4, MB))}

    def client(self) -> dict[str, object]:
        """What a producer of it is told besides."""
        return {
            "acks": self.acks,
            "enable.idempotence": self.idempotent,
            "compression.type": self.compression,
            "linger.ms": self.linger_ms,
            "batch.size": self.batch_bytes,
        }

    @classmethod
    def from_json(cls, text: str) -> Self:
        """As whoever has started this process has said.

        Raises:
            UsageError: Nobody has, or it can't be read.
        """
        if not text:
            raise UsageError(f"{VARIABLE} isn't set: a load is started by `make load`")
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            raise UsageError(f"{VARIABLE}: {told(error)}") from error

    @classmethod
    def of(cls, given: Mapping[str, object]) -> Self:
        """As somebody has asked for it, also in words.

        Raises:
            UsageError: One of them isn't what it should be; names it.
        """
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            raise UsageError(told(error)) from error


def helped(name: str) -> str:
    """What is told of a setting to whoever may give it."""
    field = LoadSettings.model_fields[name]
    return field.description or f"default: {field.default}"


def told(error: ValidationError) -> str:
    """What is wrong with settings, in one line."""
    fault = error.errors()[0]
    name = ".".join(map(str, fault["loc"]))
    said = f"{fault['msg']}, not {fault['input']!r:.60}"
    return " ".join((f"{name}: {said}" if name else said).split())
