"""The connection to an API server, and its errors in our words.

It is bound to one kubeconfig of the run's own, so it reaches one cluster whatever the user's
current context is or becomes.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import urllib3
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException
from kubernetes.dynamic.exceptions import DynamicApiError

from groundwork.base.errors import GroundworkError, NotYetError

__all__ = [
    "CONFLICT",
    "NOT_FOUND",
    "REQUEST_TIMEOUT_S",
    "Connection",
    "KubeError",
    "message_of",
    "talking",
]

# (connect, read): an API server on loopback answers in milliseconds; a starting one refuses.
REQUEST_TIMEOUT_S = (3.0, 15.0)

TOO_MANY_REQUESTS = 429
NOT_FOUND = 404
CONFLICT = 409
SERVER_ERROR = 500


class KubeError(GroundworkError):
    """The API server refused a request; the text is its own."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


@contextlib.contextmanager
def talking() -> Iterator[None]:
    """Turn the libraries' errors into ours: no answer, not now, or no."""
    try:
        yield
    except urllib3.exceptions.HTTPError as error:
        raise ConnectionError(f"the API server can't be reached: {error}") from error
    except (ApiException, DynamicApiError) as error:
        status = int(error.status or 0)
        text = message_of(error)
        if status >= SERVER_ERROR or status == TOO_MANY_REQUESTS:
            raise NotYetError(f"the API server says: {text}") from error
        raise KubeError(text, status) from error


def message_of(error: ApiException | DynamicApiError) -> str:
    """What the API server said, in one line."""
    try:
        text = str(json.loads(error.body)["message"])
    except (TypeError, ValueError, KeyError):
        text = f"{error.status} {error.reason}"
    return text.replace("\n", " ")


class Connection:
    """To the API server of one cluster; several threads may use it.

    What is asked by it goes within :func:`talking`.

    Args:
        kubeconfig: A file of the run's own; the user's is never read here nor written.

    Attributes:
        api: The library's client, which its other classes are made of.
        core: The API of pods, nodes, namespaces and volumes.
    """

    def __init__(self, kubeconfig: Path) -> None:
        self.kubeconfig = kubeconfig
        self.api: client.ApiClient = config.new_client_from_config(config_file=str(kubeconfig))
        self.api.rest_client.pool_manager.connection_pool_kw["retries"] = False
        self.core = client.CoreV1Api(self.api)

    def talker(self) -> client.CoreV1Api:
        """A client for one conversation: the library swaps a client's methods meanwhile."""
        return client.CoreV1Api(config.new_client_from_config(config_file=str(self.kubeconfig)))
