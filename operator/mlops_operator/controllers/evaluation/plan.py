# SPDX-License-Identifier: Apache-2.0
"""What an Evaluation does next: wait for its versions, measure by one Job, judge, and be done."""

from datetime import datetime
from typing import Final

from pydantic import ValidationError

from mlops_contract import DUPLICATES, UNLABELED
from mlops_contract.models.result import Result
from mlops_operator.api.common import DataRead, ReportRef
from mlops_operator.api.conditions import timestamp
from mlops_operator.api.evaluation import RECENT, EvaluationPhase, EvaluationReason, Verdict
from mlops_operator.api.formats import FORMATS
from mlops_operator.api.meta import Manifest
from mlops_operator.api.model import GateDraws, ModelStatus
from mlops_operator.controllers.evaluation.observed import Observed
from mlops_operator.controllers.evaluation.policies import data as data_policy
from mlops_operator.controllers.evaluation.policies.draws import gates_before, rows_drawn, with_draw
from mlops_operator.controllers.evaluation.policies.floor import asks_absolute
from mlops_operator.controllers.evaluation.policies.judge import judge
from mlops_operator.controllers.evaluation.policies.rows import judge_rows
from mlops_operator.controllers.evaluation.render import evaluation_task, measured_versions, run_uid
from mlops_operator.controllers.evaluation.status import ended, failed, measured, running
from mlops_operator.controllers.settings import Settings
from mlops_operator.controllers.shared import jobs, tries
from mlops_operator.controllers.shared.evidence import LOOK_AGAIN, conclusive, end_of
from mlops_operator.controllers.shared.gates import RECORDED
from mlops_operator.controllers.shared.log_command import with_log_command
from mlops_operator.controllers.shared.task import (
    DATA_NOT_FOUND,
    Task,
    TaskPhase,
    TaskState,
    observe_task,
    render_task,
)
from mlops_operator.framework.finding import Decision, Finding
from mlops_operator.framework.specs import first_problem
from mlops_operator.framework.waiting import wait_for
from mlops_operator.kube.resources import JOBS, MODELS
from mlops_operator.runtime.work.plan import Action, Create, Delete, Patch

WAITS: Final = (
    EvaluationReason.IMAGE_UNAVAILABLE,
    EvaluationReason.VOLUME_NOT_FOUND,
    EvaluationReason.CONFIG_UNAVAILABLE,
    EvaluationReason.RUNS_AS_ROOT,
    EvaluationReason.UNSCHEDULABLE,
    EvaluationReason.FORBIDDEN,
    EvaluationReason.RETRYING,
    EvaluationReason.NODE_LOST,
    EvaluationReason.SIDECAR_RUNNING,
    EvaluationReason.DATA_NOT_FOUND,
)
"""Reasons that keep a Job from running or make it fail, and that a person may have to mend."""


def decide(obs: Observed, settings: Settings, now: datetime) -> Decision:
    """The next step of an Evaluation."""
    if obs.spec.baseline is None and not any(asks_absolute(rule) for rule in obs.spec.metrics):
        message = "there is no baseline and no metric has a min or a max: nothing can be decided"
        return _failed(obs, EvaluationReason.NO_ABSOLUTE_RULE, message, now, verdict=Verdict.NO_DATA)
    if obs.job is None:
        return _start(obs, settings, now)
    return _follow(obs, obs.job, settings, now)


