# SPDX-License-Identifier: Apache-2.0
"""All that the plan of a ModelDeployment sees."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from mlops_operator.api.meta import Manifest
from mlops_operator.api.modeldeployment import RESTARTED_AT, ModelDeploymentSpec, ModelDeploymentStatus
from mlops_operator.controllers.modeldeployment import names
from mlops_operator.controllers.modeldeployment.servers import Servers, servers_of
from mlops_operator.controllers.shared.pending import Reads


@dataclass(frozen=True, kw_only=True)
class Observed:
    """One ModelDeployment and what it refers to or controls, from the caches.

    Attributes:
        obj: the object as it is stored.
        versions: the target's and the stable one's ModelVersion, by name, where they are there.
        deployments: the Deployments it controls, of any revision.
        pods: the pods of its servers, of any revision.
        jobs: the golden-request Jobs it controls.
        job_pods: pods of such Jobs, by the Job's name, where they were read.
        reads: all that was read, which explains why pods do not run.
    """

    obj: Manifest
    spec: ModelDeploymentSpec
    status: ModelDeploymentStatus
    model: Manifest | None = None
    versions: Mapping[str, Manifest] = field(default_factory=dict)
    deployments: Sequence[Manifest] = ()
    pods: Sequence[Manifest] = ()
    services: Sequence[Manifest] = ()
    autoscalers: Sequence[Manifest] = ()
    budgets: Sequence[Manifest] = ()
    jobs: Sequence[Manifest] = ()
    job_pods: Mapping[str, Sequence[Manifest]] = field(default_factory=dict)
    reads: Reads = field(default_factory=dict)

    @property
    def generation(self) -> int:
        """Generation of the spec."""
        generation: int = self.obj["metadata"].get("generation", 1)
        return generation

    @property
    def restarted_at(self) -> str | None:
        """Value of the annotation by which a user asks for new pods."""
        value: str | None = (self.obj["metadata"].get("annotations") or {}).get(RESTARTED_AT)
        return value

    @property
    def namespace(self) -> str:
        """Namespace of the object and of all it refers to."""
        namespace: str = self.obj["metadata"]["namespace"]
        return namespace

    def servers(self, revision: str) -> Servers:
        """The servers of a revision."""
        return servers_of(revision, deployments=self.deployments, pods=self.pods)

    @cached_property
    def traffic(self) -> Manifest | None:
        """The Service that clients use."""
        return _named(self.services, names.service_name(self.obj))

    @cached_property
    def candidate_service(self) -> Manifest | None:
        """The Service that reaches the candidate alone."""
        return names.candidate_service_names(self.obj).find(self.services)

    @property
    def candidate_service_name(self) -> str:
        """Name that this Service has or is to be created with."""
        return names.candidate_service_names(self.obj).of(self.services)

    def deployment_name(self, revision: str) -> str:
        """Name of the Deployment of a revision: the one that is there or on record keeps its own."""
        found = self.servers(revision).deployment
        if found is not None:
            return str(found["metadata"]["name"])
        status = self.status
        recorded = (entry for entry in (status.stable, status.candidate, status.former) if entry is not None)
        known = (entry.deployment for entry in recorded if entry.revision == revision)
        return next(known, names.deployment_name(self.obj, revision))

    def job(self, name: str) -> Manifest | None:
        """The golden-request Job called `name`."""
        return _named(self.jobs, name)


def pinned_to(service: Manifest | None) -> str | None:
    """The revision that a Service is pinned to; None where it reaches all, or is not there."""
    selector = (service or {}).get("spec", {}).get("selector") or {}
    revision: str | None = selector.get(names.LABEL_REVISION)
    return revision


def _named(children: Sequence[Manifest], name: str) -> Manifest | None:
    return next((child for child in children if child["metadata"]["name"] == name), None)
