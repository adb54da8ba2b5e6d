"""The status that follows from what a plan found."""

from datetime import datetime

from mlops_operator.api.common import DataRead, ReportRef, Waiting
from mlops_operator.api.conditions import Outcome, contract, ready, stalled, timestamp, working
from mlops_operator.api.evaluation import EvaluationPhase, EvaluationReason, EvaluationStatus, MetricStatus, Verdict
from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.evaluation.policies.combine import combine
from mlops_operator.controllers.evaluation.policies.rows import RowsJudged
from mlops_operator.controllers.shared.waiting import wait_for

FINAL = frozenset({EvaluationPhase.SUCCEEDED, EvaluationPhase.FAILED})
"""Phases that never change."""


def waiting_status(
    status: EvaluationStatus, reason: str, message: str, *, generation: int, now: datetime
) -> EvaluationStatus:
    """It waits before its Job can be made."""
    wait = wait_for(status.waiting, now, reason, message)
    outcome = working(reason, message)
    return _with(status, EvaluationPhase.PENDING, outcome, wait, generation=generation, now=now)


def refused_status(status: EvaluationStatus, outcome: Outcome, *, generation: int, now: datetime) -> EvaluationStatus:
    """The API server refuses its Job for now."""
    wait = wait_for(status.waiting, now, outcome.reason, outcome.message)
    return _with(status, EvaluationPhase.PENDING, outcome, wait, generation=generation, now=now)


def running_status(
    status: EvaluationStatus, job: str, reason: str, message: str, *, generation: int, now: datetime
) -> EvaluationStatus:
    """Its Job is there; `reason` says what keeps it from running, and is empty where nothing does."""
    wait = wait_for(status.waiting, now, reason, message) if reason else None
    outcome = working(wait.reason, wait.message) if wait else working(EvaluationReason.RUNNING, f"Job {job} measures")
    return _with(status.replace(job=job), EvaluationPhase.RUNNING, outcome, wait, generation=generation, now=now)


def measured_status(
    status: EvaluationStatus,
    metrics: tuple[MetricStatus, ...],
    rows: RowsJudged,
    *,
    job: Manifest,
    data: tuple[DataRead, ...],
    report: ReportRef | None,
    gates_before: int,
    unlabeled: int | None,
    duplicates: int | None,
    generation: int,
    now: datetime,
) -> EvaluationStatus:
    """It has a verdict, whichever: the most serious of the rules and of the rows."""
    found = [(metric.verdict, f"{_name(metric)}: {metric.message}") for metric in metrics]
    found += [(finding.verdict, finding.message) for finding in rows.findings]
    reason = EvaluationReason.MEASURED
    if rows.repeated is not None:
        found, reason = [(rows.repeated.verdict, rows.repeated.message)], EvaluationReason.TOO_FEW_NEW_ROWS
    verdict = combine(verdict for verdict, _ in found)
    message = f"{verdict}: " + "; ".join(text for decided, text in found if decided is verdict)
    measured = status.replace(
        verdict=verdict,
        metrics=metrics,
        data=data,
        unlabeled=unlabeled,
        duplicates=duplicates,
        gates_before=gates_before,
        recent=rows.recent,
        overlap=rows.overlap,
        report=report,
    )
    outcome = ready(reason, message)
    return _finished(measured, EvaluationPhase.SUCCEEDED, outcome, job, generation=generation, now=now)


def failed_status(
    status: EvaluationStatus,
    reason: str,
    message: str,
    *,
    verdict: Verdict,
    job: Manifest | None = None,
    generation: int,
    now: datetime,
) -> EvaluationStatus:
    """It could not be measured, and never will be: the spec is immutable."""
    outcome = stalled(reason, message)
    failed = status.replace(verdict=verdict)
    return _finished(failed, EvaluationPhase.FAILED, outcome, job, generation=generation, now=now)


def _finished(
    status: EvaluationStatus,
    phase: EvaluationPhase,
    outcome: Outcome,
    job: Manifest | None,
    *,
    generation: int,
    now: datetime,
) -> EvaluationStatus:
    times = (job.get("status") or {}) if job is not None else {}
    finished = status.replace(
        job=job["metadata"]["name"] if job is not None else status.job,
        start_time=times.get("startTime"),
        completion_time=times.get("completionTime") or timestamp(now),
    )
    return _with(finished, phase, outcome, None, generation=generation, now=now)


def _with(
    status: EvaluationStatus,
    phase: EvaluationPhase,
    outcome: Outcome,
    wait: Waiting | None,
    *,
    generation: int,
    now: datetime,
) -> EvaluationStatus:
    return status.replace(
        observed_generation=generation,
        phase=phase.value,
        waiting=wait,
        conditions=contract(status.conditions, outcome, generation=generation, now=now),
    )


def _name(metric: MetricStatus) -> str:
    return f"{metric.name}@{metric.slice}" if metric.slice else metric.name
