"""The errors of the engine, one class per outcome that a user must tell apart.

* :class:`UsageError` - the user can mend it (an option, a file, a port, the network): exit code 4.
* :class:`ProvisionError` - the infrastructure failed: exit code 6, dependent tests are *broken*.
* :class:`NotRecoveredError` - the product did, after a fault: exit code 1.
* :class:`UncleanLogError` - the product complains, and nobody knows why: exit code 1.
* :class:`NothingShownError` - a measurement says nothing of the product: exit code 1.
* everything else that escapes a test is a defect of the test or of the product under test.
"""

from __future__ import annotations

import enum

__all__ = [
    "ArtifactError",
    "CancelledError",
    "ExitCode",
    "GroundworkError",
    "KeeperLostError",
    "LockTimeoutError",
    "NeedFailedError",
    "NotRecoveredError",
    "NotYetError",
    "NothingShownError",
    "OverdueError",
    "ProvisionError",
    "ResourceDiedError",
    "ResourceError",
    "TerminalStateError",
    "UncleanLogError",
    "UsageError",
    "WaitTimeoutError",
]


class ExitCode(enum.IntEnum):
    """What a run or a command came to: pytest's numbers, and one of our own."""

    OK = 0
    TESTS_FAILED = 1
    INTERRUPTED = 2
    USAGE = 4
    NO_TESTS = 5
    INFRASTRUCTURE = 6


class GroundworkError(Exception):
    """The root of the engine's errors; each class has the exit code of a run that it ends."""

    exit_code = ExitCode.INFRASTRUCTURE


class UsageError(GroundworkError):
    """Something that the user can mend: one line that says what to do, exit code 4."""

    exit_code = ExitCode.USAGE


class ArtifactError(UsageError):
    """A server's program can't be obtained; names the artifact and how to supply it."""


class ResourceError(GroundworkError):
    """Something is wrong with a resource; the class says whose failure that is.

    Args:
        resource: The name of the resource.
        message: What happened, with the last state and log lines seen.
    """

    def __init__(self, resource: str, message: str) -> None:
        super().__init__(f"{resource}: {message}")
        self.resource = resource
        self.message = message


class ProvisionError(ResourceError):
    """A resource could not be started, kept or removed: an infrastructure failure, exit code 6."""


class NotRecoveredError(ResourceError):
    """A resource isn't well again in time after a fault was healed: the product's failure."""

    exit_code = ExitCode.TESTS_FAILED


class UncleanLogError(ResourceError):
    """A resource's log has error lines that nothing explains: the product's failure."""

    exit_code = ExitCode.TESTS_FAILED


class NothingShownError(GroundworkError):
    """Too little was seen, or not what was to be measured: neither kept nor broken; that fails."""

    exit_code = ExitCode.TESTS_FAILED


class ResourceDiedError(ProvisionError):
    """A resource ended without being asked to: while starting or while a run used it."""


class NeedFailedError(ProvisionError):
    """A resource was not started because one that it needs failed; that one's error tells why."""


class KeeperLostError(ProvisionError):
    """The keeper process is gone, and with it the environment."""

    def __init__(self, message: str) -> None:
        super().__init__("keeper", message)


class LockTimeoutError(ProvisionError):
    """A test waited too long for other tests to let go of a resource."""


class OverdueError(GroundworkError):
    """A fault lasted longer than was declared, and the keeper has healed it: the test's failure."""

    exit_code = ExitCode.TESTS_FAILED


class CancelledError(GroundworkError):
    """The run ended while something was still being waited for."""


class NotYetError(GroundworkError):
    """A condition does not hold yet; its text is the state last seen. Raised inside wait_for."""


class TerminalStateError(GroundworkError):
    """A condition can never hold any more: waiting on would only cost time."""


class WaitTimeoutError(GroundworkError):
    """A wait reached its deadline: says what was expected and what was seen last."""
