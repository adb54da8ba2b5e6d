"""How far a live attempt is: starting, running, or kept from it by something a person should know."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from mlops_operator.api.meta import Manifest
from mlops_operator.api.trainingjob import TrainingJobStatus, TrainingReason
from mlops_operator.controllers.shared import jobs, pending
from mlops_operator.controllers.shared.pending import PodProblem, Reads
from mlops_operator.controllers.shared.pods import MAIN


@dataclass(frozen=True)
class Startup:
    """How far an attempt is.

    Attributes:
        running: whether a pod of it runs, or ran already.
        problem: what keeps it from running; None where nothing does, or it was not read yet.
        reported: whether the status reports the problem by now.
    """

    running: bool
    problem: PodProblem | None = None
    reported: bool = False


RUNNING: Final = Startup(running=True)
STARTING: Final = Startup(running=False)


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
    return pending.PATIENCE - waited if waited < pending.PATIENCE else pending.PATIENCE


def startup(
    job: Manifest, status: TrainingJobStatus, pods: Sequence[Manifest] | None, now: datetime, reads: Reads
) -> Startup:
    """How far the attempt of a Job that is neither finished nor suspended is.

    Args:
        pods: None where they were not read, because it is too early to ask.
        reads: what else was read to explain that the pods do not run; see `pending`.
    """
    if status.running_since is not None or jobs.job_phase(job) is jobs.JobPhase.RUNNING:
        return RUNNING
    waited = jobs.pending_seconds(job, now)
    if not _begun(job) and not _resuming(job) and waited >= pending.PATIENCE:
        problem = PodProblem(TrainingReason.POD_PENDING, _NOT_BEGUN, permanent=False)
        return Startup(running=False, problem=problem, reported=True)
    if pods is None:
        return STARTING
    if any(_started(pod) for pod in pods):
        # The Job's own count of ready pods lags, or a readiness probe of theirs says no.
        return RUNNING
    if any(_ended(pod) for pod in pods):
        return STARTING  # the Job is about to say so
    problem = pending.job_problem(job, pods, reads) or PodProblem(
        TrainingReason.POD_PENDING, _pending_words(pods), permanent=False
    )
    return Startup(running=False, problem=problem, reported=pending.reported(problem, waited) is not None)


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
        return "the Job controller has not created a pod yet"
    pod = pods[0]
    reason = (_main_state(pod).get("waiting") or {}).get("reason") or "not started"
    return f"pod {pod['metadata']['name']}: {reason}; the events of the pod may say more"
