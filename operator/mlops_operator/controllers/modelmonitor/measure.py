# SPDX-License-Identifier: Apache-2.0
"""A window from the end of its Job to its verdicts and the references that it adds to."""

from collections.abc import Sequence

from mlops_contract.models.result import Result
from mlops_operator.api.conditions import Truth, parse_timestamp
from mlops_operator.api.modelmonitor import (
    MetricVerdict,
    ModelMonitorSpec,
    ModelMonitorStatus,
    MonitoredMetric,
    MonitorReason,
    WindowStatus,
)
from mlops_operator.api.modelversion import GateResult
from mlops_operator.api.schema import seconds
from mlops_operator.controllers.modelmonitor.policies.collect import collect, part_of_reference
from mlops_operator.controllers.modelmonitor.policies.gate import gate_reference
from mlops_operator.controllers.modelmonitor.policies.limit import TOGETHER, Sample
from mlops_operator.controllers.modelmonitor.policies.reference import References, references_for
from mlops_operator.controllers.modelmonitor.policies.verdict import Standing, judge, unknown
from mlops_operator.controllers.modelmonitor.status import with_window
from mlops_operator.controllers.shared.task import DATA_NOT_FOUND, TaskPhase, TaskState


def concluded(
    status: ModelMonitorStatus,
    spec: ModelMonitorSpec,
    window: WindowStatus,
    task: TaskState,
    *,
    gates: Sequence[GateResult] = (),
) -> ModelMonitorStatus:
    """The status after the Job of `window` has ended, however it ended.

    Args:
        status: before.
        spec: of the monitor.
        window: the window that was measured.
        task: how its Job ended.
        gates: gate results that are recorded on the window's version.
    """
    if task.result is None:
        return _unmeasured(status, spec, window, task)
    verdicts, found = [], []
    for metric in spec.metrics:
        verdict, references = _judged(status, spec, metric, window, task.result, gates=gates)
        verdicts.append(verdict)
        found.append(references)
    measured = window.replace(metrics=tuple(verdicts), notes=task.result.notes)
    in_force = tuple(references.in_force for references in found if references.in_force is not None)
    collecting = tuple(references.collecting for references in found if references.collecting is not None)
    return with_window(status, measured, in_force, tuple(entry for entry in collecting if entry.windows))


def _judged(
    status: ModelMonitorStatus,
    spec: ModelMonitorSpec,
    metric: MonitoredMetric,
    window: WindowStatus,
    result: Result,
    *,
    gates: Sequence[GateResult],
) -> tuple[MetricVerdict, References]:
    gate = gate_reference(metric.name, window, gates)
    references = references_for(metric.name, window, status.references, status.collecting, spec.reference, gate=gate)
    size = seconds(spec.window.size)
    standing = Standing(
        reference=references.compared,
        before=samples_before(status.windows, window, metric.name, size=size),
        size=size,
        min_labeled_share=spec.labels.min_share,
    )
    verdict = judge(metric, result, standing)
    part = part_of_reference(verdict, window, result)
    if part is not None:
        references = collect(references, verdict, part, metric.limit, spec.reference)
    return verdict, references


def samples_before(
    windows: Sequence[WindowStatus], window: WindowStatus, metric: str, *, size: int
) -> tuple[Sample, ...]:
    """The windows just before `window` that are looked at together with it: of the same version, with a verdict."""
    earliest = parse_timestamp(window.start).timestamp() - (TOGETHER - 1) * size
    return tuple(
        Sample(verdict.value, verdict.n)
        for entry in windows
        if parse_timestamp(entry.start).timestamp() >= earliest
        and (entry.version, entry.digest) == (window.version, window.digest)
        for verdict in entry.metrics
        if verdict.name == metric and verdict.breached is not Truth.UNKNOWN and verdict.value is not None and verdict.n
    )


def _had_rows(status: ModelMonitorStatus) -> bool:
    """Whether the log was there before: then it is missing, and not merely not begun."""
    return any(verdict.n for window in status.windows for verdict in window.metrics) or bool(status.references)


def _unmeasured(
    status: ModelMonitorStatus, spec: ModelMonitorSpec, window: WindowStatus, task: TaskState
) -> ModelMonitorStatus:
    invalid = task.phase is TaskPhase.RESULT_INVALID
    reason = MonitorReason.RESULT_INVALID if invalid else MonitorReason.JOB_FAILED
    if task.reason == MonitorReason.CONFIGURATION_INVALID:
        reason = MonitorReason.CONFIGURATION_INVALID
    if task.reason == DATA_NOT_FOUND and not _had_rows(status):
        reason = MonitorReason.NO_PREDICTIONS_YET
    message = f"{task.reason}: {task.message}" if reason == MonitorReason.JOB_FAILED else task.message
    verdicts = tuple(unknown(metric.name, reason, message) for metric in spec.metrics)
    measured = window.replace(metrics=verdicts)
    return with_window(status, measured, status.references, status.collecting)
