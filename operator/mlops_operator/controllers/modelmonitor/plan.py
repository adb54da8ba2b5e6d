# SPDX-License-Identifier: Apache-2.0
"""What a ModelMonitor does next: see the window's Job to its end, then begin the next window that is due.

The status changes when a window begins or ends and when something keeps a Job from running,
never with the clock alone.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from mlops_operator.api.conditions import Outcome, parse_timestamp, ready, stalled, timestamp, working
from mlops_operator.api.meta import Manifest
from mlops_operator.api.modelmonitor import (
    ModelMonitorStatus,
    MonitorReason,
    WindowStatus,
)
from mlops_operator.api.schema import seconds
from mlops_operator.controllers.modelmonitor.measure import concluded
from mlops_operator.controllers.modelmonitor.observed import Observed
from mlops_operator.controllers.modelmonitor.policies.retention import surplus_jobs
from mlops_operator.controllers.modelmonitor.policies.verdict import overall
from mlops_operator.controllers.modelmonitor.policies.windows import (
    Span,
    due_window,
    moment,
    next_due,
    skipped_between,
)
from mlops_operator.controllers.modelmonitor.render import window_task
from mlops_operator.controllers.modelmonitor.status import ACTION, HELD, finding_of, last_value, outcome_of
from mlops_operator.controllers.settings import Settings
from mlops_operator.controllers.shared import jobs, tries
from mlops_operator.controllers.shared.children import renamed
from mlops_operator.controllers.shared.evidence import LOOK_AGAIN, conclusive
from mlops_operator.controllers.shared.log_command import with_log_command
from mlops_operator.controllers.shared.task import TaskPhase, TaskState, observe_task, render_task
from mlops_operator.framework.events import event
from mlops_operator.framework.finding import Decision
from mlops_operator.framework.rejections import standing_refusal
from mlops_operator.framework.status import changes_between
from mlops_operator.kube.resources import JOBS
from mlops_operator.runtime.work.plan import Action, Create, Delete, Event

WARNINGS: Final = (
    MonitorReason.DEPLOYMENT_NOT_FOUND,
    MonitorReason.CONFIGURATION_INVALID,
    MonitorReason.JOB_FAILED,
    MonitorReason.RESULT_INVALID,
    MonitorReason.IMAGE_UNAVAILABLE,
    MonitorReason.VOLUME_NOT_FOUND,
    MonitorReason.CONFIG_UNAVAILABLE,
    MonitorReason.RUNS_AS_ROOT,
    MonitorReason.UNSCHEDULABLE,
    MonitorReason.RETRYING,
    MonitorReason.NODE_LOST,
    MonitorReason.SIDECAR_RUNNING,
)


@dataclass(frozen=True, kw_only=True)
class Step:
    """What one look has come to so far.

    Attributes:
        problem: what keeps the monitor from measuring, in place of what the last window says.
        requeue_after: seconds until it is looked at again, or None.
        over: whether nothing may begin in this look.
    """

    status: ModelMonitorStatus
    actions: tuple[Action, ...] = ()
    problem: Outcome | None = None
    requeue_after: float | None = None
    over: bool = False


def decide(obs: Observed, settings: Settings, now: datetime) -> Decision:
    """The next step of a ModelMonitor."""
    step = _follow(obs, settings, now)
    if step is None:
        return Decision(requeue_after=LOOK_AGAIN)
    if step.status.measuring is None and step.problem is None and not step.over:
        step = _begin(obs, step.status, settings, now)
    return _finish(obs, step)


def _follow(obs: Observed, settings: Settings, now: datetime) -> Step | None:
    """The window that is being measured, where there is one; None where its pods have to be read again."""
    window = obs.status.measuring
    if window is None:
        return Step(status=obs.status)
    task = window_task(obs.obj, obs.spec, window)
    if obs.job is None:
        manifest = renamed(render_task(task, settings), window.job or task.name)
        return _again(obs, Create(resource=JOBS, manifest=manifest))
    state = observe_task(task.run_uid, obs.job, obs.pods, now, obs.reads)
    if state.kept and tries.correction(obs.job, render_task(task, settings)):
        # It never ran, and what keeps it may be what was corrected: the present spec says what is due.
        return Step(status=obs.status.replace(measuring=None), over=True)
    if not jobs.ended(obs.job):
        problem = working(state.reason, state.message) if state.reason else None
        return Step(status=obs.status, actions=state.keeping, problem=problem, requeue_after=state.next_look)
    if state.result is None and not conclusive(obs.job, obs.pods, now):
        return None
    return _ended(obs, obs.job, window, state, render_task(task, settings))


def _ended(obs: Observed, job: Manifest, window: WindowStatus, state: TaskState, manifest: Manifest) -> Step:
    """The window's Job has ended; where its result is lost, `manifest` takes its place."""
    if state.phase is not TaskPhase.RESULT_LOST:
        status = concluded(obs.status, obs.spec, window, state, gates=obs.gates)
        return Step(status=status, problem=_wrong_spec(obs, job, state))
    step = _again(obs, *tries.run_again(job, manifest))
    return replace(step, problem=working(state.reason, state.message)) if step.actions else step


