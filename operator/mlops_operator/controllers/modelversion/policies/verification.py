# SPDX-License-Identifier: Apache-2.0
"""What a verification says about an artifact, and when it is asked again.

A missing artifact may appear and an unreachable store may come back, so those are asked again.
Content that is not what its digest promises stays wrong until somebody makes the version
again: the digest cannot change, and nothing may be served that once was something else.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from mlops_operator.api.modelversion import ModelVersionReason
from mlops_operator.controllers.shared.task import TaskPhase, TaskState

FIRST_DELAY: Final = 10.0
"""Seconds between the first failed verification and the next: the Job controller's own number."""

MAX_DELAY: Final = 300.0
"""Longest such delay, in seconds: what appears is noticed within five minutes."""

_CORRUPT: Final = "ArtifactCorrupt"
_PERMANENT: Final = frozenset({"ConfigurationInvalid"})
"""The command cannot be run with this spec at all, and the spec is immutable."""


class Finding(StrEnum):
    """What became of one verification."""

    UNDECIDED = "Undecided"
    VERIFIED = "Verified"
    CORRUPT = "Corrupt"
    UNUSABLE = "Unusable"
    """It can never be verified."""
    FAILED = "Failed"
    """Not this time."""


@dataclass(frozen=True)
class Verdict:
    """A finding with its words."""

    finding: Finding
    reason: ModelVersionReason = ModelVersionReason.VERIFYING
    message: str = ""


def judge(task: TaskState, *, digest: str) -> Verdict:
    """What the task's end says about the artifact that should have this digest."""
    if task.phase is TaskPhase.SUCCEEDED:
        found = [artifact.digest for artifact in task.result.artifacts] if task.result else []
        if found == [digest]:
            return Verdict(Finding.VERIFIED, ModelVersionReason.VERIFIED)
        message = f"expected one artifact with digest {digest}, the verification reports {found or 'none'}"
        return Verdict(Finding.FAILED, ModelVersionReason.VERIFICATION_FAILED, message)
    if task.phase not in (TaskPhase.FAILED, TaskPhase.RESULT_INVALID):
        return Verdict(Finding.UNDECIDED)
    if task.reason == _CORRUPT:
        return Verdict(Finding.CORRUPT, ModelVersionReason.ARTIFACT_CORRUPT, task.message)
    if task.reason == ModelVersionReason.ARTIFACT_NOT_FOUND:
        return Verdict(Finding.FAILED, ModelVersionReason.ARTIFACT_NOT_FOUND, task.message)
    words = f"{task.reason}: {task.message}" if task.message else task.reason
    finding = Finding.UNUSABLE if task.reason in _PERMANENT else Finding.FAILED
    return Verdict(finding, ModelVersionReason.VERIFICATION_FAILED, words)


def delay(failures: int) -> float:
    """Seconds from the `failures`-th failed verification to the next: 10, 20, 40, ..., 300."""
    # Doubling stops by itself long before the exponent matters.
    return min(MAX_DELAY, FIRST_DELAY * 2.0 ** min(failures - 1, 16))


def next_start(failures: int, failed_at: datetime) -> datetime:
    """When the next verification begins."""
    return failed_at + timedelta(seconds=delay(failures))
