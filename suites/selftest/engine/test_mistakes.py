"""Mistakes in a declaration: each is one line that says what to mend, before anything starts."""

from __future__ import annotations

import sys

import pytest

from suites.support.pond import Pond

# What is written below the pond's declaration, and the line that comes of it.
MISTAKES = {
    "two of one name": (
        "ENVIRONMENT = Environment('pond', lambda _: (Pond('spring'), Pond('spring')))",
        "two resources are called 'spring'",
    ),
    "a need that nobody declares": (
        "ENVIRONMENT = Environment('pond', lambda _: (Pond('mill', needs=('river',)),))",
        "mill needs river, which is not declared",
    ),
    "a host that nobody declares": (
        (
            "@dataclass(frozen=True)\nclass Frog(Pond):\n    host: str = 'lake'\n\n"
            "ENVIRONMENT = Environment('pond', lambda _: (Frog('frog'),))"
        ),
        "frog lives in lake, which is not declared",
    ),
    "needs in a circle": (
        (
            "ENVIRONMENT = Environment('pond', lambda _: "
            "(Pond('spring', needs=('mill',)), Pond('mill', needs=('spring',))))"
        ),
        "resources need each other: ",
    ),
    "a resource without a hook": (
        (
            "@dataclass(frozen=True)\nclass Fish(Resource):\n    name: str = 'fish'\n\n"
            "ENVIRONMENT = Environment('pond', lambda _: (Fish(),))"
        ),
        "abstract class Fish with abstract methods endpoints, launch, probe (pond.py:",
    ),
    "a resource without a name": (
        (
            "class Newt(Pond):\n    def __init__(self) -> None:\n        pass\n\n"
            "ENVIRONMENT = Environment('pond', lambda _: (Newt(),))"
        ),
        "'Newt' object has no attribute 'name'",
    ),
    "what isn't a resource": (
        "ENVIRONMENT = Environment('pond', lambda _: ('spring',))",
        "str isn't a Resource: subclass it",
    ),
    "resources that can't be computed": (
        (
            "def broken(_: object) -> tuple[Resource, ...]:\n    return (1 / 0,)\n\n"
            "ENVIRONMENT = Environment('pond', broken)"
        ),
        "ZeroDivisionError: division by zero (pond.py:",
    ),
    "a check that raises something else": (
        (
            "def check(_: object) -> None:\n    raise KeyError('reed')\n\n"
            "ENVIRONMENT = Environment('pond', resources, check=check)"
        ),
        "KeyError: 'reed' (pond.py:",
    ),
    "a module that can't be imported": (
        "ENVIRONMENT = undefined",
        "NameError: name 'undefined' is not defined (pond.py:",
    ),
    "a syntax error": (
        "ENVIRONMENT = (",
        "SyntaxError: '(' was never closed (pond.py, line",
    ),
    "an extra that isn't installed": (
        "raise ImportError('No module named jgo', name='jgo')",
        "pip install 'groundwork[maven]'",
    ),
    "what isn't an environment": ("ENVIRONMENT = 7", "is a int, not an Environment"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
@pytest.mark.parametrize("how", ["pytest", "groundwork"])
def test_a_mistake_in_a_declaration_is_one_line(pond: Pond, how: str, mistake: str) -> None:
    """A test run and the command end with exit code 4, one line, and nothing started."""
    text, line = MISTAKES[mistake]
    with (pond.root / "pond.py").open("a") as file:
        file.write(f"\n{text}\n")
    run = pond.pytest("-q") if how == "pytest" else pond.groundwork("up")
    assert run.returncode == 4, run.output
    (said,) = run.output.strip().splitlines()
    assert said.removeprefix("ERROR: ").startswith("groundwork: ")
    assert line in said
    assert pond.leftovers() == []


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("river = provides('river')", "resource 'river' is asked for, but not declared"),
        (
            "@provides('spring')\ndef river(handle: object) -> object:\n    return handle\n",
            'Fixture "spring" called directly: provides(NAME, make) is the fixture itself',
        ),
    ],
    ids=["what nobody declares", "as a decorator"],
)
def test_a_mistake_in_a_fixture_is_told(pond: Pond, text: str, line: str) -> None:
    """A fixture that can't hand anything out ends the run; it is never passed over in silence."""
    with (pond.root / "conftest.py").open("a") as file:
        file.write(f"\n{text}\n")
    (pond.root / "check_river.py").write_text("def test_river(river: object) -> None: ...\n")
    run = pond.pytest("-q", "check_river.py")
    assert run.returncode == 4, run.output
    assert line in run.output
    assert "INTERNALERROR" not in run.output
    assert pond.leftovers() == []


@pytest.mark.parametrize(
    "given", ["limit=3", "limit_s=0", "limit_s='long'", "limit_s=float('inf')"]
)
@pytest.mark.parametrize("marker", ["disturbs('spring', {})", "alone({})"])
def test_a_marker_that_nobody_understands_is_refused(pond: Pond, marker: str, given: str) -> None:
    """In one line with the test's name; nothing starts."""
    mark = marker.format(given)
    test = f"import pytest\n\n\n@pytest.mark.{mark}\ndef test_it(spring):\n    assert spring\n"
    (pond.root / "check_marker.py").write_text(test)
    run = pond.call([sys.executable, "-m", "pytest", "check_marker.py"])
    assert run.returncode == 4, run.output
    assert "check_marker.py::test_it: @pytest.mark." in run.output
    assert "takes limit_s=SECONDS, not limit" in run.output
    assert "ready after" not in run.output
    assert pond.leftovers() == []
