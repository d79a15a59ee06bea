"""What Locust reads: ``locust -f load/locustfile.py``, with the settings in the environment."""

from __future__ import annotations

from typing import Any

from locust import events

from load.settings import LoadSettings
from load.users import collect, user_of

__all__ = ["Offering"]

# Locust runs each class of users that it finds: the one whose operation is asked for.
Offering = user_of(LoadSettings.from_environment())


@events.init.add_listener  # type: ignore[untyped-decorator] # Locust has no types for it
def begin(environment: Any, **_: Any) -> None:
    """Be told what is to be offered, and hear what the workers say."""
    collect(environment, LoadSettings.from_environment())
