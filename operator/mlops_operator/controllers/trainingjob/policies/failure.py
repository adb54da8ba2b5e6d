"""Why an attempt failed, from the pod that failed first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from mlops_contract.text import clean
from mlops_operator.api.conditions import parse_timestamp
from mlops_operator.api.meta import Manifest
from mlops_operator.api.trainingjob import TrainingReason
from mlops_operator.controllers.shared import jobs
from mlops_operator.controllers.trainingjob.policies.retry import PERMANENT


@dataclass(frozen=True)
class Cause:
    """Why an attempt failed.

    Attributes:
        reason: the run's own word (`DataInvalid`), or the kubelet's (`OOMKilled`, `Error`, `Evicted`), or
            `DisruptionTarget` where Kubernetes took the pod away.
        message: what was said about it.
        exit_code: of the main container, where it ended.
        permanent: the reason for which there is no further attempt, or None.
    """

    reason: str
    message: str
    exit_code: int | None = None
    permanent: TrainingReason | None = None

    def __str__(self) -> str:
        code = f" (exit code {self.exit_code})" if self.exit_code is not None else ""
        return f"{self.reason}{code}: {self.message}" if self.message else f"{self.reason}{code}"


def cause(job: Manifest, pods: Sequence[Manifest]) -> Cause:
    """Why the failed `job` failed.

    Of several replicas that failed, the first to fail is the cause: the others were brought
    down by it. Without a pod that tells, the Job's own words are all there is.
    """
    if jobs.failure_message(job)[0] == _BY_POD_FAILURE_POLICY:
        return _disruption(job, pods)
    pod = _first_failed(pods)
    if pod is None:
        return Cause(*jobs.failure_message(job))
    ended = jobs.pod_termination(pod)
    if ended is None or ended.exit_code == 0:
        status = pod["status"]
        reason = jobs.as_reason(status.get("reason")) or "Failed"
        return Cause(reason, clean(status.get("message")) or jobs.failure_message(job)[1])
    reason, message = jobs.reported_failure(ended.message) or (ended.reason or "Failed", clean(ended.message))
    return Cause(reason, message or jobs.failure_message(job)[1], ended.exit_code, PERMANENT.get(reason))


_BY_POD_FAILURE_POLICY: Final = "PodFailurePolicy"
"""Reason of a Job that failed by a rule of its `podFailurePolicy`; the only one is about disruptions."""


def _disruption(job: Manifest, pods: Sequence[Manifest]) -> Cause:
    """What the pod says that Kubernetes took away, where it is still there, else what the Job has kept of it."""
    message = jobs.failure_message(job)[1]
    for pod in pods:
        status = pod.get("status") or {}
        conditions = status.get("conditions") or ()
        if any(entry["type"] == jobs.DISRUPTED and entry["status"] == "True" for entry in conditions):
            ended = jobs.pod_termination(pod)
            code = ended.exit_code if ended is not None else None
            reason = jobs.as_reason(status.get("reason")) or jobs.DISRUPTED
            return Cause(reason, clean(status.get("message")) or message, code)
    return Cause(jobs.DISRUPTED, message)


def _first_failed(pods: Sequence[Manifest]) -> Manifest | None:
    failed = [pod for pod in pods if (pod.get("status") or {}).get("phase") == "Failed"]
    return min(failed, key=_end_order, default=None)


def _end_order(pod: Manifest) -> tuple[bool, datetime, str]:
    ended = jobs.pod_termination(pod)
    moment = (ended.finished_at if ended else None) or pod["metadata"]["creationTimestamp"]
    return ended is None, parse_timestamp(moment), pod["metadata"]["name"]
