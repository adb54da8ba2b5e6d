"""What the children of a ModelDeployment are called, and the labels by which they are found."""

from typing import Final

from mlops_operator.api.meta import LABEL_UID, PREFIX, Manifest
from mlops_operator.api.modeldeployment import CandidateStatus
from mlops_operator.controllers.shared.naming import child_name, short_hash

COMPONENT: Final = "app.kubernetes.io/component"

SERVER: Final = "server"
"""Component of Deployments and of their pods: those, and no others, get requests."""

GOLDEN: Final = "golden"
"""Component of the Jobs that ask golden requests."""

LABEL_REVISION: Final = PREFIX + "revision"
"""On Deployments and their pods: which revision they are."""

ANNOTATION_VERSION: Final = PREFIX + "model-version"
ANNOTATION_VERSION_UID: Final = PREFIX + "model-version-uid"
ANNOTATION_DIGEST: Final = PREFIX + "digest"
"""On Deployments: what they serve, so that a refused or found one can be named in full."""

ANNOTATION_POD_OPTIONS: Final = PREFIX + "pod-defaults"
"""On Deployments: the installation's defaults that their pods were made with. Later ones replace no pod."""

ANNOTATION_SPEC: Final = PREFIX + "spec"
"""Hash of the spec that was applied: shows that a field is no longer wanted, which comparing what
is wanted with what is there cannot."""

FETCH: Final = "fetch"
"""The init container that brings the model."""

PORT_NAME: Final = "http"
SERVICE_PORT: Final = 80


def service_name(parent: Manifest) -> str:
    """The Service that clients use: named as the ModelDeployment, whose name admission keeps a DNS label."""
    name: str = parent["metadata"]["name"]
    return name


def candidate_service_name(parent: Manifest) -> str:
    """The Service that reaches the candidate alone."""
    return child_name(parent, "candidate")


def deployment_name(parent: Manifest, revision: str) -> str:
    """The Deployment of a revision."""
    return child_name(parent, revision)


def autoscaler_name(parent: Manifest) -> str:
    """The HorizontalPodAutoscaler."""
    return child_name(parent)


def budget_name(parent: Manifest) -> str:
    """The PodDisruptionBudget."""
    return child_name(parent)


def golden_suffix(revision: str, started_at: str) -> str:
    """Names the golden requests of one attempt at a revision: the next attempt asks again."""
    return f"golden-{short_hash(revision, started_at)}"


def golden_job_name(parent: Manifest, revision: str, started_at: str) -> str:
    """The Job that asks the golden requests of one attempt at a revision."""
    return child_name(parent, golden_suffix(revision, started_at))


def recheck_suffix(candidate: CandidateStatus) -> str:
    """Names the check that ends the present step or phase: readiness that was lost meanwhile takes another one."""
    moment = (candidate.started_at, candidate.phase, str(candidate.step), candidate.ready_since or "")
    return f"recheck-{short_hash(candidate.revision, *moment)}"


def recheck_job_name(parent: Manifest, candidate: CandidateStatus) -> str:
    """The Job that asks every pod before the present step or phase ends."""
    return child_name(parent, recheck_suffix(candidate))


def pod_labels(parent: Manifest, revision: str | None = None) -> dict[str, str]:
    """Labels that select the servers' pods of `parent`: of one revision, or of all.

    By UID, since pods of a predecessor of the same name may still be ending.
    """
    labels = {COMPONENT: SERVER, LABEL_UID: parent["metadata"]["uid"]}
    return labels if revision is None else {**labels, LABEL_REVISION: revision}
