"""Answers each question of a caller (`answering.py PORT [PORT-TO-PASS-ON-TO]`).

With a third word the server is started by a child that ends at once, so that it is nobody's.
"""

from __future__ import annotations

import os
import socketserver
import sys
import threading
from typing import Any


class Answering(socketserver.StreamRequestHandler):
    """A frame of four bytes of length, then the number of the question."""

    def handle(self) -> None:
        """Until the caller hangs up."""
        while head := self.rfile.read(4):
            asked = self.rfile.read(int.from_bytes(head, "big"))
            self.wfile.write((4).to_bytes(4, "big") + asked[4:8])


class Server(socketserver.ThreadingTCPServer):
    """Many callers at once."""

    allow_reuse_address = True
    daemon_threads = True


def serve(port: int) -> None:
    """Until it is killed; whoever comes second waits until the port is free."""
    handler: Any = Answering
    pause = threading.Event()
    while True:
        try:
            with Server(("127.0.0.1", port), handler) as server:
                server.serve_forever()
        except OSError:
            pause.wait(0.05)


if __name__ == "__main__":
    if len(sys.argv) > 2 and os.fork():
        os._exit(0)
    serve(int(sys.argv[1]))
