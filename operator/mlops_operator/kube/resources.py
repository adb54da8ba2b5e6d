# SPDX-License-Identifier: Apache-2.0
"""The API resources the operator speaks to."""

from dataclasses import dataclass
from typing import Final

from mlops_operator.api.evaluation import EVALUATION
from mlops_operator.api.kind import Kind
from mlops_operator.api.meta import GROUP, VERSION, Manifest
from mlops_operator.api.model import MODEL
from mlops_operator.api.modeldeployment import MODEL_DEPLOYMENT
from mlops_operator.api.modelmonitor import MODEL_MONITOR
from mlops_operator.api.modelversion import MODEL_VERSION
from mlops_operator.api.promotion import PROMOTION
from mlops_operator.api.registry import KINDS
from mlops_operator.api.retrainpolicy import RETRAIN_POLICY
from mlops_operator.api.trainingjob import TRAINING_JOB


@dataclass(frozen=True)
class Resource:
    """One API resource: where it lives and what its objects are called."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        """`apiVersion` of its objects, e.g. `apps/v1`."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def base_path(self) -> str:
        """URL path of the group and version, e.g. `/apis/apps/v1`."""
        return f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"

    def path(self, *, namespace: str | None = None, name: str | None = None, subresource: str | None = None) -> str:
        """URL path of the collection, an object of it, or an object's subresource."""
        parts = [self.base_path]
        if namespace and self.namespaced:
            parts += ["namespaces", namespace]
        parts.append(self.plural)
        parts += [part for part in (name, subresource) if part]
        return "/".join(parts)

    def manifest(self, *, name: str, namespace: str) -> Manifest:
        """An object of this resource with nothing but its identity."""
        return {"apiVersion": self.api_version, "kind": self.kind, "metadata": {"name": name, "namespace": namespace}}

    def __str__(self) -> str:
        return f"{self.plural}.{self.group}" if self.group else self.plural


def resource_of(kind: Kind) -> Resource:
    """The API resource of a kind of this operator."""
    return Resource(GROUP, VERSION, kind.plural, kind.kind)


TRAINING_JOBS: Final = resource_of(TRAINING_JOB)
MODELS: Final = resource_of(MODEL)
MODEL_VERSIONS: Final = resource_of(MODEL_VERSION)
EVALUATIONS: Final = resource_of(EVALUATION)
PROMOTIONS: Final = resource_of(PROMOTION)
MODEL_DEPLOYMENTS: Final = resource_of(MODEL_DEPLOYMENT)
MODEL_MONITORS: Final = resource_of(MODEL_MONITOR)
RETRAIN_POLICIES: Final = resource_of(RETRAIN_POLICY)

OWN: Final = tuple(resource_of(kind) for kind in KINDS)
"""The kinds that this operator defines."""

PODS: Final = Resource("", "v1", "pods", "Pod")
NODES: Final = Resource("", "v1", "nodes", "Node", namespaced=False)
SERVICES: Final = Resource("", "v1", "services", "Service")
JOBS: Final = Resource("batch", "v1", "jobs", "Job")
DEPLOYMENTS: Final = Resource("apps", "v1", "deployments", "Deployment")
HORIZONTAL_POD_AUTOSCALERS: Final = Resource("autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler")
POD_DISRUPTION_BUDGETS: Final = Resource("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget")
LEASES: Final = Resource("coordination.k8s.io", "v1", "leases", "Lease")
EVENTS: Final = Resource("events.k8s.io", "v1", "events", "Event")
CUSTOM_RESOURCE_DEFINITIONS: Final = Resource(
    "apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", namespaced=False
)
