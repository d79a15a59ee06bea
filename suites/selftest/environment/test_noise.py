"""Noise: the list is in step with the tests, and with what there is to be heard."""

from __future__ import annotations

from fnmatch import fnmatchcase

import pytest

from fixtures import ENVIRONMENT
from fixtures.environment import resources
from fixtures.settings import FoundationSettings
from groundwork.checkers.hygiene import Noise
from suites.support.collected import collected

# Those that are heard of one broker or of three.
NOISES = tuple(
    {
        noise: None
        for brokers in (1, 3)
        for noise in ENVIRONMENT.noises(FoundationSettings.model_validate({"brokers": brokers}))
    }
)

# Our own servers write no levels: what they say is an error where they die of it.
PLAIN = frozenset({"exporter", "receiver", "relay", "volume"})


# What nobody misses when it is gone, for it comes at times, as where one of two is ready first:
# each more hides more.
AT_TIMES_MAX = 8


@pytest.mark.parametrize(
    "noise",
    [each for each in NOISES if each.shown_by],
    ids=lambda noise: f"{noise.resource} {noise.texts[0]}",
)
def test_every_noise_is_shown_by_tests_that_exist(noise: Noise) -> None:
    """An entry whose test was renamed would never be missed."""
    assert any(fnmatchcase(test, noise.shown_by) for test in collected())


def test_few_noises_come_at_times() -> None:
    """All others are missed by the runs that should have them."""
    assert sum(not each.shown_by for each in NOISES) <= AT_TIMES_MAX


def test_no_noise_is_listed_twice() -> None:
    """Of two one would be forgotten when the other is taken out."""
    found = [(each.resource, text) for each in NOISES for text in each.texts]
    assert len(found) == len(set(found))


def test_every_server_tells_how_its_errors_are_known() -> None:
    """All but those of our own that write no levels: a new one isn't overlooked."""
    own = FoundationSettings(_env_file=None, volume="small")  # type: ignore[call-arg]
    assert {each.name for each in resources(own) if each.log_format is None} == PLAIN
