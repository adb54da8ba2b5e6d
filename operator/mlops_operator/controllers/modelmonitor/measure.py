"""A window from the end of its Job to its verdicts and the references that it adds to."""

from mlops_operator.api.modelmonitor import ModelMonitorSpec, ModelMonitorStatus, MonitorReason, WindowStatus
from mlops_operator.controllers.modelmonitor.policies.reference import extended, reference_for
from mlops_operator.controllers.modelmonitor.policies.verdict import belongs_to_reference, judge, unknown
from mlops_operator.controllers.modelmonitor.status import with_window
from mlops_operator.controllers.shared.task import TaskPhase, TaskState


def concluded(
    status: ModelMonitorStatus, spec: ModelMonitorSpec, window: WindowStatus, task: TaskState
) -> ModelMonitorStatus:
    """The status after the Job of `window` has ended, however it ended."""
    if task.result is None:
        return _unmeasured(status, spec, window, task)
    verdicts, references = [], []
    for metric in spec.metrics:
        reference = reference_for(status.references, metric=metric.name, version=window.version, size=spec.window.size)
        verdict = judge(
            metric, task.result, reference, windows=spec.reference.windows, min_labeled_share=spec.labels.min_share
        )
        verdicts.append(verdict)
        if metric.limit.sigmas is None:
            continue
        if belongs_to_reference(verdict) and verdict.value is not None:
            reference = extended(reference, verdict.value, windows=spec.reference.windows)
        references.append(reference)
    measured = window.model_copy(update={"metrics": tuple(verdicts), "notes": task.result.notes})
    return with_window(status, measured, tuple(references))


def _unmeasured(
    status: ModelMonitorStatus, spec: ModelMonitorSpec, window: WindowStatus, task: TaskState
) -> ModelMonitorStatus:
    invalid = task.phase is TaskPhase.RESULT_INVALID
    reason = MonitorReason.RESULT_INVALID if invalid else MonitorReason.JOB_FAILED
    message = task.message if invalid else f"{task.reason}: {task.message}"
    verdicts = tuple(unknown(metric.name, reason, message) for metric in spec.metrics)
    return with_window(status, window.model_copy(update={"metrics": verdicts}), status.references)
