"""What Locust reads: ``locust -f load/locustfile.py``, told a load's settings by ``--load``."""

from __future__ import annotations

from typing import Any

from locust import events
from locust.runners import WorkerRunner

from load.health import tell_health
from load.reception import Reception
from load.served import serve
from load.settings import VARIABLE
from load.users import LoadUser

__all__ = ["LoadUser"]


@events.init_command_line_parser.add_listener  # type: ignore[untyped-decorator] # Locust has no types for it
def tell(parser: Any) -> None:
    """What Locust's processes are told besides."""
    text = "a load's settings, as JSON; `make load` tells them"
    parser.add_argument("--load", env_var=VARIABLE, default="", help=text)
    text = "which worker has which share; a master tells it"
    parser.add_argument("--load-shares", default="", help=text, include_in_web_ui=False)
    parser.add_argument(
        "--load-health-port",
        type=int,
        default=0,
        help="where a worker tells whether it has a master (default: nowhere)",
        include_in_web_ui=False,
    )


@events.init.add_listener  # type: ignore[untyped-decorator] # Locust has no types for it
def begin(environment: Any, **_: Any) -> None:
    """Receive what workers hand in; where there is a web UI, serve that, too."""
    LoadUser.reception = Reception(environment)
    runner, port = environment.runner, environment.parsed_options.load_health_port
    if port and isinstance(runner, WorkerRunner):
        tell_health(runner, port)
    if environment.web_ui is not None:
        serve(environment, LoadUser.reception)
