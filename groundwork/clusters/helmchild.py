"""Installs a chart's release, or takes it out, through pyhelm3: `python -m ... helmchild ORDER`.

A process of its own, so that it can be ended with all that it has started: pyhelm3 asks Helm
through a shell and knows no time limit. The order is a JSON file, for values don't belong on a
command line. What went wrong is told by Helm's own words, on the last line.
"""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

__all__ = ["Order"]


@dataclass(frozen=True)
class Order:
    """What is to be done.

    Attributes:
        helm: The program.
        kubeconfig: Of the one cluster that is meant.
        chart: A folder, or the chart's name in its repository.
        repository: Its address; empty for a folder.
        version: Empty for a folder.
        timeout_s: What Helm itself may take.
    """

    verb: Literal["install", "uninstall"]
    helm: str
    kubeconfig: str
    release: str
    namespace: str
    chart: str
    repository: str
    version: str
    timeout_s: float
    values: dict[str, Any] = field(default_factory=dict)

    def write(self, file: Path) -> None:
        """Write the order to a file, which holds the chart's values."""
        file.touch(0o600)
        file.write_text(json.dumps(asdict(self)))

    @classmethod
    def read(cls, file: Path) -> Order:
        """The order in a file that :meth:`write` has written."""
        return cls(**json.loads(file.read_text()))


async def obey(order: Order) -> None:
    """Do it; a release that is there is upgraded, one that isn't needn't be taken out."""
    from pyhelm3 import Client  # type: ignore[import-untyped] # noqa: PLC0415 - the keeper needs Order alone

    client = Client(executable=order.helm, kubeconfig=Path(order.kubeconfig))
    timeout = f"{order.timeout_s:g}s"
    if order.verb == "uninstall":
        await client.uninstall_release(
            order.release, namespace=order.namespace, timeout=timeout, wait=True
        )
        return
    chart = await client.get_chart(
        order.chart, repo=order.repository or None, version=order.version or None
    )
    await client.install_or_upgrade_release(
        order.release,
        chart,
        order.values,
        namespace=order.namespace,
        create_namespace=False,
        timeout=timeout,
    )


def main(file: str) -> int:
    """Obey an order; Helm's words go to standard error."""
    from pyhelm3.errors import Error  # type: ignore[import-untyped] # noqa: PLC0415 - as above

    try:
        asyncio.run(obey(Order.read(Path(file))))
    except Error as error:
        sys.stderr.write(f"{' '.join(str(error).split())}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
