# SPDX-License-Identifier: Apache-2.0
"""The Evaluation controller: what it declares, and how it decides."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

from mlops_operator.api.evaluation import EVALUATION, EvaluationPhase, EvaluationReason, EvaluationStatus, Verdict
from mlops_operator.api.meta import Key, Manifest
from mlops_operator.controllers.evaluation.observed import Observed, observe, own_job, waiting_for_decided
from mlops_operator.controllers.evaluation.plan import WAITS, decide
from mlops_operator.controllers.evaluation.status import FINAL, ended, failed
from mlops_operator.controllers.settings import Settings
from mlops_operator.controllers.shared import job_reads
from mlops_operator.controllers.shared.finished_jobs import with_cleanup
from mlops_operator.controllers.shared.indexes import key_of, referring, referring_if_changed, usability
from mlops_operator.controllers.shared.watches import managed_jobs
from mlops_operator.framework.controller import KindController
from mlops_operator.framework.finding import Decision, Finding
from mlops_operator.framework.rejections import Refusal
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


class EvaluationController(KindController[EvaluationStatus, Observed]):
    """Measures a candidate and its baseline on the same rows."""

    kind = EVALUATION
    status = EvaluationStatus
    action = "Evaluate"
    spec_can_change = False
    event_names = {EvaluationReason.RUNNING: "Started"}
    watches: Sequence[Watch] = (
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
    indexes: Sequence[Index] = (EVALUATIONS_BY_VERSION, EVALUATIONS_WAITING_FOR_MODEL, job_reads.PENDING_JOBS)
    rules: Sequence[Rule] = (
        Rule(MODEL_VERSIONS, ("get", "list", "watch")),
        Rule(MODELS, ("get", "list", "watch")),
        Rule(MODELS, ("patch",), subresource="status"),  # the count of artifacts that gates measured
        Rule(PROMOTIONS, ("get", "list", "watch")),
        Rule(JOBS, ("get", "list", "watch", "create", "patch", "delete")),
        Rule(PODS, ("list",)),
    )

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def reads(self, obj: Manifest, world: World, now: datetime) -> Sequence[Read]:
        """The Job's pods at its end, after a try that failed, and while it does not start."""
        if (obj.get("status") or {}).get("phase") in FINAL:
            return ()
        job = own_job(obj, world)
        return job_reads.reads(job, world, now) if job is not None else ()

    def is_final(self, former: EvaluationStatus) -> bool:
        """Whether it has a verdict."""
        return former.phase in FINAL

    def observe(self, obj: Manifest, world: World, reads: Mapping[Read, Sequence[Manifest]]) -> Observed:
        """See `observed.py`."""
        return observe(obj, world, reads)

    def decide(self, observed: Observed, now: datetime) -> Decision:
        """See `plan.py`."""
        return decide(observed, self._settings, now)

    def cleaned(self, plan: Plan, observed: Observed, now: datetime) -> Plan:
        """The plan with the deletion of the Job, once the verdict is stored and the Job old enough."""
        over = self.is_final(observed.status)
        jobs, ttl = observed.jobs, self._settings.finished_job_ttl
        return with_cleanup(plan, jobs, recorded=lambda _job: over, ttl=ttl, now=now)

    def about(self, rejection: Rejection) -> str:
        """Of the count in the Model's status, which is no child."""
        if rejection.action.resource == MODELS:
            return "the API server refuses to count the artifact in the Model's status: "
        return ""

    def refused(self, obj: Manifest, former: EvaluationStatus, found: Refusal, now: datetime) -> Decision:  # noqa: ARG002
        """A refusal that waits for another spec is the end."""
        if not found.final:
            return Decision(finding=Finding.of(EvaluationPhase.PENDING, found.outcome, waits=True))
        finding, changes = failed(found.outcome.reason, found.outcome.message, Verdict.ERROR)
        return Decision(finding=finding, changes={**changes, **ended(None, now)})

    def warnings(self, after: EvaluationStatus) -> Collection[str]:
        """A verdict that is no pass is worth a look."""
        passed = after.verdict in (None, Verdict.PASS)
        return WAITS if passed else (*WAITS, EvaluationReason.MEASURED)
