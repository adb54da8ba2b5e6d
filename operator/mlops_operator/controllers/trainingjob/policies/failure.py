# SPDX-License-Identifier: Apache-2.0
"""Why an attempt failed, from the pod that failed first."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from mlops_contract.messages import as_reason, reported_failure
from mlops_contract.text import clean
from mlops_operator.api.conditions import parse_timestamp
from mlops_operator.api.meta import Manifest
from mlops_operator.api.trainingjob import TrainingReason
from mlops_operator.controllers.shared import jobs
from mlops_operator.controllers.shared.disruptions import (
    DISRUPTED,
    POD_DELETED,
    Disruption,
    disruption,
)
from mlops_operator.controllers.trainingjob.policies import stopping
from mlops_operator.controllers.trainingjob.policies.retry import PERMANENT


@dataclass(frozen=True)
class Cause:
    """Why an attempt failed.

    Attributes:
        reason: the run's own word (`DataInvalid`), or the kubelet's (`OOMKilled`, `Error`), or that of a disruption.
        message: what was said about it.
        exit_code: of the main container, where it ended.
        permanent: the reason for which there is no further attempt, or None.
        disrupted: whether a pod was taken away, which says nothing about the run.
    """

    reason: str
    message: str
    exit_code: int | None = None
    permanent: TrainingReason | None = None
    disrupted: bool = False

    def __str__(self) -> str:
        code = f" (exit code {self.exit_code})" if self.exit_code is not None else ""
        return f"{self.reason}{code}: {self.message}" if self.message else f"{self.reason}{code}"


def cause(job: Manifest, pods: Sequence[Manifest]) -> Cause:
    """Why the failed `job` failed.

    Of several replicas that failed by themselves, the first to fail is the cause: the others were brought
    down by it. Pods that failed stay; so where none is there, it was taken away before it had ended.
    """
    if (known := stopping.recorded(job)) is not None:
        return _disrupted(known)
    pod = _first_failed([pod for pod in pods if disruption(pod) is None])
    if pod is None or jobs.failure_message(job)[0] == _BY_POD_FAILURE_POLICY:
        taken = next((why for entry in pods if (why := disruption(entry)) is not None), None)
        return _disrupted(taken or _told_by_job(job) or gone(job))
    ended = jobs.pod_failure(pod)
    if ended is None:
        status = pod["status"]
        reason = as_reason(status.get("reason")) or "Failed"
        return Cause(reason, clean(status.get("message")) or jobs.failure_message(job)[1])
    reason, message = reported_failure(ended.message) or (
        ended.reason or "Failed",
        jobs.last_words(ended),
    )
    return Cause(reason, message or jobs.failure_message(job)[1], ended.exit_code, PERMANENT.get(reason))


_BY_POD_FAILURE_POLICY: Final = "PodFailurePolicy"
"""Reason of a Job that failed by a rule of its `podFailurePolicy`; the only one is about disruptions."""


_DISRUPTED_POD: Final = re.compile(r"Pod \S+/(\S+) has condition DisruptionTarget ")
"""How the Job controller tells which pod it was."""


def _told_by_job(job: Manifest) -> Disruption | None:
    """The disruption of a pod that was gone before it was read: that it was one is all that the Job keeps."""
    found = _DISRUPTED_POD.match(jobs.failure_message(job)[1])
    if found is None:
        return None
    return Disruption(
        DISRUPTED, f"Kubernetes removed pod {found[1]}; it was deleted before the operator could read the cause"
    )


def gone(job: Manifest, ranks: Sequence[int] = ()) -> Disruption:
    """The disruption of which nothing is left but that a pod is not there any more.

    Args:
        ranks: those whose pods are gone, where it is known and the Job has several.
    """
    whose = f"rank {', '.join(map(str, ranks))} of Job" if ranks and jobs.ranks(job) > 1 else "Job"
    name = job["metadata"]["name"]
    return Disruption(
        POD_DELETED, f"the pod of {whose} {name} no longer exists, and there is no evidence that it had ended before"
    )


def _disrupted(why: Disruption) -> Cause:
    return Cause(why.reason, why.message, disrupted=True)


def _first_failed(pods: Sequence[Manifest]) -> Manifest | None:
    failed = [pod for pod in pods if jobs.pod_phase(pod) == "Failed"]
    return min(failed, key=_end_order, default=None)


def _end_order(pod: Manifest) -> tuple[bool, datetime, str]:
    ended = jobs.pod_termination(pod)
    moment = (ended.finished_at if ended else None) or pod["metadata"]["creationTimestamp"]
    return ended is None, parse_timestamp(moment), pod["metadata"]["name"]
