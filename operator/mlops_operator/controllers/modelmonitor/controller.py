"""Wiring of the ModelMonitor controller."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from mlops_operator.api.conditions import Outcome, stalled
from mlops_operator.api.meta import Manifest
from mlops_operator.api.modelmonitor import ModelMonitorStatus, MonitorReason
from mlops_operator.controllers.modelmonitor.observed import measuring_job, observe
from mlops_operator.controllers.modelmonitor.plan import ACTION, plan
from mlops_operator.controllers.modelmonitor.status import final_status
from mlops_operator.controllers.settings import Settings
from mlops_operator.controllers.shared import job_reads
from mlops_operator.controllers.shared.events import transition_events
from mlops_operator.controllers.shared.finished_jobs import with_cleanup
from mlops_operator.controllers.shared.indexes import by_reference, referring, referring_if_changed
from mlops_operator.controllers.shared.served import Availability, Served, view_availability, view_served
from mlops_operator.controllers.shared.specs import InvalidSpecError
from mlops_operator.controllers.shared.watches import looked_up, managed_jobs
from mlops_operator.framework.rejections import refusal
from mlops_operator.kube.resources import JOBS, MODEL_DEPLOYMENTS, MODEL_MONITORS, MODEL_VERSIONS, PODS
from mlops_operator.runtime.cache.index import Index
from mlops_operator.runtime.cache.watch import Watch, World
from mlops_operator.runtime.work.controller import Rule
from mlops_operator.runtime.work.plan import Plan, Read, Rejection

MONITORS_BY_DEPLOYMENT: Final = Index(MODEL_MONITORS, "deployment", by_reference("target", "deployment"))


class ModelMonitorController:
    """Measures how well a served model does, window by window."""

    resource = MODEL_MONITORS

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.watches: Sequence[Watch] = (
            Watch(
                resource=MODEL_DEPLOYMENTS,
                keys=referring(MONITORS_BY_DEPLOYMENT),
                between=referring_if_changed(MONITORS_BY_DEPLOYMENT, _view),
            ),
            looked_up(MODEL_VERSIONS),  # read when a window has ended
            managed_jobs(MODEL_MONITORS),
        )
        self.indexes: Sequence[Index] = (MONITORS_BY_DEPLOYMENT, job_reads.PENDING_JOBS)
        self.rules: Sequence[Rule] = (
            Rule(MODEL_DEPLOYMENTS, ("get", "list", "watch")),
            Rule(MODEL_VERSIONS, ("get", "list", "watch")),
            Rule(JOBS, ("get", "list", "watch", "create", "patch", "delete")),
            Rule(PODS, ("list",)),
        )

    def reads(self, obj: Manifest, world: World, now: datetime) -> Sequence[Read]:
        """The pods of the window's Job at its end, after a try that failed, and while it does not start."""
        job = measuring_job(obj, world)
        return job_reads.reads(job, world, now) if job is not None else ()

    def plan(self, obj: Manifest, world: World, reads: Mapping[Read, Sequence[Manifest]], now: datetime) -> Plan:
        """The next step; see `plan.py`."""
        try:
            observed = observe(obj, world, reads)
        except InvalidSpecError as error:
            return _said(obj, stalled(MonitorReason.INVALID_SPEC, str(error)), now)
        measuring = observed.job["metadata"]["name"] if observed.job is not None else None
        return with_cleanup(
            plan(observed, self._settings, now),
            observed.jobs,
            recorded=lambda job: job["metadata"]["name"] != measuring,
            ttl=self._settings.finished_job_ttl,
            now=now,
        )

    def rejected(self, obj: Manifest, rejection: Rejection, now: datetime) -> Plan:
        """A refused Job stalls the monitor until its spec changes; a forbidden one, or a taken name, is tried again."""
        refused = refusal(rejection, spec_can_change=True)
        return _said(obj, refused.outcome, now, requeue_after=refused.retry_after)


def _view(deployment: Manifest) -> tuple[Served, Availability]:
    """What a monitor sees of its target."""
    return view_served(deployment), view_availability(deployment)


def _said(obj: Manifest, outcome: Outcome, now: datetime, *, requeue_after: float | None = None) -> Plan:
    before = ModelMonitorStatus.of(obj)
    after = final_status(before, outcome, before.waiting, generation=obj["metadata"].get("generation", 1), now=now)
    events = transition_events(before, after, action=ACTION, warnings=(outcome.reason,))
    return Plan(status=after.to_manifest(), requeue_after=requeue_after, events=events)
