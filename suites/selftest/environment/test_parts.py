"""The parts of the platform: each is one module, and few others know its name."""

from __future__ import annotations

from fixtures.paths import ROOT
from fixtures.resources import MODULES

# The table, its own module, the hand-out to tests, who talks to it, and whom it talks to.
NAMED_MAX = 5


def test_a_resource_is_named_in_few_modules() -> None:
    """What concerns one resource is found in one place, on all of its platforms."""
    modules = [path for each in ("fixtures", "groundwork") for path in (ROOT / each).rglob("*.py")]
    named = [path for path in modules if "alertmanager" in path.read_text().lower()]
    assert len(named) <= NAMED_MAX, named


def test_the_table_names_every_module_of_a_resource() -> None:
    """One that was forgotten would be a resource that nobody has."""
    folder = ROOT / "fixtures" / "resources"
    found = {path.stem for path in folder.glob("*.py") if "\nPARTS = " in path.read_text()}
    assert found == set(MODULES)
