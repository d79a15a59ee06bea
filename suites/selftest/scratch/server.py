"""A tiny HTTP server: `server.py PORT [MODE]`.

MODE is die, slow=SECONDS, stubborn=SECONDS or frail=PORT (it ends when nobody listens there).
"""

from __future__ import annotations

import http.server
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime


def listens(port: int) -> bool:
    """Whether anybody listens on a port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def insist(port: int) -> None:
    """End as soon as nobody listens on a port any more."""
    while listens(port):
        time.sleep(0.05)
    print("no water any more", flush=True)
    os._exit(5)


def say(level: str, text: str) -> None:
    """Write a line of the log."""
    print(f"{datetime.now(UTC).isoformat()} {level} {text}", flush=True)


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers every GET with the server's version; /exit ends it, without warning.

    /complain is an error to it.
    """

    def do_GET(self) -> None:
        """One answer."""
        if self.path == "/exit":
            os._exit(3)
        if self.path == "/complain":
            say("ERROR", "the wheel is squeaking")
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"pond 1.0")


def main() -> None:
    """Serve until somebody ends it."""
    mode = sys.argv[2] if len(sys.argv) > 2 else ""
    say("INFO", "server is starting")
    if mode == "die":
        print("no water", flush=True)
        sys.exit(7)
    if mode.startswith("slow="):
        time.sleep(float(mode.partition("=")[2]))
    if mode.startswith("stubborn="):
        seconds = float(mode.partition("=")[2])

        def late(*_: object) -> None:
            time.sleep(seconds)
            sys.exit(0)

        signal.signal(signal.SIGTERM, late)
    if mode.startswith("frail="):
        port = int(mode.partition("=")[2])
        while not listens(port):  # it isn't there before it has met whom it can't do without
            time.sleep(0.05)
        threading.Thread(target=insist, args=(port,), daemon=True).start()
    # A child that the server doesn't look after: it must go as well.
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
    http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()


main()
