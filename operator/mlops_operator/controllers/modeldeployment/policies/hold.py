# SPDX-License-Identifier: Apache-2.0
"""Whether a candidate has held at its step: all replicas ready, without a restart, for the step's pause.

Readiness that is lost begins the pause anew, but not the progress deadline, which is of all the
time of the step in which not all replicas were ready: a pod that is evicted during a long pause
is not taken for a candidate that never became ready, and one that comes and goes does not hold
up a rollout for ever. Times are the operator's own, kept in status; a kubelet's clock has no say.
"""

from dataclasses import dataclass
from datetime import datetime

from mlops_operator.api.conditions import parse_timestamp, timestamp
from mlops_operator.api.modeldeployment import CandidateStatus


@dataclass(frozen=True)
class Held:
    """The candidate with its times brought up to date.

    Attributes:
        remaining: seconds it has still to hold; None where it is not ready.
    """

    candidate: CandidateStatus
    remaining: float | None


def hold(candidate: CandidateStatus, *, ready: bool, restarts: int, pause: int, now: datetime) -> Held:
    """How far the candidate has held at its present step.

    Args:
        ready: whether all replicas of the step are ready.
        restarts: restarts of its servers' containers so far.
        pause: the step's pause in seconds.
    """
    moment = timestamp(now)
    lost = candidate.ready_since is not None and (not ready or restarts > candidate.restarts)
    since = moment if lost else candidate.since
    began = None if not ready else moment if lost or candidate.ready_since is None else candidate.ready_since
    unready = candidate.unready_seconds
    if ready and candidate.ready_since is None:
        unready += round((now - parse_timestamp(candidate.since)).total_seconds())
    updated = candidate.replace(since=since, ready_since=began, unready_seconds=max(0, unready), restarts=restarts)
    if began is None:
        return Held(updated, None)
    return Held(updated, pause - (now - parse_timestamp(began)).total_seconds())
