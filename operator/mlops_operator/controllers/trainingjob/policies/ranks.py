# SPDX-License-Identifier: Apache-2.0
"""Which ranks of an attempt have ended well, by their pods and by what was kept of pods that are gone.

The Job counts a pod that ended with 0 when it was told to stop as succeeded, and forgets why a pod is gone. So an
attempt has succeeded when there is evidence for each rank: a pod that ended by itself, or one whose result was complete
before it was told to stop, seen now or before.
"""

from collections.abc import Iterable, Sequence

from mlops_contract import MAX_RESULT_BYTES
from mlops_contract.text import clean
from mlops_operator.api.meta import Manifest
from mlops_operator.api.trainingjob import FinishedRanks, TrainingJobStatus
from mlops_operator.controllers.shared import jobs
from mlops_operator.controllers.shared.disruptions import disruption
from mlops_operator.controllers.shared.pods import MAIN
from mlops_operator.controllers.trainingjob.inputs import Image
from mlops_operator.controllers.trainingjob.policies.completed import completed


def finished(pods: Sequence[Manifest]) -> frozenset[int]:
    """Ranks with a pod that ended well and by itself, or whose result was complete before it was told to stop."""
    return frozenset(jobs.rank_of(pod) for pod in pods if _ended_well(pod) or completed(pod))


def _ended_well(pod: Manifest) -> bool:
    return jobs.pod_phase(pod) == "Succeeded" and disruption(pod) is None


def missing(job: Manifest, pods: Sequence[Manifest]) -> Sequence[int]:
    """Ranks without such a pod, in order."""
    found = finished(pods)
    return [rank for rank in range(jobs.ranks(job)) if rank not in found]


def unseen(job: Manifest, status: TrainingJobStatus, attempt: int) -> bool:
    """Whether ranks of a Job of several have ended well since it was last looked at."""
    succeeded = (job.get("status") or {}).get("succeeded") or 0
    return jobs.ranks(job) > 1 and succeeded > len(indexes(kept(status, attempt)))


def new(status: TrainingJobStatus, attempt: int, pods: Sequence[Manifest]) -> bool:
    """Whether `pods` show finished ranks that the status does not have yet."""
    return not finished(pods) <= indexes(kept(status, attempt))


def kept(status: TrainingJobStatus, attempt: int) -> FinishedRanks | None:
    """What was kept of the ranks of `attempt` that ended before the others."""
    found = status.finished_ranks
    return found if found is not None and found.attempt == attempt else None


def keep(attempt: int, pods: Sequence[Manifest], *, image: Image, inputs_digest: str | None) -> FinishedRanks:
    """What is known of the finished ranks by these pods, among them the stand-ins for those that are gone.

    Args:
        image: what the pod of rank 0 ran.
        inputs_digest: that of the attempt, by the pod of rank 0.
    """
    found = finished(pods)
    ended = jobs.termination(pods) if 0 in found else None
    if ended is None:
        return FinishedRanks(attempt=attempt, indexes=intervals(found))
    return FinishedRanks(
        attempt=attempt,
        indexes=intervals(found),
        result=_one_line(ended.message),
        image=image.id or "",
        image_name=image.name or "",
        inputs_digest=inputs_digest,
    )


def _one_line(message: str) -> str:
    """A result as it is; anything that cannot be one in a form that a status can hold."""
    fits = message.isprintable() and len(message) <= MAX_RESULT_BYTES
    return message if fits else clean(message, MAX_RESULT_BYTES)


def remembered(
    job: Manifest, record: FinishedRanks | None, pods: Sequence[Manifest], environment: Sequence[Manifest]
) -> Sequence[Manifest]:
    """Stand-ins for the pods of finished ranks that are gone.

    Args:
        environment: what the main container of rank 0 ran with, as far as it is known.
    """
    if record is None:
        return ()
    gone = indexes(record) - finished(pods)
    return [_stand_in(job, rank, record, environment) for rank in sorted(gone)]


def _stand_in(job: Manifest, rank: int, record: FinishedRanks, environment: Sequence[Manifest]) -> Manifest:
    ended = {"exitCode": 0, "message": record.result if rank == 0 else ""}
    return {
        "metadata": {
            "name": f"{job['metadata']['name']}-{rank}",
            "namespace": job["metadata"]["namespace"],
            "creationTimestamp": job["metadata"]["creationTimestamp"],
            "labels": {"batch.kubernetes.io/job-completion-index": str(rank)},
        },
        "spec": {"containers": [{"name": MAIN, "image": record.image_name, "env": list(environment)}]},
        "status": {
            "phase": "Succeeded",
            "containerStatuses": [{"name": MAIN, "imageID": record.image, "state": {"terminated": ended}}],
        },
    }


def indexes(record: FinishedRanks | None) -> frozenset[int]:
    """The ranks of a record."""
    found: set[int] = set()
    for interval in (record.indexes if record else "").split(","):
        first, _, last = interval.partition("-")
        if first:
            found.update(range(int(first), int(last or first) + 1))
    return frozenset(found)


def intervals(ranks: Iterable[int]) -> str:
    """Ranks as batch/v1 writes indexes: `0,2-4`."""
    runs: list[list[int]] = []
    for rank in sorted(ranks):
        if runs and runs[-1][-1] == rank - 1:
            runs[-1][1:] = [rank]
        else:
            runs.append([rank])
    return ",".join("-".join(map(str, run)) for run in runs)
