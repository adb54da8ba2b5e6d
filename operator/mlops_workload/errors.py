# SPDX-License-Identifier: Apache-2.0
"""Errors of the data plane, each with the reason the operator shows and an exit code.

A command that cannot do its work ends with the error's exit code and leaves one line of
JSON in the container's termination message, so that the operator can distinguish a missing
artifact from a corrupt one without reading logs.
"""

from typing import ClassVar

from mlops_contract import MAX_RESULT_BYTES
from mlops_contract.messages import CONNECTION_FAILED_EXIT_CODE, failure_line


class WorkloadError(Exception):
    """Base of every error the data plane raises on purpose.

    `reason` is a CamelCase word for a condition; `details` are further facts, such as the
    digest that was expected and the one that was found.
    """

    reason: ClassVar[str] = "WorkloadFailed"
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, **details: str) -> None:
        super().__init__(message)
        self.message = message
        self.details = details

    def to_line(self) -> str:
        """One line of JSON: `{"reason": ..., "message": ..., <details>}`, cut to fit a termination message."""
        message = self.message
        while True:
            line = failure_line(self.reason, message, **self.details)
            if len(line.encode()) <= MAX_RESULT_BYTES or not message:
                return line
            message = message[: len(message) // 2]


class ConfigurationInvalidError(WorkloadError):
    """The configuration of a command is missing, malformed or contradicts itself."""

    reason = "ConfigurationInvalid"
    exit_code = 2


class ArtifactNotFoundError(WorkloadError):
    """Nothing is at a URI that should hold an artifact or data."""

    reason = "ArtifactNotFound"
    exit_code = 3


class ArtifactCorruptError(WorkloadError):
    """The content at a URI does not match its digest. Details: `expected`, `found`."""

    reason = "ArtifactCorrupt"
    exit_code = 4


class DataNotFoundError(ArtifactNotFoundError):
    """Nothing is at a URI that should hold data."""

    reason = "DataNotFound"


class DataCorruptError(ArtifactCorruptError):
    """Data are not what their digest promises. Details: `expected`, `found`."""

    reason = "DataCorrupt"


class ArtifactUnreachableError(WorkloadError):
    """A store did not answer, or refused: it is not known whether the artifact is there."""

    reason = "ArtifactUnreachable"
    exit_code = 10


class ConnectionFailedError(WorkloadError):
    """A host could not be reached through the network: its name was not resolved, or no connection could be made."""

    reason = "ConnectionFailed"
    exit_code = CONNECTION_FAILED_EXIT_CODE


class ModelLoadFailedError(WorkloadError):
    """The artifact is there, but it cannot be loaded as a model of its format."""

    reason = "ModelLoadFailed"
    exit_code = 5


class PredictionFailedError(WorkloadError):
    """A model was loaded, but gave no predictions of the form that was asked for."""

    reason = "PredictionFailed"
    exit_code = 11


class DataInvalidError(WorkloadError):
    """Data that was read does not have the form that was asked for."""

    reason = "DataInvalid"
    exit_code = 6


class DataChangedError(WorkloadError):
    """Data changed while a run was reading it, so its recorded digest would be a lie."""

    reason = "DataChanged"
    exit_code = 7


class MetricInvalidError(WorkloadError):
    """A metric or count that is no finite number, or a metric that cannot be computed here."""

    reason = "MetricInvalid"
    exit_code = 8


class EndpointUnavailableError(WorkloadError):
    """A model server did not become ready in time."""

    reason = "EndpointUnavailable"
    exit_code = 9


class CoordinatorUnresolvedError(WorkloadError):
    """Replica 0 of a run with several replicas was not found by its name in time."""

    reason = "CoordinatorUnresolved"
    exit_code = 12


class CoordinatorUnreachableError(WorkloadError):
    """Replica 0 has an address, and does not answer the others where they meet."""

    reason = "CoordinatorUnreachable"
    exit_code = 13


class RanksMissingError(WorkloadError):
    """Some replicas of a run were not there while the others waited for them."""

    reason = "RanksMissing"
    exit_code = 14


class RunFinishedError(WorkloadError):
    """Something was logged or finished after the run's result had been written."""

    reason = "RunFinished"
