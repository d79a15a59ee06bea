"""A tiny HTTP server: `server.py PORT [MODE]`; MODE is die, slow=SECONDS or stubborn=SECONDS."""

from __future__ import annotations

import http.server
import os
import signal
import subprocess
import sys
import time


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers every GET with the server's version; /exit ends it, without warning."""

    def do_GET(self) -> None:
        """One answer."""
        if self.path == "/exit":
            os._exit(3)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"pond 1.0")


def main() -> None:
    """Serve until somebody ends it."""
    mode = sys.argv[2] if len(sys.argv) > 2 else ""
    print("server is starting", flush=True)
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
    # A child that the server doesn't look after: it must go as well.
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
    http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()


main()
