"""`python -m load`: offer a load to the broker, and see what has become of it, as the job `load`.

Needs an environment that runs (`groundwork up`); what comes of it is in the current folder. With
--ui it is Locust's own web UI that starts and ends it, on loopback.
"""

from __future__ import annotations

import argparse
import secrets
import uuid
from pathlib import Path
from typing import Any

from fixtures.seeds import draw_seed
from groundwork.base import process
from groundwork.base.errors import ExitCode
from groundwork.checkers import archive
from groundwork.use.client import Client
from groundwork.use.command import perform, say
from load.conclusion import conclude, write
from load.course import Course, show
from load.settings import OF_SERVICE, OWN, LoadSettings, helped
from load.topic import told_by, topics_of
from load.watch import watched

# Whom requests are offered to, and who offers a load from inside of a cluster.
SERVICE, GENERATORS = "hello-world", "generators"


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


def settings_of(given: dict[str, Any], client: Client) -> LoadSettings:
    """The settings of a load.

    Raises:
        UsageError: One isn't what it should be; names it.
    """
    broker = client.await_ready("broker")
    # In a cluster its processes are another's: nobody is found by this mark.
    token = f"{client.status().folder.name}:{broker.name}:"
    bootstrap = broker.endpoint("kafka")
    own = {
        "seed": draw_seed(),
        "topic": f"load-{uuid.uuid4()}",
        **told_by(given, topics_of(bootstrap) if "topic" in given else {}),
        "bootstrap": bootstrap,
        "run": secrets.randbits(32),
        "folder": Path.cwd(),
        "pids": {broker.name: tuple(each.pid for each in process.find_by_token(token))},
    }
    inside = own.get("place") == "inside"
    if inside:
        own |= {
            "master": client.await_ready(GENERATORS).endpoint("http"),
            "bootstrap_inside": broker.inside("kafka"),
        }
    if own.get("operation") in OF_SERVICE:
        service = client.await_ready(SERVICE)
        url = service.inside("http") if inside else service.endpoint("http")
        own |= {"url": url, "keep": False}
    return LoadSettings.of(own)


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
        nodes = list(range(1, 1 + len(settings.bootstrap.split(","))))
        if ui:
            say(f"load: open http://127.0.0.1:{port} and start one user; Ctrl-C ends it")
            show(settings, nodes, port, watch)
            return ExitCode.OK
        course = Course.run(settings, nodes, watch)
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