def _wrong_spec(obs: Observed, job: Manifest, state: TaskState) -> Outcome | None:
    """The stall where the Job of this very spec says that the spec is wrong: the next one would say the same."""
    if state.reason != MonitorReason.CONFIGURATION_INVALID or jobs.generation_of(job, obs.generation) != obs.generation:
        return None
    message = f"{state.message}; no window is measured until the spec is changed"
    return stalled(MonitorReason.CONFIGURATION_INVALID, message)


def _again(obs: Observed, *actions: Action) -> Step:
    """The window's Job is gone before its end: make it again by `actions`, unless nothing new may start."""
    if obs.spec.suspend:
        skipped = obs.status.skipped_windows + 1
        return Step(status=obs.status.replace(measuring=None, skipped_windows=skipped))
    problem = standing_refusal(obs.status, generation=obs.generation, waiting=HELD)
    if problem is not None:
        return Step(status=obs.status, problem=problem)
    return Step(status=obs.status, actions=actions)


def _begin(obs: Observed, status: ModelMonitorStatus, settings: Settings, now: datetime) -> Step:
    """The next window, if one is due and nothing is in its way."""
    if obs.spec.suspend:
        return Step(status=status)
    problem = standing_refusal(status, generation=obs.generation, waiting=HELD) or _unserved(obs)
    if problem is not None or obs.version is None:
        return Step(status=status, problem=problem)
    size, delay = seconds(obs.spec.window.size), seconds(obs.spec.window.label_delay)
    last_end = parse_timestamp(status.windows[-1].end) if status.windows else None
    due = due_window(now, size=size, delay=delay, begun=obs.begun, last_end=last_end)
    if due is None:
        wait = next_due(now, size=size, delay=delay, begun=obs.begun, last_end=last_end)
        return Step(status=status, requeue_after=wait)
    if (idle := _idle(obs, due)) is not None:
        return Step(status=status, problem=idle)
    window = _window(due, obs.version, obs.digest)
    task = window_task(obs.obj, obs.spec, window)
    name = task.names.of(obs.jobs)
    create = Create(resource=JOBS, manifest=renamed(render_task(task, settings), name))
    begun = status.replace(
        measuring=window.replace(job=name),
        skipped_windows=status.skipped_windows + skipped_between(last_end, due),
    )
    return Step(status=begun, actions=(create,))


def _window(span: Span, version: str, digest: str | None) -> WindowStatus:
    start, end = timestamp(moment(span.start)), timestamp(moment(span.end))
    return WindowStatus(start=start, end=end, version=version, digest=digest)


def _unserved(obs: Observed) -> Outcome | None:
    name = obs.spec.target.deployment
    if not obs.deployment_found:
        return working(MonitorReason.DEPLOYMENT_NOT_FOUND, f"ModelDeployment {name} does not exist")
    if obs.version is None:
        return ready(MonitorReason.NOTHING_SERVED, f"ModelDeployment {name} has no stable version yet")
    return None


def _idle(obs: Observed, due: Span) -> Outcome | None:
    """That nothing can have answered in the window that is due; the target's next ready replica ends it."""
    since = obs.availability.idle_since
    if since is None or parse_timestamp(since).timestamp() > due.start:
        return None
    message = (
        f"no replica of ModelDeployment {obs.spec.target.deployment} has been ready since {since}: no window is"
        " measured until one is"
    )
    return ready(MonitorReason.NOTHING_SERVED, message)


def _finish(obs: Observed, step: Step) -> Decision:
    outcome = step.problem or outcome_of(step.status, suspended=obs.spec.suspend)
    if step.problem is None and outcome.reason == MonitorReason.JOB_FAILED:
        outcome = replace(outcome, message=with_log_command(outcome.message, obs.obj))
    waits = step.problem is not None and not step.problem.stalled
    after = step.status.replace(last_value=last_value(step.status))
    return Decision(
        finding=finding_of(step.status, outcome, waits=waits),
        changes=changes_between(obs.status, after),
        actions=(*step.actions, *_deletions(obs, step.status)),
        requeue_after=step.requeue_after,
        logged=_verdicts(obs, step.status),
    )


def _verdicts(obs: Observed, status: ModelMonitorStatus) -> tuple[Event, ...]:
    """The verdict of a window that was measured; an event of each would drown those that need attention."""
    former = {window.start for window in obs.status.windows}
    return tuple(
        event(
            warning=False,
            reason=verdict.reason,
            message=f"{window.start} to {window.end}, {window.version}: {verdict.message}",
            action=ACTION,
        )
        for window in status.windows
        if window.start not in former
        for verdict in (overall(window.metrics),)
    )


def _deletions(obs: Observed, status: ModelMonitorStatus) -> tuple[Action, ...]:
    known = {job["metadata"]["name"]: job for job in obs.jobs}
    surplus = surplus_jobs(known, windows=status.windows, measuring=status.measuring)
    return tuple(
        Delete.of(JOBS, known[name]) for name in sorted(surplus) if "deletionTimestamp" not in known[name]["metadata"]
    )
