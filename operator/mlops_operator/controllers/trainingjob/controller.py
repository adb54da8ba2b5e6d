# SPDX-License-Identifier: Apache-2.0
"""The wiring of the TrainingJob controller."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from mlops_operator.api.conditions import parse_timestamp
from mlops_operator.api.meta import Key, Manifest
from mlops_operator.api.trainingjob import TrainingJobStatus, TrainingReason
from mlops_operator.controllers.settings import Settings
from mlops_operator.controllers.shared import job_reads, jobs
from mlops_operator.controllers.shared.finished_jobs import with_cleanup
from mlops_operator.controllers.shared.indexes import referred, referring, referring_if_changed, spec_of
from mlops_operator.controllers.shared.models import changed_runs, restoring_aliases
from mlops_operator.controllers.shared.watches import looked_up, managed_jobs, managed_services
from mlops_operator.controllers.trainingjob import status as say
from mlops_operator.controllers.trainingjob.observed import (
    INDEXES,
    UNFINISHED_BY_MODEL,
    current_job,
    ended,
    finished,
    observe,
    waiting_for_version,
)
from mlops_operator.controllers.trainingjob.plan import plan, telling
from mlops_operator.controllers.trainingjob.policies import data, ranks, startup, stopping
from mlops_operator.controllers.trainingjob.policies.removed import with_removed
from mlops_operator.framework.rejections import refusal
from mlops_operator.framework.specs import InvalidSpecError
from mlops_operator.kube.resources import (
    JOBS,
    MODEL_VERSIONS,
    MODELS,
    PODS,
    RETRAIN_POLICIES,
    SERVICES,
    TRAINING_JOBS,
    Resource,
)
from mlops_operator.runtime.cache.index import Index
from mlops_operator.runtime.cache.watch import Watch, World
from mlops_operator.runtime.work.controller import Rule
from mlops_operator.runtime.work.plan import Plan, Read, Rejection


def _model_as_read(model: Manifest) -> object:
    """What a TrainingJob reads of its Model."""
    return spec_of(model), restoring_aliases(model)


def _concerned_by_model(old: Manifest, new: Manifest, world: World) -> Iterable[Key]:
    """The TrainingJobs that have not ended, and those whose files the Model removes, where that has changed."""
    yield from referring_if_changed(UNFINISHED_BY_MODEL, _model_as_read)(old, new, world)
    yield from (Key(new["metadata"]["namespace"], name) for name in changed_runs(old, new))


class TrainingJobController:
    """Drives TrainingJobs; see `plan.py`."""

    resource: Resource = TRAINING_JOBS
    indexes: Sequence[Index] = (*INDEXES, job_reads.PENDING_JOBS)
    watches: Sequence[Watch] = (
        managed_jobs(TRAINING_JOBS),
        managed_services(TRAINING_JOBS),
        Watch(
            resource=MODELS,
            keys=referring(UNFINISHED_BY_MODEL),
            between=_concerned_by_model,
        ),
        looked_up(RETRAIN_POLICIES),
        # Else only looked up: a version that is there is not made again.
        Watch(resource=MODEL_VERSIONS, keys=waiting_for_version, between=lambda _old, _new, _world: ()),
    )
    rules: Sequence[Rule] = (
        Rule(TRAINING_JOBS, ("delete",)),  # ttlSecondsAfterFinished
        Rule(JOBS, ("get", "list", "watch", "create", "patch", "delete")),
        Rule(SERVICES, ("get", "list", "watch", "create", "patch")),
        Rule(PODS, ("list",)),
        Rule(MODELS, ("get", "list", "watch")),
        Rule(RETRAIN_POLICIES, ("get", "list", "watch")),
        Rule(MODEL_VERSIONS, ("get", "list", "watch", "create")),
    )

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def reads(self, obj: Manifest, world: World, now: datetime) -> Sequence[Read]:
        """The pods of the attempt's Job, when it has ended, does not start, or one of them ends before the others."""
        status = TrainingJobStatus.of(obj)
        if finished(status):
            return ()
        job = current_job(obj, status, world)
        if job is None or data.waited_for(status, job) is not None:
            return ()
        attempt = len(ended(status))
        needed = jobs.ended(job) or stopping.needs_pods(job) or ranks.unseen(job, status, attempt)
        if needed:
            return (job_reads.pods_of(job),)
        return (job_reads.waiting_pods(job, world),) if startup.needs_pods(job, status, now) else ()

    def plan(self, obj: Manifest, world: World, reads: Mapping[Read, Sequence[Manifest]], now: datetime) -> Plan:
        """See `plan.py`; a spec that cannot be read is `InvalidSpec`, and what runs is left alone."""
        try:
            return self._with_cleanup(plan(observe(obj, world, reads), self._settings, now), obj, world, now)
        except InvalidSpecError as error:
            status = TrainingJobStatus.of(obj)
            if finished(status):
                model = next((world.get(MODELS, key) for key in referred("model")(obj, world)), None)
                after = with_removed(status, obj["metadata"]["uid"], model)
                return telling(status, say.seen(obj, after, now))
            return telling(status, say.blocked(obj, status, now, TrainingReason.INVALID_SPEC, str(error)))

    def _with_cleanup(self, found: Plan, obj: Manifest, world: World, now: datetime) -> Plan:
        """The plan with the deletions of Jobs of attempts that the status records as ended."""
        status = TrainingJobStatus.of(obj)
        over = {attempt.job for attempt in ended(status)}
        after = TrainingJobStatus.of({"status": found.status}) if found.status is not None else status
        return with_cleanup(
            found,
            world.owned(JOBS, obj["metadata"]["uid"]),
            recorded=lambda job: finished(status) or job["metadata"]["name"] in over,
            ttl=self._settings.finished_job_ttl,
            now=now,
            stopped_at=parse_timestamp(after.completion_time) if finished(after) and after.completion_time else None,
        )

    def rejected(self, obj: Manifest, rejection: Rejection, now: datetime) -> Plan:
        """`Forbidden` and a taken name are tried again; everything else waits for a changed spec."""
        status = TrainingJobStatus.of(obj)
        child = rejection.action.resource
        invalid = TrainingReason.INVALID_POD_TEMPLATE if child == JOBS else TrainingReason.REFUSED
        refused = refusal(rejection, spec_can_change=True, invalid=invalid)
        reason = TrainingReason(refused.outcome.reason)
        if not refused.outcome.stalled:
            held = say.held(obj, status, now, reason, rejection.message)
            return telling(status, held, requeue_after=refused.retry_after)
        if child == MODEL_VERSIONS and refused.retry_after is None:
            # The training is over, and what came of it cannot be kept as a version.
            message = f"the API server refuses the ModelVersion: {rejection.message}"
            return telling(status, say.failed(obj, status, now, TrainingReason.RESULT_INVALID, message))
        # Where a name is taken, a result is kept by the Job meanwhile.
        blocked = say.blocked(obj, status, now, reason, f"{child.kind}: {rejection.message}")
        return telling(status, blocked, requeue_after=refused.retry_after)
