"""`python -m load`: offer a load to the broker, and see what has become of it, as the job `load`.

Needs an environment that runs (`groundwork up`); what comes of it is in the current folder. With
--ui it is Locust's own web UI that starts and ends it, on loopback.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from groundwork.base.errors import ExitCode
from groundwork.checkers import archive
from groundwork.use.client import Client
from groundwork.use.command import perform, say
from load.conclusion import conclude, write
from load.course import Course, show
from load.environment import GENERATORS, SERVICE, settings_of
from load.settings import OF_SERVICE, OWN, LoadSettings, helped
from load.watch import watched


def arguments() -> argparse.Namespace:
    """What is asked for; each of a load's settings is an option."""
    parser = argparse.ArgumentParser(prog="python -m load", description=__doc__)
    for name in LoadSettings.model_fields:
        if name not in OWN:
            flag = f"--{name.replace('_', '-')}"
            parser.add_argument(flag, dest=name, default=argparse.SUPPRESS, help=helped(name))
    parser.add_argument("--ui", action="store_true", help="in Locust's own web UI, on loopback")
    parser.add_argument("--port", type=int, default=8089, help="of that UI (default: 8089)")
    return parser.parse_args()


def main() -> int:
    """Offer a load; exit code 1 unless it is ``valid``, 6 where the infrastructure has failed."""
    given = vars(arguments())
    ui, port = given.pop("ui"), given.pop("port")
    client = Client.from_environment()
    names = [SERVICE if given.get("operation") in OF_SERVICE else "broker"]
    if given.get("place") == "inside":
        client.ask({GENERATORS})  # no test needs them by itself
        names.append(GENERATORS)
    with watched(client, names, Path.cwd()) as watch:
        settings = settings_of(given, client)
        settings.expect_possible()
        if ui:
            say(f"load: open http://127.0.0.1:{port} and start one user; Ctrl-C ends it")
            show(settings, settings.nodes, port, watch)
            return ExitCode.OK
        course = Course.run(settings, settings.nodes, watch)
    if course.history is not None:
        archive.write(course.history, settings.folder)
    conclusion = conclude(course)
    write(conclusion, settings.folder)
    for line in conclusion.lines():
        say(line)
    if watch.error is not None and course.lost:
        return watch.error.exit_code
    return ExitCode.OK if conclusion.outcome == "valid" else ExitCode.TESTS_FAILED


if __name__ == "__main__":
    raise SystemExit(perform(main))
