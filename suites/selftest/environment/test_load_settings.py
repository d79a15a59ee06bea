"""The settings of a load: what is wrong is told in one line, and clients take what is right."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import product
from pathlib import Path

import pytest
from confluent_kafka import KafkaException, Producer
from hypothesis import assume, given
from hypothesis import strategies as st

from groundwork.base.errors import UsageError
from load.arrivals import KINDS
from load.kafka_sender import configuration
from load.market import KINDS as RECORDS
from load.records import HEADER, seal
from load.settings import VARIABLE, LoadSettings

GIVEN: Mapping[str, object] = {"bootstrap": "127.0.0.1:1", "topic": "t"}

COMPRESSIONS = ("none", "gzip", "snappy", "lz4", "zstd")

# What goes into the environment: what words could be, and what isn't even JSON.
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda each: (
        st.lists(each, max_size=3) | st.dictionaries(st.text(max_size=9), each, max_size=3)
    ),
)
NAMES = st.sampled_from(sorted(LoadSettings.model_fields))


def wrong(**given: object) -> str:
    """What is said of settings that can't be."""
    with pytest.raises(UsageError) as caught:
        LoadSettings.of({**GIVEN, **given})
    return str(caught.value)


def producer(**given: object) -> Producer:
    """A client that is told these settings; nobody answers it."""
    settings = LoadSettings.of({**GIVEN, **given})
    return Producer(configuration("127.0.0.1:1", **settings.client()))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("partitions", 0),
        ("partitions", "four"),
        ("records", "tick"),
        ("size_bytes", -1),
        ("arrivals", "uniform"),
        ("rate_per_s", -1),
        ("rate_per_s", "nan"),
        ("rate_per_s", "inf"),
        ("rate_per_s", 1_000_001),
        ("to_rate_per_s", -1),
        ("steps", "2.5"),
        ("burst", ""),
        ("duration_s", "a while"),
        ("duration_s", "nan"),
        ("warm_up_s", 0),
        ("seed", -1),
        ("acks", "2"),
        ("acks", 1),
        ("idempotent", "perhaps"),
        ("compression", "brotli"),
        ("linger_ms", -0.5),
        ("workers", 101),
        ("run", -1),
        ("run", 2**32),
        ("operation", "consume-all"),
        ("keep", None),
        ("pids", [1]),
        ("folder", 3),
        ("topics", "t"),
    ],
)
def test_a_wrong_setting_is_named_in_one_line(name: str, value: object) -> None:
    """With what was given; a setting that isn't known, too."""
    said = wrong(**{name: value})
    assert said.startswith(f"{name}: ")
    assert said.endswith(f", not {value!r}")
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize("name", ["bootstrap", "topic"])
def test_what_is_needed_is_named(name: str) -> None:
    """Nobody can guess it."""
    given = {each: value for each, value in GIVEN.items() if each != name}
    with pytest.raises(UsageError, match=f"^{name}: Field required"):
        LoadSettings.of(given)


def test_words_are_understood() -> None:
    """As they come from a command line: numbers, and yes or no."""
    words = {"rate_per_s": "250.5", "workers": "2", "idempotent": "false", "keep": "no"}
    settings = LoadSettings.of({**GIVEN, **words})
    found = (settings.rate_per_s, settings.workers, settings.idempotent, settings.keep)
    assert found == (250.5, 2, False, False)


@pytest.mark.parametrize(
    "more", [{}, {"keep": False, "operation": "consume"}, {"operation": "end-to-end"}]
)
def test_what_is_looked_for_has_a_key(more: dict[str, object]) -> None:
    """It is looked for in the partition that its key has chosen."""
    settings = LoadSettings.of({**GIVEN, "keyed": False, **more})
    with pytest.raises(UsageError, match=r"^keyed: what is kept, or read"):
        settings.expect_possible()
    LoadSettings.of({**GIVEN, "keyed": False, "keep": False}).expect_possible()


