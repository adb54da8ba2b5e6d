# SPDX-License-Identifier: Apache-2.0
"""What becomes of the former revision after a hand-over.

Readiness is what a kubelet reported last. The pods of a node that has failed count as ready until
the node controller marks the node, 50 s by default, so a revision can take over with pods that no
longer answer. The former revision therefore keeps its pods for `spec.rollout.bake`, without
requests, and takes the requests back when the new revision has fewer ready replicas than it needs.

It takes them back only with more ready replicas than the new revision has. So a new revision
that is scaled up, with the added replicas not ready yet, keeps the requests.
"""

from dataclasses import dataclass
from datetime import datetime

from mlops_operator.api.conditions import parse_timestamp, timestamp
from mlops_operator.api.modeldeployment import (
    DeploymentReason,
    FormerRevision,
    Revision,
    RevisionStatus,
    StoppedCandidate,
)
from mlops_operator.api.schema import seconds
from mlops_operator.controllers.modeldeployment.observed import Observed, pinned_to
from mlops_operator.controllers.modeldeployment.policies import deadline, replicas, retry
from mlops_operator.controllers.modeldeployment.servers import revision_of


@dataclass(frozen=True)
class Bake:
    """The state of the bake.

    Attributes:
        stable: the revision that gets the requests.
        former: the revision whose pods are kept; None where the bake is over.
        stopped: the revision that the requests were taken from; None where that did not happen.
        left: seconds until the bake is over; None where it is.
    """

    stable: RevisionStatus | None
    former: FormerRevision | None = None
    stopped: StoppedCandidate | None = None
    left: float | None = None


def hand_over(former: RevisionStatus, *, bake: str, retries: int, now: datetime) -> FormerRevision | None:
    """The former revision at the moment of the hand-over; None where its pods are not kept.

    Args:
        bake: `spec.rollout.bake`.
        retries: of the candidate that takes over.
    """
    if seconds(bake) == 0:
        return None
    return FormerRevision.model_validate({**_identity(former), "handed_over_at": timestamp(now), "retries": retries})


def follow(observed: Observed, *, stable: RevisionStatus | None, target: str | None, now: datetime) -> Bake:
    """The bake as it is now.

    Args:
        stable: the stable revision; None where it was lost.
        target: the revision that is to be served; None where that is not known.
    """
    former = observed.status.former
    if former is None:
        return Bake(stable)
    ready = observed.servers(former.revision).ready_to_stay
    serving = observed.servers(stable.revision).ready if stable is not None else 0
    if target == former.revision:
        # A rollback waits for nothing where the former revision can serve; else it becomes the candidate.
        return Bake(_restored(former) if ready and ready >= serving else stable)
    if stable is None:
        if ready:
            return Bake(_restored(former))
    elif ready > serving < (wanted := _wanted(observed, stable)):
        stopped = _unavailable(stable, former, serving=serving, wanted=wanted, now=now)
        return Bake(_restored(former), stopped=stopped)
    # Asked last: an operator that was away until the bake had ended finds both revisions still.
    allowed = seconds(observed.spec.rollout.bake)
    left = deadline.seconds_left(since=former.handed_over_at, allowed=allowed, now=now)
    return Bake(stable, former, left=left) if left > 0 else Bake(stable)


def has_third_revision(observed: Observed, *, stable: str, candidate: str) -> bool:
    """Whether a Service that reaches all pods would reach a third revision, which waits for its deletion.

    What the Service is pinned to without being named by the status is not waited for: it is
    deleted only once the Service reaches all pods.
    """
    named = {entry.revision for entry in (observed.status.stable, observed.status.former) if entry is not None}
    known = {stable, candidate} | ({pinned_to(observed.traffic)} - named)
    return any(
        revision_of(entry) not in known and "deletionTimestamp" not in entry["metadata"]
        for entry in observed.deployments
    )


def _wanted(observed: Observed, stable: RevisionStatus) -> int:
    return replicas.wanted_replicas(
        replicas=observed.spec.replicas,
        autoscaling=observed.spec.autoscaling,
        current=observed.servers(stable.revision).scaled_to,
    )


def _unavailable(
    stable: RevisionStatus, former: FormerRevision, *, serving: int, wanted: int, now: datetime
) -> StoppedCandidate:
    after = (now - parse_timestamp(former.handed_over_at)).total_seconds()
    message = (
        f"{serving} of {wanted} replicas were ready {after:.0f} s after the hand-over; {former.version} serves again"
    )
    return retry.stopped(
        stable, DeploymentReason.CANDIDATE_UNAVAILABLE, message, again=True, retries=former.retries, now=now
    )


def _restored(former: FormerRevision) -> RevisionStatus:
    return RevisionStatus.model_validate(_identity(former))


def _identity(revision: Revision) -> dict[str, object]:
    return revision.model_dump(include=set(Revision.model_fields))
