"""The service template: it renders, and what it renders passes its own checks."""

from __future__ import annotations

import re
import sys
import tempfile
import tomllib
from pathlib import Path

import pytest
from cookiecutter.exceptions import FailedHookException
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from fixtures.paths import ROOT
from groundwork.base import process
from suites.support.rendering import render

CHECK_TIMEOUT_S = 120.0


@pytest.fixture(autouse=True)
def _temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cookiecutter leaves the hooks that it has filled in among the temporary files."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


@pytest.mark.parametrize("name", ["hello-world", "order-router-2"])
def test_the_rendered_project_passes_its_own_checks(tmp_path: Path, name: str) -> None:
    """Its unit tests, its style and its types, under its own configuration."""
    project = render(tmp_path, service_name=name)
    env = process.plain_environment({"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"})
    for words in (
        ["pytest", "-c", "pyproject.toml", "--rootdir", ".", "-p", "pytest_asyncio.plugin", "-q"],
        ["ruff", "check", "--no-cache", "."],
        ["ruff", "format", "--no-cache", "--check", "."],
        ["mypy", "--cache-dir", str(ROOT / ".mypy_cache" / "template")],
    ):
        process.run([sys.executable, "-m", *words], timeout_s=CHECK_TIMEOUT_S, cwd=project, env=env)


@pytest.mark.parametrize(
    ("context", "line"),
    [
        ({"service_name": "Hello"}, "service_name 'Hello'"),
        ({"service_name": "a_b"}, "service_name 'a_b'"),
        ({"service_name": "import"}, "package_name 'import'"),
        ({"service_name": "json"}, "package_name 'json'"),
        ({"topic": "no spaces"}, "topic 'no spaces'"),
        ({"port": "70000"}, "port '70000'"),
    ],
)
def test_illegal_values_are_refused_in_one_line(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], context: dict[str, str], line: str
) -> None:
    """Before Kubernetes, Kafka or Python would, and clearer."""
    with pytest.raises(FailedHookException):
        render(tmp_path, **context)
    assert capfd.readouterr().err.startswith(line)
    assert not list(tmp_path.glob("*/pyproject.toml"))


def pins(lock: Path) -> dict[str, str]:
    """The versions that a lock pins, by package; markers are left out."""
    return dict(re.findall(r"^([a-z0-9-]+)==([^ ;]+)", lock.read_text(), flags=re.MULTILINE))


def test_the_services_lock_is_in_step_with_the_template_and_with_ours(tmp_path: Path) -> None:
    """What its image installs is what the template asks for, in the versions it is tested with."""
    asked = tomllib.loads((render(tmp_path) / "pyproject.toml").read_text())
    own = pins(ROOT / "tools" / "python" / "service.lock")
    for line in asked["project"]["dependencies"]:
        wanted = Requirement(line)
        assert wanted.specifier.contains(own[canonicalize_name(wanted.name)]), line
    tested = pins(ROOT / "requirements.lock")
    assert {name: tested.get(name, version) for name, version in own.items()} == own