@pytest.mark.parametrize(
    "more", [{}, {"keep": False, "existing": True}, {"operation": "end-to-end"}]
)
def test_what_is_looked_for_stays(more: dict[str, object]) -> None:
    """Neither what is read back goes, nor is a topic changed that is others', too."""
    settings = LoadSettings.of({**GIVEN, "retained_mb": 8, **more})
    with pytest.raises(UsageError, match=r"^retained_mb: what is kept, or read"):
        settings.expect_possible()
    counted = LoadSettings.of({**GIVEN, "retained_mb": 8, "keep": False})
    counted.expect_possible()
    assert counted.topic_config() == {"retention.bytes": "8000000", "segment.bytes": "2000000"}
    assert LoadSettings.of(GIVEN).topic_config() == {}


@pytest.mark.parametrize("more", [{"place": "inside"}, {"operation": "get"}])
def test_only_clients_on_this_machine_come_by_the_relay(more: dict[str, object]) -> None:
    """Others would come another way than they were asked to, and nobody would notice."""
    with pytest.raises(UsageError, match=r"^way: clients on this machine"):
        LoadSettings.of({**GIVEN, "way": "relayed", **more}).expect_possible()
    LoadSettings.of({**GIVEN, "way": "relayed"}).expect_possible()


def test_what_isnt_told_makes_a_load() -> None:
    """Two seconds to get warm and ten that are measured, of a thousand messages each."""
    settings = LoadSettings.of(GIVEN)
    assert settings.warming().count == 2_000
    assert settings.schedule().count == 10_000
    assert settings.schedule().chunks == 100
    key, value = settings.market().record(7)
    assert key.decode() in value.decode()
    assert json.loads(value)["n"] == 7
    assert len(value) == settings.size_bytes


@pytest.mark.parametrize("records", RECORDS)
def test_each_kind_of_records_fits_into_the_default_size(records: str) -> None:
    """Or at least says which would do, in one line that names it."""
    settings = LoadSettings.of({**GIVEN, "records": records})
    try:
        _, value = settings.market().record(0)
    except UsageError as error:
        said = str(error)
        assert said.startswith("size_bytes: 100 is too small")
        assert len(said.splitlines()) == 1
    else:
        assert len(value) == 100


@pytest.mark.parametrize("kind", KINDS)
def test_each_schedule_can_be_asked_for(kind: str) -> None:
    """With what it takes; without, what is missing is named in one line."""
    every = {"to_rate_per_s": 50, "steps": 3, "burst": 10}
    takes = {name: every[name] for name in KINDS[kind]}
    settings = LoadSettings.of({**GIVEN, "arrivals": kind, "rate_per_s": 20, **takes})
    assert settings.schedule().count > 0
    assert settings.warming().count == 40
    for name in takes:
        short = settings.model_copy(update={name: None})
        with pytest.raises(UsageError, match=f"^{name}: {kind} arrivals need it"):
            short.schedule()
    for name in every.keys() - takes.keys():
        more = settings.model_copy(update={name: every[name]})
        with pytest.raises(UsageError, match=f"^{name}: {kind} arrivals take none"):
            more.schedule()


def test_settings_travel_to_other_processes(tmp_path: Path) -> None:
    """As they are: each process of a load is told the same."""
    settings = LoadSettings.of(
        {
            **GIVEN,
            "arrivals": "ramp",
            "rate_per_s": 0.1,
            "to_rate_per_s": 1 / 3,
            "acks": "1",
            "idempotent": False,
            "pids": {"broker": [7, 8], "none": []},
            "folder": tmp_path,
        }
    )
    assert LoadSettings.from_json(settings.model_dump_json()) == settings


