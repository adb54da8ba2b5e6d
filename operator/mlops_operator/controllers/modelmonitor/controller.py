# SPDX-License-Identifier: Apache-2.0
"""The ModelMonitor controller: what it declares, and how it decides."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from mlops_operator.api.meta import Manifest
from mlops_operator.api.modelmonitor import BREACHED, MODEL_MONITOR, ModelMonitorStatus
from mlops_operator.controllers.modelmonitor.observed import Observed, measuring_job, observe
from mlops_operator.controllers.modelmonitor.plan import WARNINGS, decide
from mlops_operator.controllers.modelmonitor.status import ACTION, finding_of
from mlops_operator.controllers.settings import Settings
from mlops_operator.controllers.shared import job_reads
from mlops_operator.controllers.shared.finished_jobs import with_cleanup
from mlops_operator.controllers.shared.indexes import MONITORS_BY_DEPLOYMENT, referring, referring_if_changed
from mlops_operator.controllers.shared.served import Availability, Served, view_availability, view_served
from mlops_operator.controllers.shared.watches import looked_up, managed_jobs
from mlops_operator.framework.controller import KindController
from mlops_operator.framework.events import flip_events
from mlops_operator.framework.finding import Decision
from mlops_operator.framework.rejections import Refusal
from mlops_operator.kube.resources import JOBS, MODEL_DEPLOYMENTS, MODEL_MONITORS, MODEL_VERSIONS, PODS
from mlops_operator.runtime.cache.index import Index
from mlops_operator.runtime.cache.watch import Watch, World
from mlops_operator.runtime.work.controller import Rule
from mlops_operator.runtime.work.plan import Event, Plan, Read


def _view(deployment: Manifest) -> tuple[Served, Availability]:
    """What a monitor sees of its target."""
    return view_served(deployment), view_availability(deployment)


class ModelMonitorController(KindController[ModelMonitorStatus, Observed]):
    """Measures how well a served model does, window by window."""

    kind = MODEL_MONITOR
    status = ModelMonitorStatus
    action = ACTION
    watches: Sequence[Watch] = (
        Watch(
            resource=MODEL_DEPLOYMENTS,
            keys=referring(MONITORS_BY_DEPLOYMENT),
            between=referring_if_changed(MONITORS_BY_DEPLOYMENT, _view),
        ),
        looked_up(MODEL_VERSIONS),  # read when a window has ended
        managed_jobs(MODEL_MONITORS),
    )
    indexes: Sequence[Index] = (MONITORS_BY_DEPLOYMENT, job_reads.PENDING_JOBS)
    rules: Sequence[Rule] = (
        Rule(MODEL_DEPLOYMENTS, ("get", "list", "watch")),
        Rule(MODEL_VERSIONS, ("get", "list", "watch")),
        Rule(JOBS, ("get", "list", "watch", "create", "patch", "delete")),
        Rule(PODS, ("list",)),
    )

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def reads(self, obj: Manifest, world: World, now: datetime) -> Sequence[Read]:
        """The pods of the window's Job at its end, after a try that failed, and while it does not start."""
        job = measuring_job(obj, world)
        return job_reads.reads(job, world, now) if job is not None else ()

    def observe(self, obj: Manifest, world: World, reads: Mapping[Read, Sequence[Manifest]]) -> Observed:
        """See `observed.py`."""
        return observe(obj, world, reads)

    def decide(self, observed: Observed, now: datetime) -> Decision:
        """See `plan.py`."""
        return decide(observed, self._settings, now)

    def refused(self, obj: Manifest, former: ModelMonitorStatus, found: Refusal, now: datetime) -> Decision:  # noqa: ARG002
        """Nothing is measured meanwhile; the windows stay as they are."""
        return Decision(finding=finding_of(former, found.outcome, waits=not found.outcome.stalled))

    def cleaned(self, plan: Plan, observed: Observed, now: datetime) -> Plan:
        """The plan with the deletions of Jobs of windows that are not being measured."""
        measuring = observed.job["metadata"]["name"] if observed.job is not None else None
        return with_cleanup(
            plan,
            observed.jobs,
            recorded=lambda job: job["metadata"]["name"] != measuring,
            ttl=self._settings.finished_job_ttl,
            now=now,
        )

    def warnings(self, after: ModelMonitorStatus) -> Collection[str]:  # noqa: ARG002
        """Reasons that may need a change by the user."""
        return WARNINGS

    def more_events(self, before: ModelMonitorStatus, after: ModelMonitorStatus) -> tuple[Event, ...]:
        """That a limit is breached from now on."""
        return flip_events(before, after, BREACHED, action=ACTION, warning=True)
