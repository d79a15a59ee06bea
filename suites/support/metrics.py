"""What servers measure of themselves, in Prometheus' text format."""

from __future__ import annotations

from collections.abc import Iterator

import requests
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

__all__ = ["samples_of"]

TIMEOUT_S = 5.0


def samples_of(url: str, name: str) -> Iterator[Sample]:
    """The samples of one name that a server's metrics have now."""
    text = requests.get(url, timeout=TIMEOUT_S).text
    for family in text_string_to_metric_families(text):
        yield from (sample for sample in family.samples if sample.name == name)
