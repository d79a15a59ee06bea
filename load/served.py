"""What a master serves besides Locust's own pages: what has been handed in, for who isn't there."""

from __future__ import annotations

import time
from typing import Any

import gevent  # type: ignore[import-untyped]
import locust
from flask import Response, abort, jsonify, request, send_file
from locust.runners import MasterRunner

from load.desk import FILES, FOLLOWED, GONE
from load.reception import Reception

__all__ = ["ASKED_WITHIN_S", "serve"]

# Whoever follows a load asks again within this, several times: who doesn't has gone, and the load
# goes with him.
ASKED_WITHIN_S = 10.0


class Watch:
    """Ends a load whose follower has gone.

    A job's processes end with it; what runs in a cluster doesn't notice by itself. A load that
    nobody follows, as one that is started in the UI, goes on.
    """

    def __init__(self, environment: Any, reception: Reception) -> None:
        self._environment = environment
        self._reception = reception
        self._asked_s: float | None = None
        environment.events.test_start.add_listener(self._begin)

    def _begin(self, **_: Any) -> None:
        self._asked_s = None

    def ask(self) -> None:
        """Its follower has asked."""
        self._asked_s = time.monotonic()

    def run(self) -> None:
        """In a greenlet."""
        while True:
            gevent.sleep(1)
            asked_s, over = self._asked_s, self._reception.over
            if asked_s is not None and not over and time.monotonic() - asked_s > ASKED_WITHIN_S:
                self._asked_s = None
                self._environment.runner.stop()


def serve(environment: Any, reception: Reception) -> None:
    """Serve the state of a load, and its files, beside Locust's own pages.

    Args:
        environment: Locust's, with a web UI.
        reception: Of its process.
    """
    watch = Watch(environment, reception)
    gevent.spawn(watch.run)
    app = environment.web_ui.app

    @app.route(FILES)  # type: ignore[untyped-decorator] # Locust's application has no types
    def state() -> Response:
        """Which load it is, by how many workers, whether it is over, and how large each file is."""
        if FOLLOWED in request.args:
            watch.ask()
        runner, desk = environment.runner, reception.desk
        workers = runner.worker_count if isinstance(runner, MasterRunner) else 1
        files = {file.name: file.stat().st_size for file in desk.files()} if desk else {}
        told = {"version": locust.__version__, "number": reception.number, "over": reception.over}
        return jsonify(told | {"workers": workers, "files": files})

    @app.route(f"{FILES}/{GONE}", methods=["POST"])  # type: ignore[untyped-decorator] # Locust's application has no types
    def give_up() -> Response:
        """Whom the load is offered to is gone for good."""
        reception.give_up(gone=True)
        return jsonify({"success": True, "message": "gone"})

    @app.route(f"{FILES}/<name>")  # type: ignore[untyped-decorator] # Locust's application has no types
    def file(name: str) -> Response:
        """One of them."""
        known = {file.name: file for file in reception.desk.files()} if reception.desk else {}
        if name not in known:
            abort(404)
        return send_file(known[name].resolve(), mimetype="application/octet-stream")