def _start(obs: Observed, settings: Settings, now: datetime, lost: TaskState | None = None) -> Decision:
    """Create the Job, in the place of the one that is there where its result is `lost`."""
    missing = _unusable(obs)
    if missing is not None and obs.decided is not None:
        reason, message = missing
        told = f"Promotion {obs.decided} was decided while this Evaluation waited: {reason}: {message}"
        return _failed(obs, EvaluationReason.PROMOTION_DECIDED, told, now)
    if missing is not None:
        reason, message = missing
        return Decision(finding=Finding(phase=EvaluationPhase.PENDING, reason=reason, message=message, waits=True))
    if (unsupported := _unsupported(obs)) is not None:
        return _failed(obs, EvaluationReason.FORMAT_UNSUPPORTED, unsupported, now)
    task = _task(obs, settings)
    manifest = render_task(task, settings)
    begun: tuple[Action, ...] = (Create(resource=JOBS, manifest=manifest),)
    if obs.job is not None:
        begun = tries.run_again(obs.job, manifest)
    reason, message = (lost.reason, lost.message) if lost is not None else _former_wait(obs)
    name = obs.job["metadata"]["name"] if obs.job is not None else task.name
    return Decision(
        finding=running(name, reason, message), changes={**_measuring(manifest), "job": name}, actions=begun
    )


def _task(obs: Observed, settings: Settings) -> Task:
    """The measurement as it is made today; its versions are there."""
    assert obs.candidate is not None
    return evaluation_task(obs.obj, obs.spec, obs.candidate, obs.baseline, settings, model=obs.model)


def _measuring(job: Manifest) -> dict[str, object]:
    """The versions that the Job was created for, as fields of the status."""
    candidate, baseline = measured_versions(job)
    return {"candidate": candidate, "baseline": baseline}


def _unusable(obs: Observed) -> tuple[str, str] | None:
    """Reason and message of the first object that is missing or not ready; None where none is."""
    for name, version in ((obs.spec.candidate, obs.candidate), (obs.spec.baseline, obs.baseline)):
        if name is None:
            continue
        if version is None:
            return EvaluationReason.MODEL_VERSION_NOT_FOUND, f"ModelVersion {name} does not exist"
        if not version.ready:
            return EvaluationReason.MODEL_VERSION_NOT_READY, version.not_ready()
    if obs.spec.recent is not None and obs.model is None:
        model = obs.candidate.model if obs.candidate is not None else None
        return (
            EvaluationReason.MODEL_NOT_FOUND,
            f"Model {model} does not exist: its UID decides which rows are used",
        )
    return None


def _unsupported(obs: Observed) -> str | None:
    """What is wrong with the format of a version; None where nothing is, or where the user's own image decides."""
    if obs.spec.image is not None:
        return None
    for version in (obs.candidate, obs.baseline):
        if version is not None and version.spec is not None and version.spec.artifact.format not in FORMATS:
            return (
                f"ModelVersion {version.name}: expected spec.artifact.format to be one of {', '.join(FORMATS)}, found"
                f" {version.spec.artifact.format!r}; set image (in a gate: gate.image) to one that loads it"
            )
    return None


def _follow(obs: Observed, job: Manifest, settings: Settings, now: datetime) -> Decision:
    task = observe_task(run_uid(obs.obj), job, obs.pods, now, obs.reads)
    if jobs.ended(job) and task.result is None and not conclusive(job, obs.pods, now):
        return Decision(requeue_after=LOOK_AGAIN)
    if task.phase is TaskPhase.RESULT_LOST:
        return _start(obs, settings, now, lost=task)
    if task.phase is TaskPhase.FAILED and task.reason == DATA_NOT_FOUND:
        return _without_data(obs, job, task, now)
    if task.phase is TaskPhase.FAILED:
        message = with_log_command(f"{task.reason}: {task.message}", obs.obj)
        return _failed(obs, EvaluationReason.JOB_FAILED, message, now)
    if task.phase is TaskPhase.RESULT_INVALID:
        return _failed(obs, EvaluationReason.RESULT_INVALID, task.message, now)
    return _running(obs, job, task, settings) if task.result is None else _judge(obs, job, task.result, now)


