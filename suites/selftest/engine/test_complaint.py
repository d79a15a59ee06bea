"""Complaints: of a log, the one line that says what went wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundwork.base.complaint import LINE_LENGTH_MAX, complaint_in, complaint_of

KAFKA = """[2026-01-01 10:00:00,000] INFO Loading logs (kafka.log.LogManager)
[2026-01-01 10:00:01,000] ERROR Error while writing to checkpoint file /x (org.apache.kafka.Log)
java.io.IOException: No space left on device
\tat java.base/sun.nio.ch.FileDispatcherImpl.write0(Native Method)
\tat java.base/java.io.Writer.write(Writer.java:249)
[2026-01-01 10:00:02,000] INFO shutting down (kafka.server.KafkaServer)
"""
CHAINED = """[2026-01-01] FATAL Exiting (Main)
org.apache.kafka.common.KafkaException: can't start
\tat Main.main(Main.java:1)
Caused by: java.net.BindException: Address already in use
\tat Net.bind(Net.java:2)
\t... 3 more
"""
PROMETHEUS = (
    'ts=2026 caller=main.go level=error err="opening storage failed: lock DB directory: resource '
    'temporarily unavailable"'
)
PYTHON = """Traceback (most recent call last):
  File "x.py", line 1, in <module>
    raise ValueError("no")
ERROR:root:it broke
ValueError: no
"""


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (KAFKA, ["Error while writing", "(java.io.IOException: No space left on device)"]),
        (CHAINED, ["FATAL Exiting", "(java.net.BindException: Address already in use)"]),
        (PROMETHEUS, ["lock DB directory"]),
        (PYTHON, ["ERROR:root:it broke", "(ValueError: no)"]),
        ('{"level": "error", "event": "gone"}', ["gone"]),
        ("panic: runtime error: index out of range", ["index out of range"]),
    ],
)
def test_the_cause_is_told_and_no_frame(text: str, told: list[str]) -> None:
    """Of Java's, Go's and Python's logs, and of JSON."""
    found = complaint_in(text)
    assert all(each in found for each in told)
    assert "\n" not in found
    assert "\tat " not in found


@pytest.mark.parametrize(
    "text",
    ["", "all is well", "level=info msg=ready", '{"level": "info", "event": "0 errors"}'],
)
def test_where_nobody_complains_nothing_is_told(text: str) -> None:
    """A line that merely has the word in it is none."""
    assert complaint_in(text) == ""


lines = st.lists(st.text(alphabet="abc :\t{}\"'", max_size=30), max_size=20)


@given(lines, lines)
def test_the_last_complaint_wins_wherever_it_stands(before: list[str], after: list[str]) -> None:
    """Whatever is written before and after it."""
    text = "\n".join(["ERROR first", *before, "ERROR the last", *after])
    assert complaint_in(text).startswith("ERROR the last")


def test_a_complaint_is_one_line_of_some_length(tmp_path: Path) -> None:
    """Also where a server writes a megabyte into it; a file that isn't there has none."""
    log = tmp_path / "log"
    assert complaint_of(log) == ""
    log.write_text("ERROR " + "x" * 100_000)
    assert len(complaint_of(log)) == LINE_LENGTH_MAX
