# SPDX-License-Identifier: Apache-2.0
"""The wiring of the ModelVersion controller."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from mlops_operator.api.conditions import stalled
from mlops_operator.api.meta import Manifest
from mlops_operator.api.modelversion import ModelVersionReason, ModelVersionStatus
from mlops_operator.controllers.modelversion.gates import concerned_by_evaluation, concerned_by_verdict
from mlops_operator.controllers.modelversion.observed import (
    INDEXES,
    concerned_by_deployment,
    concerned_by_deployment_change,
    concerned_by_model,
    concerned_by_model_change,
    current_job,
    observe,
)
from mlops_operator.controllers.modelversion.plan import decided, plan, telling
from mlops_operator.controllers.modelversion.policies.rejection import standing_fact
from mlops_operator.controllers.modelversion.status import say
from mlops_operator.controllers.settings import Settings
from mlops_operator.controllers.shared import job_reads
from mlops_operator.controllers.shared.finished_jobs import with_cleanup
from mlops_operator.controllers.shared.indexes import referred, referred_if_changed
from mlops_operator.controllers.shared.promotions import is_open
from mlops_operator.controllers.shared.watches import looked_up, managed_jobs
from mlops_operator.framework.rejections import refusal
from mlops_operator.framework.specs import InvalidSpecError
from mlops_operator.framework.waiting import wait_for
from mlops_operator.kube.resources import (
    EVALUATIONS,
    JOBS,
    MODEL_DEPLOYMENTS,
    MODEL_VERSIONS,
    MODELS,
    PODS,
    PROMOTIONS,
    TRAINING_JOBS,
    Resource,
)
from mlops_operator.runtime.cache.index import Index
from mlops_operator.runtime.cache.watch import Watch, World
from mlops_operator.runtime.work.controller import Rule
from mlops_operator.runtime.work.plan import Plan, Read, Rejection


class ModelVersionController:
    """Drives ModelVersions; see `plan.py`."""

    resource: Resource = MODEL_VERSIONS
    indexes: Sequence[Index] = (*INDEXES, job_reads.PENDING_JOBS)
    watches: Sequence[Watch] = (
        managed_jobs(MODEL_VERSIONS),
        Watch(resource=MODELS, keys=concerned_by_model, between=concerned_by_model_change),
        # An Evaluation's verdict is what counts; a Promotion that is decided makes room for other results.
        Watch(resource=PROMOTIONS, keys=referred("version"), between=referred_if_changed("version", part=is_open)),
        Watch(resource=EVALUATIONS, keys=concerned_by_evaluation, between=concerned_by_verdict),
        Watch(resource=MODEL_DEPLOYMENTS, keys=concerned_by_deployment, between=concerned_by_deployment_change),
        looked_up(TRAINING_JOBS),
    )
    rules: Sequence[Rule] = (
        Rule(JOBS, ("get", "list", "watch", "create", "patch", "delete")),
        Rule(PODS, ("list",)),
        Rule(MODELS, ("get", "list", "watch")),
        Rule(PROMOTIONS, ("get", "list", "watch")),
        Rule(EVALUATIONS, ("get", "list", "watch")),
        Rule(MODEL_DEPLOYMENTS, ("get", "list", "watch")),
        Rule(TRAINING_JOBS, ("get", "list", "watch")),
    )

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def reads(self, obj: Manifest, world: World, now: datetime) -> Sequence[Read]:
        """The pods of the verification's Job, when it has ended or does not start."""
        status = ModelVersionStatus.of(obj)
        if status.verified_at is not None:
            return ()
        job = current_job(obj, status, world.owned(JOBS, obj["metadata"]["uid"]))
        return job_reads.reads(job, world, now) if job is not None else ()

    def plan(self, obj: Manifest, world: World, reads: Mapping[Read, Sequence[Manifest]], now: datetime) -> Plan:
        """See `plan.py`; a spec that cannot be read is `InvalidSpec`."""
        try:
            observed = observe(obj, world, reads)
            return with_cleanup(
                plan(observed, self._settings, now),
                observed.jobs,
                recorded=lambda _job: decided(observed.status),
                ttl=self._settings.finished_job_ttl,
                now=now,
            )
        except InvalidSpecError as error:
            status = ModelVersionStatus.of(obj)
            outcome = stalled(ModelVersionReason.INVALID_SPEC, str(error))
            return telling(status, say(obj, status, now, outcome, standing_fact(status.conditions)))

    def rejected(self, obj: Manifest, rejection: Rejection, now: datetime) -> Plan:
        """The Job was refused. What `spec.taskPods` is to blame for stays until it is changed."""
        status = ModelVersionStatus.of(obj)
        fact = standing_fact(status.conditions)
        refused = refusal(rejection, spec_can_change=True)
        waiting = None
        if refused.retry_after is not None:
            waiting = wait_for(status.waiting, now, refused.outcome.reason, refused.outcome.message)
        outcome = replace(refused.outcome, message=waiting.message) if waiting is not None else refused.outcome
        after = say(obj, status, now, outcome, fact, waiting=waiting)
        return telling(status, after, requeue_after=refused.retry_after)