def _without_data(obs: Observed, job: Manifest, task: TaskState, now: datetime) -> Decision:
    """The rows are not there: the Job, which stays with its logs until then, is made again; at last it has failed."""
    waiting = data_policy.waited_for(obs.status.waiting) or wait_for(None, now, task.reason, task.message)
    end, limit = end_of(job, now) or now, data_policy.deadline(waiting)
    if end >= limit:
        return _failed(
            obs, EvaluationReason.JOB_FAILED, with_log_command(f"{task.reason}: {task.message}", obs.obj), now
        )
    message = f"{task.message}; it is looked for again until {timestamp(limit)}"
    name = job["metadata"]["name"]
    wait = data_policy.next_look(end, now)
    gone = wait > 0 or "deletionTimestamp" in job["metadata"]
    return Decision(
        finding=running(name, task.reason, message),
        changes={**_measuring(job), "job": name, "waiting": waiting},
        requeue_after=wait if wait > 0 else None,
        actions=() if gone else (Delete.of(JOBS, job),),
    )


def _former_wait(obs: Observed) -> tuple[str, str]:
    """Reason and message of the wait for rows, which goes on until a Job has found them."""
    waiting = data_policy.waited_for(obs.status.waiting)
    return (waiting.reason, waiting.message) if waiting is not None else ("", "")


def _running(obs: Observed, job: Manifest, task: TaskState, settings: Settings) -> Decision:
    again: tuple[Action, ...] = ()
    if task.kept and _unusable(obs) is None:
        again = tries.correction(job, render_task(_task(obs, settings), settings))
    reason, message = (task.reason, task.message) if task.reason else _former_wait(obs)
    name = job["metadata"]["name"]
    return Decision(
        finding=running(name, reason, message),
        changes={**_measuring(job), "job": name},
        actions=again or task.keeping,
        requeue_after=task.next_look,
    )


def _judge(obs: Observed, job: Manifest, result: Result, now: datetime) -> Decision:
    report = None
    if result.report is not None:
        try:
            report = ReportRef(uri=result.report.uri, digest=result.report.digest)
        except ValidationError as error:
            return _failed(obs, EvaluationReason.RESULT_INVALID, first_problem("report", error), now)
    rows = judge_rows(obs.spec, obs.obj["metadata"]["creationTimestamp"], result)
    asked = {entry.name for entry in obs.spec.data} | ({RECENT} if obs.spec.recent is not None else set())
    read = {entry.name: entry.digest for entry in result.data if entry.name in asked}
    data = tuple(DataRead(name=name, digest=digest) for name, digest in read.items())
    draws = _draws(obs)
    candidate, _ = measured_versions(job)
    artifact = candidate.digest if candidate is not None else ""
    drawn = rows_drawn(data, rows.recent, obs.spec.recent.uri if obs.spec.recent is not None else None)
    before = gates_before(draws, drawn, artifact)
    metrics = judge(obs.spec.metrics, result, with_baseline=obs.spec.baseline is not None, gates_before=before)
    finding, figures = measured(
        metrics,
        rows,
        data=data,
        gates_before=before,
        report=report,
        unlabeled=result.counts.get(UNLABELED),
        duplicates=result.counts.get(DUPLICATES),
    )
    end = ended(job, now)
    actions: tuple[Action, ...] = ()
    if obs.model is not None and obs.gate and artifact and figures["verdict"] in RECORDED:
        after = with_draw(draws, drawn, artifact, time=str(end["completion_time"]))
        actions = () if after == draws else (_enter(obs.model, after),)
    return Decision(finding=finding, changes={**_measuring(job), **figures, **end}, actions=actions)


def _draws(obs: Observed) -> tuple[GateDraws, ...]:
    return ModelStatus.of(obs.model).gate_draws if obs.model is not None else ()


def _enter(model: Manifest, draws: tuple[GateDraws, ...]) -> Patch:
    """Count the artifact, unless the Model's status is another one by now: then everything is planned anew."""
    entries = ModelStatus(gate_draws=draws).to_manifest()["gateDraws"]
    return Patch.of(MODELS, model, {"status": {"gateDraws": entries}}, subresource="status")


def _failed(obs: Observed, reason: str, message: str, now: datetime, *, verdict: Verdict = Verdict.ERROR) -> Decision:
    measuring = _measuring(obs.job) if obs.job is not None else {}
    finding, changes = failed(reason, message, verdict)
    return Decision(finding=finding, changes={**measuring, **changes, **ended(obs.job, now)})
