# SPDX-License-Identifier: Apache-2.0
"""The findings about an Evaluation, and the fields of its status that change with them."""

from collections.abc import Mapping
from datetime import datetime

from mlops_operator.api.common import DataRead, ReportRef
from mlops_operator.api.conditions import timestamp
from mlops_operator.api.evaluation import EvaluationPhase, EvaluationReason, MetricStatus, Verdict
from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.evaluation.policies.combine import combine
from mlops_operator.controllers.evaluation.policies.rows import RowsJudged
from mlops_operator.framework.finding import Finding, Severity

FINAL = frozenset({EvaluationPhase.SUCCEEDED, EvaluationPhase.FAILED})
"""Phases that never change."""


def running(job: str, reason: str, message: str) -> Finding:
    """Its Job is there; `reason` says what keeps it from running, and is empty where nothing does."""
    if reason:
        return Finding(phase=EvaluationPhase.RUNNING, reason=reason, message=message, waits=True)
    return Finding(phase=EvaluationPhase.RUNNING, reason=EvaluationReason.RUNNING, message=f"Job {job} measures")


def measured(
    metrics: tuple[MetricStatus, ...],
    rows: RowsJudged,
    *,
    data: tuple[DataRead, ...],
    report: ReportRef | None,
    gates_before: int,
    unlabeled: int | None,
    duplicates: int | None,
) -> tuple[Finding, Mapping[str, object]]:
    """It has a verdict, whichever: the most serious of the rules and of the rows."""
    found = [(metric.verdict, f"{_name(metric)}: {metric.message}") for metric in metrics]
    found += [(finding.verdict, finding.message) for finding in rows.findings]
    reason = EvaluationReason.MEASURED
    if rows.repeated is not None:
        found, reason = [(rows.repeated.verdict, rows.repeated.message)], EvaluationReason.TOO_FEW_NEW_ROWS
    verdict = combine(verdict for verdict, _ in found)
    message = f"{verdict}: " + "; ".join(text for decided, text in found if decided is verdict)
    changes = {
        "verdict": verdict,
        "metrics": metrics,
        "data": data,
        "unlabeled": unlabeled,
        "duplicates": duplicates,
        "gates_before": gates_before,
        "recent": rows.recent,
        "overlap": rows.overlap,
        "report": report,
    }
    return Finding(phase=EvaluationPhase.SUCCEEDED, reason=reason, message=message, severity=Severity.READY), changes


def failed(reason: str, message: str, verdict: Verdict) -> tuple[Finding, Mapping[str, object]]:
    """It could not be measured, and never will be: the spec is immutable."""
    finding = Finding(phase=EvaluationPhase.FAILED, reason=reason, message=message, severity=Severity.STALLED)
    return finding, {"verdict": verdict}


def ended(job: Manifest | None, now: datetime) -> Mapping[str, object]:
    """The times of the end, by the Job where there is one."""
    times = (job.get("status") or {}) if job is not None else {}
    named = {"job": job["metadata"]["name"]} if job is not None else {}
    return {
        **named,
        "start_time": times.get("startTime"),
        "completion_time": times.get("completionTime") or timestamp(now),
    }


def _name(metric: MetricStatus) -> str:
    return f"{metric.name}@{metric.slice}" if metric.slice else metric.name
