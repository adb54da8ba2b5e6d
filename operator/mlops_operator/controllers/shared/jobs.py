# SPDX-License-Identifier: Apache-2.0
"""A child Job and its pods as its parent sees them: how far it is, how its pods ended, what they reported.

When the pods are read is decided in `job_reads.py`, why they do not run in `pending.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from mlops_contract import ResultInvalidError
from mlops_contract.messages import as_reason
from mlops_contract.models.result import Result, parse_result
from mlops_contract.text import clean, whole_number
from mlops_operator.api.conditions import holds
from mlops_operator.api.meta import LABEL_GENERATION, PREFIX, Manifest
from mlops_operator.controllers.shared.pods import MAIN

ANNOTATION_FOREIGN: Final = PREFIX + "foreign-containers"
"""On a pod: names of its containers that run foreign code, separated by commas. Their termination messages are
never read."""

PREDICTION_FAILED: Final = "PredictionFailed"
"""Reason of a pod whose foreign container failed: all that foreign containers do is predict."""


class JobPhase(StrEnum):
    """How far a Job is."""

    SUSPENDED = "Suspended"
    PENDING = "Pending"
    """Created, not all of its pods are ready."""
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"


DISRUPTED: Final = "DisruptionTarget"
"""Kubernetes' word for a pod that was evicted or preempted, or whose node is lost: the type of a condition of it."""


@dataclass(frozen=True)
class Termination:
    """How a container of a Job's pod ended.

    Attributes:
        container: its name.
        message: the termination message as it is, which the container wrote: any text.
    """

    container: str
    exit_code: int
    reason: str
    message: str
    started_at: str | None
    finished_at: str | None


def job_phase(job: Manifest) -> JobPhase:
    """How far `job` is, by its own status. A finished Job never goes back.

    `FailureTarget` and `SuccessCriteriaMet` are ignored: the Job's pods may still run then.
    """
    if holds(job, "Complete"):
        return JobPhase.SUCCEEDED
    if holds(job, "Failed"):
        return JobPhase.FAILED
    if job["spec"].get("suspend"):
        return JobPhase.SUSPENDED
    return JobPhase.RUNNING if _all_run(job) else JobPhase.PENDING


def ranks(job: Manifest) -> int:
    """Number of pods that a Job needs to end well: its ranks."""
    return int(job["spec"].get("completions") or 1)


def _all_run(job: Manifest) -> bool:
    """Whether each rank runs or has ended well, and one of them runs. `active` counts pods without a node as well."""
    status = job.get("status") or {}
    running = status.get("ready") or 0
    return running > 0 and running + (status.get("succeeded") or 0) >= ranks(job)


def ended(job: Manifest) -> bool:
    """Whether a Job has come to its end, a good one or not."""
    return job_phase(job) in (JobPhase.SUCCEEDED, JobPhase.FAILED)


def may_run(job: Manifest) -> bool:
    """Whether a pod of a Job may run. One that is suspended: its controller has not seen it, or a pod is ending."""
    status = job.get("status") or {}
    stopped = holds(job, "Suspended") and not status.get("active") and not status.get("terminating")
    return not ended(job) and not stopped


def failure_message(job: Manifest) -> tuple[str, str]:
    """Reason and message of a failed Job's own condition."""
    for condition in (job.get("status") or {}).get("conditions") or ():
        if condition["type"] == "Failed" and condition["status"] == "True":
            return as_reason(condition.get("reason")) or "Failed", clean(condition.get("message"))
    return "Failed", ""


def failed_tries(job: Manifest) -> int:
    """Pods of a Job that failed and are followed by another one; disruptions are not counted."""
    failed: int = (job.get("status") or {}).get("failed") or 0
    # The last one ends the Job, which says so itself.
    return min(failed, job["spec"].get("backoffLimit") or 0)


def generation_of(job: Manifest, default: int) -> int:
    """The generation of the spec that a Job was made from; `default` where it does not say."""
    return whole_number((job["metadata"].get("labels") or {}).get(LABEL_GENERATION), default)


def begun(job: Manifest) -> bool:
    """Whether the Job controller has begun to make the Job's pods."""
    return bool((job.get("status") or {}).get("startTime"))


def first_replica(pods: Sequence[Manifest]) -> Manifest | None:
    """The newest finished pod of replica 0, else its newest pod; None where there is none."""
    candidates = [pod for pod in pods if rank_of(pod) == 0]
    finished = [pod for pod in candidates if pod_ended(pod)]
    return max(finished or candidates, key=lambda pod: pod["metadata"].get("creationTimestamp", ""), default=None)


def pod_phase(pod: Manifest) -> str:
    """The pod's phase; `""` where it has none yet."""
    return str((pod.get("status") or {}).get("phase") or "")


def pod_ended(pod: Manifest) -> bool:
    """Whether none of the pod's containers runs any more, or ever will."""
    return pod_phase(pod) in ("Succeeded", "Failed")


