"""Parts of configurations that somebody changes."""

from __future__ import annotations

from typing import Any

__all__ = ["job", "rule", "webhook"]


def job(config: Any, name: str) -> Any:
    """A job of a configuration of Prometheus."""
    (found,) = (each for each in config["scrape_configs"] if each["job_name"] == name)
    return found


def webhook(config: Any) -> Any:
    """The webhook of a configuration of Alertmanager that all alerts but heartbeats go to."""
    return config["receivers"][0]["webhook_configs"][0]


def rule(file: Any, name: str) -> Any:
    """A rule of a file of rules."""
    rules = [each for group in file["groups"] for each in group["rules"]]
    return next(each for each in rules if name in {each.get("alert"), each.get("record")})
