# SPDX-License-Identifier: Apache-2.0
"""All that a ModelMonitor's plan sees."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from mlops_operator.api.conditions import parse_timestamp
from mlops_operator.api.meta import Key, Manifest
from mlops_operator.api.modelmonitor import ModelMonitorSpec, ModelMonitorStatus, WindowStatus
from mlops_operator.api.modelversion import GateResult, ModelVersionStatus
from mlops_operator.controllers.shared.pending import Reads
from mlops_operator.controllers.shared.served import Availability, Served, view_availability, view_served
from mlops_operator.framework.specs import parse_spec
from mlops_operator.kube.resources import JOBS, MODEL_DEPLOYMENTS, MODEL_VERSIONS
from mlops_operator.runtime.cache.watch import World
from mlops_operator.runtime.work.plan import PodsOfJob, Read


@dataclass(frozen=True, kw_only=True)
class Observed:
    """A ModelMonitor, what its target serves, and its Jobs.

    Attributes:
        deployment_found: whether the target is there.
        version: its stable version; None while it serves none.
        digest: of the artifact of that version.
        availability: when the target can have answered requests.
        version_created: when the object of that version was made; None where it is not there.
        gates: gate results that are recorded on the version of the window that is being measured.
        jobs: all Jobs of the monitor.
        pods: of the Job that runs; None where they were not read.
        reads: all that was read, which explains why the pods do not run.
    """

    obj: Manifest
    spec: ModelMonitorSpec
    status: ModelMonitorStatus
    deployment_found: bool
    version: str | None
    digest: str | None
    availability: Availability
    version_created: str | None
    gates: Sequence[GateResult]
    jobs: Sequence[Manifest]
    pods: Sequence[Manifest] | None
    reads: Reads

    @property
    def generation(self) -> int:
        """Generation of the spec."""
        return int(self.obj["metadata"].get("generation", 1))

    @property
    def begun(self) -> datetime:
        """When the monitor was made and its target had begun to serve: a window that had ended by then has no rows."""
        moments = (self.obj["metadata"]["creationTimestamp"], self.availability.since, self.version_created)
        return max(parse_timestamp(moment) for moment in moments if moment is not None)

    @property
    def job(self) -> Manifest | None:
        """The Job of the window that is being measured."""
        measuring = self.status.measuring
        return find_job(self.jobs, measuring.job) if measuring is not None and measuring.job else None


def find_job(jobs: Sequence[Manifest], name: str) -> Manifest | None:
    """The Job of that name."""
    return next((job for job in jobs if job["metadata"]["name"] == name), None)


def measuring_job(obj: Manifest, world: World) -> Manifest | None:
    """The Job of the window that is being measured, if it is there."""
    name = ((obj.get("status") or {}).get("measuring") or {}).get("job")
    return find_job(world.owned(JOBS, obj["metadata"]["uid"]), name) if name else None


def observe(obj: Manifest, world: World, reads: Mapping[Read, Sequence[Manifest]]) -> Observed:
    """Put together what the plan sees.

    Raises:
        InvalidSpecError: the spec does not fit its model.
    """
    spec = parse_spec(ModelMonitorSpec, obj)
    deployment = world.get(MODEL_DEPLOYMENTS, Key(obj["metadata"]["namespace"], spec.target.deployment))
    served = view_served(deployment)
    version = _version(obj["metadata"]["namespace"], served, world)
    job = measuring_job(obj, world)
    status = ModelMonitorStatus.of(obj)
    return Observed(
        obj=obj,
        spec=spec,
        status=status,
        deployment_found=deployment is not None,
        version=served.stable,
        digest=served.digest,
        availability=view_availability(deployment),
        version_created=version["metadata"]["creationTimestamp"] if version is not None else None,
        gates=_gates(obj["metadata"]["namespace"], status.measuring, world),
        jobs=world.owned(JOBS, obj["metadata"]["uid"]),
        pods=reads.get(PodsOfJob.of(job)) if job is not None else None,
        reads=reads,
    )


def _version(namespace: str, served: Served, world: World) -> Manifest | None:
    """The very object that is served, not another one that has its name by now."""
    version = world.get(MODEL_VERSIONS, Key(namespace, served.stable)) if served.stable is not None else None
    return version if version is not None and version["metadata"]["uid"] == served.stable_uid else None


def _gates(namespace: str, window: WindowStatus | None, world: World) -> Sequence[GateResult]:
    version = world.get(MODEL_VERSIONS, Key(namespace, window.version)) if window is not None else None
    return ModelVersionStatus.of(version).gates if version is not None else ()