def rank_of(pod: Manifest) -> int:
    """The pod's rank in its Job; 0 where it has no other one."""
    return rank_label(pod) or 0


def rank_label(pod: Manifest) -> int | None:
    """The rank that the pod's label states; None for a Job of one pod."""
    labels = pod["metadata"].get("labels") or {}
    # A user's pod template may set the label: a text that is no index says nothing.
    number = whole_number(labels.get("batch.kubernetes.io/job-completion-index"), -1)
    return number if number >= 0 else None


def disrupted(pod: Manifest) -> bool:
    """Whether Kubernetes took the pod away: it says nothing about what ran in it."""
    return holds(pod, DISRUPTED)


def termination(pods: Sequence[Manifest], *, container: str = MAIN) -> Termination | None:
    """How `container` of the first replica ended; None where no pod tells."""
    pod = first_replica(pods)
    return pod_termination(pod, container=container) if pod is not None else None


def pod_termination(pod: Manifest, *, container: str = MAIN) -> Termination | None:
    """How `container` of one pod ended; None where it has not, or nothing tells.

    Where an init container failed the main one never ran: then the init container's end is it. That of a native
    sidecar never is: it ends after the main one, killed as a rule. Of a container with foreign code only how it ended
    counts, not what it wrote.
    """
    status = pod.get("status") or {}
    sidecars = native_sidecars(pod)
    failed_inits = [
        entry
        for entry in status.get("initContainerStatuses") or ()
        if entry["name"] not in sidecars and ((entry.get("state") or {}).get("terminated") or {}).get("exitCode")
    ]
    mains = [entry for entry in status.get("containerStatuses") or () if entry["name"] == container]
    foreign = foreign_containers(pod)
    for entry in (*failed_inits, *mains):
        ended = (entry.get("state") or {}).get("terminated")
        if ended and entry["name"] in foreign:
            return _foreign_end(entry["name"], ended)
        if ended:
            return _end(entry["name"], ended)
    return None


def _end(name: str, ended: Manifest) -> Termination:
    return Termination(
        container=name,
        exit_code=ended.get("exitCode", 0),
        reason=as_reason(ended.get("reason")),
        message=ended.get("message") or "",
        started_at=ended.get("startedAt"),
        finished_at=ended.get("finishedAt"),
    )


def pod_failure(pod: Manifest) -> Termination | None:
    """How the container that failed a pod ended: an init container, the main one, else the first of the others to fail.

    None where none has failed, or nothing tells. As Kubernetes has it, a pod whose main container ended well has
    failed if another container that is no native sidecar has.
    """
    ended = pod_termination(pod)
    if ended is not None and ended.exit_code:
        return ended
    states = (
        (entry["name"], (entry.get("state") or {}).get("terminated") or {})
        for entry in (pod.get("status") or {}).get("containerStatuses") or ()
    )
    foreign = foreign_containers(pod)
    others = [
        _foreign_end(name, end) if name in foreign else _end(name, end) for name, end in states if end.get("exitCode")
    ]
    return min(others, key=lambda end: end.finished_at or "", default=None)


def last_words(end: Termination) -> str:
    """What a container that failed said, in one line: the last one, since the first ones of a log say least.

    Of any container but the main one it says which; of one that said nothing, only that.
    """
    lines = [line for line in end.message.splitlines() if line.strip()]
    said = clean(lines[-1]) if lines else ""
    if end.container == MAIN or end.reason == PREDICTION_FAILED:
        return said
    return f"container {end.container}: {said}" if said else f"container {end.container}"


def native_sidecars(pod: Manifest) -> frozenset[str]:
    """Names of the init containers that run beside the main one, as an admission webhook may add them."""
    inits = (pod.get("spec") or {}).get("initContainers") or ()
    return frozenset(entry["name"] for entry in inits if entry.get("restartPolicy") == "Always")


def foreign_containers(pod: Manifest) -> frozenset[str]:
    """Names of the pod's containers that run foreign code."""
    names = (pod["metadata"].get("annotations") or {}).get(ANNOTATION_FOREIGN, "")
    return frozenset(filter(None, names.split(",")))


def _foreign_end(name: str, ended: Manifest) -> Termination:
    code = ended.get("exitCode", 0)
    return Termination(
        container=name,
        exit_code=code,
        reason=PREDICTION_FAILED,
        # The reason is the container runtime's; the message would be the container's own.
        message=f"container {name} ended with exit code {code} ({ended.get('reason') or 'no reason'})",
        started_at=ended.get("startedAt"),
        finished_at=ended.get("finishedAt"),
    )


def reported(pods: Sequence[Manifest], *, uid: str) -> Result | ResultInvalidError:
    """The result that a succeeded Job's first replica reported, or what is wrong with it."""
    ended = termination(pods)
    if ended is None:
        return ResultInvalidError("the pod was deleted: its result cannot be read")
    try:
        return parse_result(ended.message, uid=uid)
    except ResultInvalidError as error:
        return error
