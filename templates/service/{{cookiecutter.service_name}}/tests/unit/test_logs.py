"""Logs are JSON, and secrets aren't in them."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from {{ cookiecutter.package_name }}.logs import configure_logs
from {{ cookiecutter.package_name }}.settings import Settings


@pytest.fixture(autouse=True)
def root_logger() -> Iterator[None]:
    """Give the root logger back as it was: its handler here writes to a captured stream."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def test_every_line_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    """Our own lines and the libraries' have the same form."""
    configure_logs("INFO")
    structlog.get_logger("ours").info("started", number=1)
    logging.getLogger("library").warning("%s happened", "something")
    ours, library = map(json.loads, capsys.readouterr().out.splitlines())
    assert (ours["event"], ours["number"], ours["level"]) == ("started", 1, "info")
    assert (library["event"], library["logger"]) == ("something happened", "library")


def test_secrets_are_not_shown(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Logging the settings whole, by mistake, tells no secret."""
    monkeypatch.setenv("DATABASE_PASSWORD", "canary")
    settings = Settings()
    assert settings.database_password is not None
    assert settings.database_password.get_secret_value() == "canary"
    configure_logs("INFO")
    structlog.get_logger().info("settings", settings=repr(settings), dump=str(settings))
    assert "canary" not in capsys.readouterr().out
