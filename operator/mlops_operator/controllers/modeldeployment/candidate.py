# SPDX-License-Identifier: Apache-2.0
"""A candidate at its beginning and at the beginning of each phase and step."""

from datetime import datetime

from mlops_operator.api.conditions import timestamp
from mlops_operator.api.modeldeployment import CandidatePhase, CandidateStatus
from mlops_operator.controllers.modeldeployment.blueprint import Blueprint
from mlops_operator.controllers.modeldeployment.observed import Observed


def begin(observed: Observed, target: Blueprint, *, retries: int, now: datetime) -> CandidateStatus:
    """The target as a candidate whose servers are about to be made.

    Args:
        retries: see `CandidateStatus.retries`.
    """
    moment = timestamp(now)
    return CandidateStatus(
        version=target.version,
        version_uid=target.version_uid,
        digest=target.digest,
        revision=target.revision,
        deployment=observed.deployment_name(target.revision),
        server_image=target.server.image,
        phase=CandidatePhase.STARTING,
        started_at=moment,
        since=moment,
        retries=retries,
    )


def enter(
    candidate: CandidateStatus, phase: CandidatePhase, *, step: int, restarts: int, now: datetime
) -> CandidateStatus:
    """The candidate at the beginning of a phase or step.

    Args:
        restarts: restarts of its servers' containers so far, which do not count against the phase.
    """
    return candidate.replace(
        phase=phase,
        step=step,
        since=timestamp(now),
        ready_since=None,
        unready_seconds=0,
        recheck_job=None,
        restarts=restarts,
    )
