"""How far a live attempt is: starting, running, or kept from it by something a person should know."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from mlops_operator.api.meta import Manifest
from mlops_operator.api.trainingjob import TrainingJobStatus, TrainingReason
from mlops_operator.controllers.shared import jobs
from mlops_operator.controllers.shared.jobs import PodProblem
from mlops_operator.controllers.shared.pods import MAIN


@dataclass(frozen=True)
class Startup:
    """How far an attempt is.

    Attributes:
        running: whether a pod of it runs, or ran already.
        problem: what keeps it, once that took too long; None where nothing is to be said yet.
    """

    running: bool
    problem: PodProblem | None = None


RUNNING: Final = Startup(running=True)
STARTING: Final = Startup(running=False)

NOT_BEGUN_PATIENCE: Final = 30.0
"""Seconds for which the Job controller may not have begun a Job before that is told: it falls
behind by some seconds in a burst of Jobs, and its Jobs have no pods to look at meanwhile."""


def needs_pods(job: Manifest, status: TrainingJobStatus, now: datetime) -> bool:
    """Whether the decision wants the Job's pods: it has had none ready for too long."""
    if status.running_since is not None or not _begun(job):
        return False
    return jobs.job_phase(job) is jobs.JobPhase.PENDING and jobs.needs_pods(job, now)


def next_look(job: Manifest, now: datetime) -> float:
    """Seconds until a Job that has not started is looked at without an event."""
    if _begun(job):
        return jobs.next_look(job, now)
    waited = jobs.pending_seconds(job, now)
    return NOT_BEGUN_PATIENCE - waited if waited < NOT_BEGUN_PATIENCE else NOT_BEGUN_PATIENCE


def startup(job: Manifest, status: TrainingJobStatus, pods: Sequence[Manifest] | None, now: datetime) -> Startup:
    """How far the attempt of a Job that is neither finished nor suspended is.

    Args:
        pods: None where they were not read, because it is too early to ask.
    """
    if status.running_since is not None or jobs.job_phase(job) is jobs.JobPhase.RUNNING:
        return RUNNING
    if not _begun(job) and not _resuming(job) and jobs.pending_seconds(job, now) >= NOT_BEGUN_PATIENCE:
        return Startup(running=False, problem=PodProblem(TrainingReason.POD_PENDING, _NOT_BEGUN))
    if pods is None:
        return STARTING
    if any(_started(pod) for pod in pods):
        # The Job's own count of ready pods lags, or a readiness probe of theirs says no.
        return RUNNING
    if any(_ended(pod) for pod in pods):
        return STARTING  # the Job is about to say so
    problem = jobs.pod_problem(pods)
    return Startup(running=False, problem=problem or PodProblem(TrainingReason.POD_PENDING, _pending_words(pods)))


_NOT_BEGUN: Final = "the Job controller has not begun the Job; is the controller manager running?"


def _begun(job: Manifest) -> bool:
    """Whether the Job controller has begun to make the Job's pods."""
    return jobs.begun(job) and not _resuming(job)


def _resuming(job: Manifest) -> bool:
    """Whether the Job was let go on but its controller has not begun: its start time is still the former one."""
    conditions = (job.get("status") or {}).get("conditions") or ()
    suspended = any(entry["type"] == "Suspended" and entry["status"] == "True" for entry in conditions)
    return suspended and not job["spec"].get("suspend")


def _main_state(pod: Manifest) -> Manifest:
    for entry in (pod.get("status") or {}).get("containerStatuses") or ():
        if entry["name"] == MAIN:
            state: Manifest = entry.get("state") or {}
            return state
    return {}


def _started(pod: Manifest) -> bool:
    return "running" in _main_state(pod)


def _ended(pod: Manifest) -> bool:
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")


def _pending_words(pods: Sequence[Manifest]) -> str:
    if not pods:
        return jobs.NO_POD.message
    pod = pods[0]
    reason = (_main_state(pod).get("waiting") or {}).get("reason") or "not started"
    return f"pod {pod['metadata']['name']}: {reason}; the events of the pod may say more"
