# SPDX-License-Identifier: Apache-2.0
"""How far a live attempt is: starting, running, or kept from it by something a person should know.

An attempt runs when all of its ranks run or have ended well.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from mlops_operator.api.conditions import holds
from mlops_operator.api.meta import Manifest
from mlops_operator.api.trainingjob import TrainingJobStatus, TrainingReason
from mlops_operator.controllers.shared import job_reads, jobs, pending, sidecars
from mlops_operator.controllers.shared.pending import PodProblem, Reads
from mlops_operator.controllers.trainingjob.names import WAIT


@dataclass(frozen=True)
class Startup:
    """How far an attempt is.

    Attributes:
        running: whether all of its ranks run.
        problem: what keeps it from running; None where nothing does, or it was not read yet.
        reported: whether the status reports the problem by now.
    """

    running: bool
    problem: PodProblem | None = None
    reported: bool = False


RUNNING: Final = Startup(running=True)
STARTING: Final = Startup(running=False)


def needs_pods(job: Manifest, status: TrainingJobStatus, now: datetime) -> bool:
    """Whether the decision wants the Job's pods: not all have been ready for too long, or one is so no more."""
    if not _begun(job):
        return False
    if status.running_since is not None:
        return _unready(job)
    return job_reads.waits(job, now)


def next_look(job: Manifest, now: datetime) -> float:
    """Seconds until a Job that has not started is looked at without an event."""
    if _begun(job):
        return job_reads.next_look(job, now)
    waited = job_reads.pending_seconds(job, now)
    return pending.PATIENCE - waited if waited < pending.PATIENCE else pending.PATIENCE


def startup(job: Manifest, pods: Sequence[Manifest] | None, now: datetime, reads: Reads) -> Startup:
    """How far the attempt of a Job that is neither finished nor suspended is, unless all of its ranks ran already.

    Args:
        pods: None where they were not read, because it is too early to ask.
        reads: what else was read to explain that the pods do not run; see `pending`.
    """
    if jobs.job_phase(job) is jobs.JobPhase.RUNNING:
        return RUNNING
    waited = job_reads.pending_seconds(job, now)
    if not _begun(job) and not _resuming(job) and waited >= pending.PATIENCE:
        problem = PodProblem(TrainingReason.POD_PENDING, _NOT_BEGUN, permanent=False)
        return Startup(running=False, problem=problem, reported=True)
    if pods is None:
        return STARTING
    run = {jobs.rank_of(pod) for pod in pods if _started(pod)}
    well = {jobs.rank_of(pod) for pod in pods if jobs.pod_phase(pod) == "Succeeded"}
    if run and len(run | well) == jobs.ranks(job):
        # The Job's own count of ready pods lags, or a readiness probe of theirs says no.
        return RUNNING
    if len(well) == jobs.ranks(job) or any(jobs.pod_phase(pod) == "Failed" for pod in pods):
        return STARTING  # the Job is about to say so
    waiting = [pod for pod in pods if jobs.rank_of(pod) not in run | well]
    problem = _of_rank(job, waiting, reads, run | well)
    return Startup(running=False, problem=problem, reported=pending.reported(problem, waited) is not None)


def _of_rank(job: Manifest, waiting: Sequence[Manifest], reads: Reads, others: Collection[int]) -> PodProblem:
    """What keeps the ranks that do not run; of several ranks with which one it is and how many run.

    Args:
        waiting: the pods of such ranks.
        others: the ranks that run or have ended well.
    """
    pods = {jobs.rank_of(pod): pod for pod in waiting}
    absent = set(range(jobs.ranks(job))) - set(others) - set(pods)
    found = {rank: pending.pod_problem([pod], reads) or _no_cause(pod) for rank, pod in pods.items()}
    if absent:
        found[min(absent)] = pending.refusal(job, reads) or _NO_POD
    # Of ranks that wait for each other the one that is not there yet is the cause.
    rank = min(found, key=lambda rank: (not found[rank].permanent, found[rank] == _MEETING, rank))
    if jobs.ranks(job) == 1:
        return found[rank]
    about = f"{len(others)} of {jobs.ranks(job)} ranks run; rank {rank} waits: "
    return replace(found[rank], message=f"{about}{found[rank].message}", about=about)


IF_LOST: Final = (
    "the attempt goes on if the node comes back, and another one starts when the cluster has removed the pod"
)
"""What follows by itself where the node of a pod of a running attempt does not answer."""

_NO_POD: Final = PodProblem(TrainingReason.POD_PENDING, "the Job controller has not created a pod yet", permanent=False)
_MEETING: Final = PodProblem(
    TrainingReason.POD_PENDING,
    "it starts when MLOPS_COORDINATOR, the name of rank 0, resolves and all ranks have met there; the log of its "
    f"container {WAIT} lists what is missing",
    permanent=False,
)

_NOT_BEGUN: Final = "the Job controller has not begun the Job; is the controller manager running?"


def _begun(job: Manifest) -> bool:
    """Whether the Job controller has begun to make the Job's pods."""
    return jobs.begun(job) and not _resuming(job)


def _resuming(job: Manifest) -> bool:
    """Whether the Job was let go on but its controller has not begun: its start time is still the former one."""
    return holds(job, "Suspended") and not job["spec"].get("suspend")


def _started(pod: Manifest) -> bool:
    """Whether its main container runs, or has run and another container keeps the pod."""
    state = sidecars.main_state(pod)
    return "running" in state or ("terminated" in state and jobs.pod_phase(pod) == "Running")


def _unready(job: Manifest) -> bool:
    """Whether a pod that runs, as far as the Job knows, is not ready."""
    status = job.get("status") or {}
    return (status.get("ready") or 0) < (status.get("active") or 0)


def _no_cause(pod: Manifest) -> PodProblem:
    inits = (pod.get("status") or {}).get("initContainerStatuses") or ()
    if any(entry["name"] == WAIT and (entry.get("state") or {}).get("running") for entry in inits):
        return _MEETING
    reason = (sidecars.main_state(pod).get("waiting") or {}).get("reason") or "not started"
    words = f"pod {pod['metadata']['name']}: {reason}; the events of the pod may have details"
    return PodProblem(TrainingReason.POD_PENDING, words, permanent=False)
