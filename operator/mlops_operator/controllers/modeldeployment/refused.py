# SPDX-License-Identifier: Apache-2.0
"""The plan after the API server has refused a child.

A pod template it does not take is the end of that revision, as if its model had not loaded: it
is recorded as stopped, and what serves serves on. A quota or an admission policy may say
otherwise later, and so may the holder of a name: these are tried again.
"""

from datetime import datetime
from typing import Final

from mlops_operator.api.conditions import timestamp
from mlops_operator.api.meta import Manifest
from mlops_operator.api.modeldeployment import (
    DeploymentReason,
    ModelDeploymentSpec,
    ModelDeploymentStatus,
    StoppedCandidate,
)
from mlops_operator.controllers.modeldeployment import names
from mlops_operator.controllers.modeldeployment.blueprint import Problem
from mlops_operator.controllers.modeldeployment.events import events_of
from mlops_operator.controllers.modeldeployment.policies.replicas import wanted_replicas
from mlops_operator.controllers.modeldeployment.servers import revision_of
from mlops_operator.controllers.modeldeployment.status import MAX_TEXT, Situation, status_of
from mlops_operator.framework.rejections import Refusal, refusal
from mlops_operator.kube.resources import DEPLOYMENTS, HORIZONTAL_POD_AUTOSCALERS, JOBS
from mlops_operator.runtime.work.plan import Apply, Create, Plan, Rejection

_INVALID: Final = {
    DEPLOYMENTS: DeploymentReason.INVALID_POD_TEMPLATE,
    JOBS: DeploymentReason.INVALID_POD_TEMPLATE,
    HORIZONTAL_POD_AUTOSCALERS: DeploymentReason.INVALID_AUTOSCALING,
}
"""Reasons where a child is refused as invalid; `Refused` for other children."""


def refused(obj: Manifest, rejection: Rejection, now: datetime) -> Plan:
    """The plan after `rejection`: a status, and when to try again."""
    spec = ModelDeploymentSpec.model_validate(obj["spec"])
    before = ModelDeploymentStatus.of(obj)
    action = rejection.action
    handled = refusal(rejection, spec_can_change=True, invalid=_INVALID.get(action.resource, DeploymentReason.REFUSED))
    if handled.retry_after is None and isinstance(action, Create | Apply) and action.resource == DEPLOYMENTS:
        revision = revision_of(action.manifest)
        if before.stable is None or before.stable.revision != revision:
            return _told(obj, spec, before, handled, now, stopped=_stopped(action.manifest, handled, now))
    return _told(obj, spec, before, handled, now)


def _stopped(manifest: Manifest, handled: Refusal, now: datetime) -> StoppedCandidate:
    annotations = manifest["metadata"]["annotations"]
    return StoppedCandidate(
        version=annotations[names.ANNOTATION_VERSION],
        version_uid=annotations[names.ANNOTATION_VERSION_UID],
        digest=annotations[names.ANNOTATION_DIGEST],
        revision=revision_of(manifest),
        reason=handled.outcome.reason,
        message=handled.outcome.message[:MAX_TEXT],
        at=timestamp(now),
    )


def _told(
    obj: Manifest,
    spec: ModelDeploymentSpec,
    before: ModelDeploymentStatus,
    handled: Refusal,
    now: datetime,
    *,
    stopped: StoppedCandidate | None = None,
) -> Plan:
    outcome = handled.outcome
    problem = Problem(DeploymentReason(outcome.reason), outcome.message, permanent=outcome.stalled)
    current = before.stable.replicas if before.stable is not None else None
    situation = Situation(
        obj=obj,
        previous=before,
        stable=before.stable,
        candidate=None if stopped is not None else before.candidate,
        former=before.former,
        stopped=stopped or before.stopped,
        wanted=wanted_replicas(replicas=spec.replicas, autoscaling=spec.autoscaling, current=current),
        rollout=spec.rollout,
        problem=problem if stopped is None else None,
        url=before.url,
        example=before.example,
    )
    after = status_of(situation, now=now)
    return Plan(
        status=after.to_manifest(),
        requeue_after=handled.retry_after,
        events=events_of(before, after, spec.rollout),
    )
