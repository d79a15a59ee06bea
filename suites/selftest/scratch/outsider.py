"""What a chaos tool does: `outsider.py RESOURCE FAULT SECONDS` breaks, says so, waits, heals.

It leaves a file that it has written in its folder; as a job, also a child that it forgets.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

from groundwork.use.client import Client


def main() -> None:
    """Break and heal, in whoever's name."""
    resource, fault, seconds = sys.argv[1:4]
    Path(__file__).with_name("child").write_text(str(os.getpid()))
    if "GROUNDWORK_TOKEN" in os.environ:
        idle = [sys.executable, "-c", "import time; time.sleep(300)"]
        subprocess.Popen(idle, start_new_session=True)  # noqa: S603 - of this very test
    client = Client.from_environment()
    with client.fault(resource, fault):
        print("landed", flush=True)
        Path("evidence").write_text(fault)
        threading.Event().wait(float(seconds))
    print("healed", flush=True)
    client.release()
    client.close()


main()
