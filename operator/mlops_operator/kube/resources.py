"""The API resources the operator speaks to."""

from dataclasses import dataclass
from typing import Final

from mlops_operator.api.meta import GROUP, VERSION, Manifest


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


def _own(plural: str, kind: str) -> Resource:
    return Resource(GROUP, VERSION, plural, kind)


TRAINING_JOBS: Final = _own("trainingjobs", "TrainingJob")
MODELS: Final = _own("models", "Model")
MODEL_VERSIONS: Final = _own("modelversions", "ModelVersion")
EVALUATIONS: Final = _own("evaluations", "Evaluation")
PROMOTIONS: Final = _own("promotions", "Promotion")
MODEL_DEPLOYMENTS: Final = _own("modeldeployments", "ModelDeployment")
MODEL_MONITORS: Final = _own("modelmonitors", "ModelMonitor")
RETRAIN_POLICIES: Final = _own("retrainpolicies", "RetrainPolicy")

OWN: Final = (
    TRAINING_JOBS,
    MODELS,
    MODEL_VERSIONS,
    EVALUATIONS,
    PROMOTIONS,
    MODEL_DEPLOYMENTS,
    MODEL_MONITORS,
    RETRAIN_POLICIES,
)
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
