"""Wiring of the Evaluation controller."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

from mlops_operator.api.conditions import Outcome, stalled
from mlops_operator.api.evaluation import EvaluationReason, EvaluationStatus, Verdict
from mlops_operator.api.meta import Key, Manifest
from mlops_operator.controllers.evaluation.observed import observe, own_job, waiting_for_decided
from mlops_operator.controllers.evaluation.plan import plan
from mlops_operator.controllers.evaluation.status import FINAL, failed_status, refused_status
from mlops_operator.controllers.settings import Settings
from mlops_operator.controllers.shared import job_reads
from mlops_operator.controllers.shared.events import transition_events
from mlops_operator.controllers.shared.finished_jobs import with_cleanup
from mlops_operator.controllers.shared.indexes import key_of, referring, referring_if_changed, usability
from mlops_operator.controllers.shared.specs import InvalidSpecError
from mlops_operator.controllers.shared.watches import managed_jobs
from mlops_operator.framework.rejections import refusal
from mlops_operator.kube.resources import EVALUATIONS, JOBS, MODEL_VERSIONS, MODELS, PODS, PROMOTIONS
from mlops_operator.runtime.cache.index import Index
from mlops_operator.runtime.cache.watch import Watch, World
from mlops_operator.runtime.work.controller import Rule
from mlops_operator.runtime.work.plan import Plan, Read, Rejection


def _versions(obj: Manifest) -> Iterable[str]:
    """The versions that an Evaluation without a verdict may wait for."""
    if (obj.get("status") or {}).get("phase") in FINAL:
        return
    spec = obj.get("spec") or {}
    for name in sorted({spec[role] for role in ("candidate", "baseline") if spec.get(role)}):
        yield str(Key(obj["metadata"]["namespace"], name))


EVALUATIONS_BY_VERSION: Final = Index(EVALUATIONS, "version", _versions)
"""Evaluations without a verdict, by candidate and by baseline."""


def _waiting_for_model(obj: Manifest) -> Iterable[str]:
    """The namespace of an Evaluation that waits for a Model."""
    waiting = (obj.get("status") or {}).get("waiting") or {}
    if waiting.get("reason") == EvaluationReason.MODEL_NOT_FOUND:
        yield obj["metadata"]["namespace"]


EVALUATIONS_WAITING_FOR_MODEL: Final = Index(EVALUATIONS, "waits-for-model", _waiting_for_model)
"""Evaluations that wait for a Model, by namespace: which Model it is, the candidate says."""


def _waiting_in_namespace(model: Manifest, world: World) -> Iterable[Key]:
    found = world.indexed(EVALUATIONS_WAITING_FOR_MODEL, model["metadata"]["namespace"])
    return [key_of(evaluation) for evaluation in found]


class EvaluationController:
    """Measures a candidate and its baseline on the same rows."""

    resource = EVALUATIONS

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.watches: Sequence[Watch] = (
            Watch(
                resource=MODEL_VERSIONS,
                keys=referring(EVALUATIONS_BY_VERSION),
                between=referring_if_changed(EVALUATIONS_BY_VERSION, usability),
            ),
            managed_jobs(EVALUATIONS),
            Watch(resource=MODELS, keys=_waiting_in_namespace),
            # Else only looked up: whether it measures for one.
            Watch(resource=PROMOTIONS, keys=lambda _promotion, _world: (), between=waiting_for_decided),
        )
        self.indexes: Sequence[Index] = (
            EVALUATIONS_BY_VERSION,
            EVALUATIONS_WAITING_FOR_MODEL,
            job_reads.PENDING_JOBS,
        )
        self.rules: Sequence[Rule] = (
            Rule(MODEL_VERSIONS, ("get", "list", "watch")),
            Rule(MODELS, ("get", "list", "watch")),
            Rule(MODELS, ("patch",), subresource="status"),  # the count of artifacts that gates measured
            Rule(PROMOTIONS, ("get", "list", "watch")),
            Rule(JOBS, ("get", "list", "watch", "create", "patch", "delete")),
            Rule(PODS, ("list",)),
        )

    def reads(self, obj: Manifest, world: World, now: datetime) -> Sequence[Read]:
        """The Job's pods at its end, after a try that failed, and while it does not start."""
        if (obj.get("status") or {}).get("phase") in FINAL:
            return ()
        job = own_job(obj, world)
        return job_reads.reads(job, world, now) if job is not None else ()

    def plan(self, obj: Manifest, world: World, reads: Mapping[Read, Sequence[Manifest]], now: datetime) -> Plan:
        """The next step; see `plan.py`."""
        try:
            observed = observe(obj, world, reads)
        except InvalidSpecError as error:
            return self._stopped(obj, stalled(EvaluationReason.INVALID_SPEC, str(error)), now)
        over = observed.status.phase in FINAL
        return with_cleanup(
            plan(observed, self._settings, now),
            world.owned(JOBS, obj["metadata"]["uid"]),
            recorded=lambda _job: over,
            ttl=self._settings.finished_job_ttl,
            now=now,
        )

    def rejected(self, obj: Manifest, rejection: Rejection, now: datetime) -> Plan:
        """A refused Job is the end, since the spec cannot change.

        A forbidden one, a draw, and a Job whose name is taken are tried again.
        """
        counting = rejection.action.resource == MODELS
        about = "the API server refuses to count the artifact in the Model's status: " if counting else ""
        refused = refusal(rejection, spec_can_change=False, about=about)
        if refused.final:
            return self._stopped(obj, refused.outcome, now)
        before = EvaluationStatus.of(obj)
        after = refused_status(before, refused.outcome, generation=obj["metadata"].get("generation", 1), now=now)
        events = transition_events(before, after, action="Evaluate", warnings=(refused.outcome.reason,))
        return Plan(status=after.to_manifest(), requeue_after=refused.retry_after, events=events)

    def _stopped(self, obj: Manifest, outcome: Outcome, now: datetime) -> Plan:
        before = EvaluationStatus.of(obj)
        if before.phase in FINAL:
            return Plan()
        generation = obj["metadata"].get("generation", 1)
        after = failed_status(
            before, outcome.reason, outcome.message, verdict=Verdict.ERROR, generation=generation, now=now
        )
        return Plan(status=after.to_manifest(), events=transition_events(before, after, action="Evaluate"))