def test_who_is_told_nothing_says_what_to_do() -> None:
    """Somebody has started Locust by hand."""
    with pytest.raises(UsageError) as caught:
        LoadSettings.from_json("")
    assert str(caught.value) == f"{VARIABLE} isn't set: a load is started by `make load`"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("garbage", "Invalid JSON: expected value at line 1 column 1, not 'garbage'"),
        ("{", "Invalid JSON: EOF while parsing an object at line 1 column 1, not '{'"),
        ("[]", "Input should be an object, not []"),
        ("{}", "bootstrap: Field required, not {}"),
        (
            '{"bootstrap": "b", "topic": "t", "pids": {"broker": [[]]}}',
            "pids.broker.0: Input should be a valid integer, not []",
        ),
    ],
)
def test_what_cant_be_read_names_the_variable(text: str, said: str) -> None:
    """And what is wrong with it."""
    with pytest.raises(UsageError) as caught:
        LoadSettings.from_json(text)
    assert str(caught.value) == f"{VARIABLE}: {said}"


@given(st.dictionaries(NAMES, JSON, max_size=4) | JSON, st.integers(0, 3))
def test_garbage_is_told_in_one_short_line(garbage: object, cut: int) -> None:
    """Whatever somebody has put into the environment: never a traceback, never a page."""
    text = json.dumps(garbage)
    text = text[: len(text) - cut]
    try:
        LoadSettings.from_json(text)
    except UsageError as error:
        said = str(error)
        assert said.startswith(VARIABLE)
        assert len(said.splitlines()) == 1
        assert len(said) < 300


@given(st.text(max_size=30))
def test_an_unknown_setting_is_told_in_one_line(name: str) -> None:
    """However it is called."""
    assume(name not in LoadSettings.model_fields)
    assert len(wrong(**{name: "x"}).splitlines()) == 1


@pytest.mark.parametrize(
    ("acks", "idempotent", "compression"),
    [
        (acks, idempotent, compression)
        for acks, idempotent, compression in product(("all", "1", "0"), (True, False), COMPRESSIONS)
        if acks == "all" or not idempotent
    ],
)
def test_clients_know_what_they_are_told(acks: str, *, idempotent: bool, compression: str) -> None:
    """The library itself takes each name and each value that a load may be told."""
    producer(acks=acks, idempotent=idempotent, compression=compression)


def test_clients_refuse_what_they_dont_know() -> None:
    """Else nothing were said by what they take."""
    for name, value in (("compression", "none"), ("compression.type", "brotli")):
        with pytest.raises(KafkaException, match="configuration property"):
            Producer(configuration("127.0.0.1:1", **{name: value}))


@pytest.mark.parametrize("acks", ["1", "0"])
def test_once_and_in_order_needs_all_copies(acks: str) -> None:
    """No client can be idempotent otherwise: it is said before anything is started, by name."""
    with pytest.raises(KafkaException, match="`acks` must be set to `all`"):
        Producer(configuration("127.0.0.1:1", **{"acks": acks, "enable.idempotence": True}))
    said = wrong(acks=acks, idempotent=True)
    assert "acks" in said
    assert "idempotent" in said
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize("linger_ms", [0, 0.5, 5, 59_999, 60_000, 900_000])
def test_a_pause_that_clients_dont_take_is_refused(linger_ms: float) -> None:
    """A message may not linger longer than its delivery may take: the settings know that, too."""
    try:
        settings = LoadSettings.of({**GIVEN, "linger_ms": linger_ms})
    except UsageError as error:
        assert str(error).startswith("linger_ms: ")  # noqa: PT017 - it may be taken, too
        with pytest.raises(KafkaException, match=r"linger\.ms"):
            Producer(configuration("127.0.0.1:1", **{"linger.ms": linger_ms}))
    else:
        Producer(configuration("127.0.0.1:1", **settings.client()))


def test_the_largest_message_is_one_that_clients_take() -> None:
    """With its key and header it is larger than its value; nothing is sent, as nobody is there."""
    client, size = producer(), largest_size_bytes()
    key, value = b"S00", b"x" * size
    client.produce("t", value, key, 0, headers=[(HEADER, seal(0, 0, key, value))])
    client.purge()
    assert size >= 900_000


def largest_size_bytes() -> int:
    """The largest that settings take."""
    low, high = 100, 2_000_000
    while high - low > 1:
        middle = (low + high) // 2
        try:
            LoadSettings.of({**GIVEN, "size_bytes": middle})
        except UsageError:
            high = middle
        else:
            low = middle
    return low
