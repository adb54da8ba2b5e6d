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
from mlops_operator.kube.resources import DEPLOYMENTS, HORIZONTAL_POD_AUTOSCALERS
from mlops_operator.runtime.work.plan import Apply, Create, Plan, Rejection

RETRY_SECONDS: Final = 60.0
"""Wait before a refused request is made again that may get another answer."""

_MAY_CHANGE: Final = 403
"""Quotas and admission policies answer so: they depend on more than the request."""


def refused(obj: Manifest, rejection: Rejection, now: datetime) -> Plan:
    """The plan after `rejection`: a status, and when to try again."""
    spec = ModelDeploymentSpec.model_validate(obj["spec"])
    before = ModelDeploymentStatus.of(obj)
    manifest = rejection.action.manifest if isinstance(rejection.action, Create | Apply) else None
    if manifest is None or rejection.code == _MAY_CHANGE:
        return _told(obj, spec, before, _problem(DeploymentReason.FORBIDDEN, rejection), now)
    if rejection.reason == DeploymentReason.NAME_TAKEN:
        return _told(obj, spec, before, _problem(DeploymentReason.NAME_TAKEN, rejection, permanent=True), now)
    if rejection.action.resource == HORIZONTAL_POD_AUTOSCALERS:
        problem = _problem(DeploymentReason.INVALID_AUTOSCALING, rejection, permanent=True)
        return _told(obj, spec, before, problem, now, retry=False)
    if rejection.action.resource != DEPLOYMENTS:
        return _told(obj, spec, before, _problem(DeploymentReason.FORBIDDEN, rejection), now)
    if before.stable is not None and before.stable.revision == revision_of(manifest):
        problem = _problem(DeploymentReason.INVALID_POD_TEMPLATE, rejection, permanent=True)
        return _told(obj, spec, before, problem, now, retry=False)
    return _told(obj, spec, before, None, now, stopped=_stopped(manifest, rejection, now), retry=False)


def _problem(reason: DeploymentReason, rejection: Rejection, *, permanent: bool = False) -> Problem:
    return Problem(reason, rejection.message, permanent)


def _stopped(manifest: Manifest, rejection: Rejection, now: datetime) -> StoppedCandidate:
    annotations = manifest["metadata"]["annotations"]
    return StoppedCandidate(
        version=annotations[names.ANNOTATION_VERSION],
        version_uid=annotations[names.ANNOTATION_VERSION_UID],
        digest=annotations[names.ANNOTATION_DIGEST],
        revision=revision_of(manifest),
        reason=DeploymentReason.INVALID_POD_TEMPLATE,
        message=rejection.message[:MAX_TEXT],
        at=timestamp(now),
    )


def _told(
    obj: Manifest,
    spec: ModelDeploymentSpec,
    before: ModelDeploymentStatus,
    problem: Problem | None,
    now: datetime,
    *,
    stopped: StoppedCandidate | None = None,
    retry: bool = True,
) -> Plan:
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
        problem=problem,
        url=before.url,
        example=before.example,
    )
    after = status_of(situation, now=now)
    return Plan(
        status=after.to_manifest(),
        requeue_after=RETRY_SECONDS if retry else None,
        events=events_of(before, after, spec.rollout),
    )
