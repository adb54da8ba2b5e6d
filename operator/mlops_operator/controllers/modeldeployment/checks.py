# SPDX-License-Identifier: Apache-2.0
"""The check of the present candidate, its golden requests or a recheck, as its plan sees it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from mlops_operator.api.meta import Manifest
from mlops_operator.api.modeldeployment import CandidatePhase, CandidateStatus, ModelDeploymentStatus
from mlops_operator.controllers.modeldeployment import names
from mlops_operator.controllers.modeldeployment.observed import Observed
from mlops_operator.controllers.modeldeployment.policies.health import Trouble
from mlops_operator.controllers.modeldeployment.policies.traffic import SHARING
from mlops_operator.controllers.shared import tries
from mlops_operator.controllers.shared.evidence import conclusive
from mlops_operator.controllers.shared.jobs import ended, pod_phase
from mlops_operator.controllers.shared.log_command import with_log_command
from mlops_operator.controllers.shared.task import TaskPhase, TaskState, observe_task

ROOM: Final = 400
"""Characters that a status says before the message of a check: which version was stopped, and what was tried."""

LOOK_AGAIN_SECONDS: Final = 0.5
"""Wait before a finished Job's pods are read again that were read before they had ended."""


def current_job(status: ModelDeploymentStatus) -> str | None:
    """The Job whose outcome is awaited; None where none is."""
    candidate = status.candidate
    if candidate is not None and candidate.phase in SHARING:
        return candidate.recheck_job
    if candidate is None or candidate.phase is not CandidatePhase.CHECKING or candidate.golden is None:
        return None
    return candidate.golden.job if candidate.golden.passed is None else None


def check_state(observed: Observed, now: datetime) -> TaskState | None:
    """The state of the awaited Job; None where none is awaited."""
    name = current_job(observed.status)
    candidate = observed.status.candidate
    if name is None or candidate is None:
        return None
    job, pods = observed.job(name), observed.job_pods.get(name)
    if job is not None and _not_read_yet(job, pods, now):
        told = tries.told(job, pods)
        return TaskState(TaskPhase.RUNNING, tries.RETRYING if told else "", told, next_look=LOOK_AGAIN_SECONDS)
    suffix = names.golden_suffix(candidate.revision, candidate.started_at)
    if candidate.phase in SHARING:
        suffix = names.recheck_suffix(candidate)
    state = observe_task(f"{observed.obj['metadata']['uid']}-{suffix}", job, pods, now, observed.reads)
    if state.phase is not TaskPhase.FAILED or candidate.phase in SHARING:
        return state
    message = with_log_command(state.message, observed.obj, component=names.GOLDEN, room=ROOM)
    return replace(state, message=message)


def trouble(check: TaskState) -> Trouble | None:
    """What keeps a check from its result; None where nothing does, or it is not known."""
    return Trouble(check.reason, check.message, check.unconnected) if check.reason else None


def _not_read_yet(job: Manifest, pods: Sequence[Manifest] | None, now: datetime) -> bool:
    """Whether a finished Job's pods were read too early to tell how they ended."""
    if not ended(job):
        return False
    early = pods is None or any(pod_phase(pod) in ("Pending", "Running") for pod in pods)
    return early or not conclusive(job, pods, now)


def awaited_jobs(candidate: CandidateStatus | None) -> frozenset[str]:
    """Names of the Jobs whose results are awaited, or were and decide still."""
    if candidate is None:
        return frozenset()
    golden = candidate.golden.job if candidate.golden is not None else None
    return frozenset(name for name in (golden, candidate.recheck_job) if name is not None)
