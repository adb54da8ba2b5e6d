# SPDX-License-Identifier: Apache-2.0
"""What the children of a ModelDeployment are called, and the labels by which they are found."""

from typing import Final

from mlops_operator.api.meta import LABEL_UID, PREFIX, Manifest
from mlops_operator.api.modeldeployment import CandidateStatus
from mlops_operator.controllers.shared.children import ChildNames, child_names
from mlops_operator.controllers.shared.naming import child_name, short_hash
from mlops_operator.controllers.shared.task import task_names

COMPONENT: Final = "app.kubernetes.io/component"

SERVER: Final = "server"
"""Component of Deployments and of their pods: those, and no others, get requests."""

GOLDEN: Final = "golden"
"""Component of the Jobs that ask golden requests, and part of the names of those that ask them of a candidate first."""

RECHECK: Final = "recheck"
"""Part of the names of the Jobs that ask again before a step or phase ends."""

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


def candidate_service_names(parent: Manifest) -> ChildNames:
    """The Service that reaches the candidate alone."""
    return child_names(parent, "candidate")


def deployment_name(parent: Manifest, revision: str) -> str:
    """Name that the Deployment of a revision is created with; see `Observed.deployment_name`."""
    return child_name(parent, folded=(revision,))


def autoscaler_name(parent: Manifest, found: Manifest | None) -> str:
    """The HorizontalPodAutoscaler; the one that is there keeps its name."""
    return _kept(parent, found)


def budget_name(parent: Manifest, found: Manifest | None) -> str:
    """The PodDisruptionBudget; the one that is there keeps its name."""
    return _kept(parent, found)


def _kept(parent: Manifest, found: Manifest | None) -> str:
    return child_name(parent) if found is None else str(found["metadata"]["name"])


def golden_suffix(revision: str, started_at: str) -> str:
    """Names the golden requests of one attempt at a revision: the next attempt asks again."""
    return f"{GOLDEN}-{short_hash(revision, started_at)}"


def golden_job_names(parent: Manifest, revision: str, started_at: str) -> ChildNames:
    """The Job that asks the golden requests of one attempt at a revision."""
    return task_names(parent, golden_suffix(revision, started_at), words=GOLDEN)


def recheck_suffix(candidate: CandidateStatus) -> str:
    """Names the check that ends the present step or phase: readiness that was lost meanwhile takes another one."""
    moment = (candidate.started_at, candidate.phase, str(candidate.step), candidate.ready_since or "")
    return f"{RECHECK}-{short_hash(candidate.revision, *moment)}"


def recheck_job_names(parent: Manifest, candidate: CandidateStatus) -> ChildNames:
    """The Job that asks every pod before the present step or phase ends."""
    return task_names(parent, recheck_suffix(candidate), words=RECHECK)


def pod_labels(parent: Manifest, revision: str | None = None) -> dict[str, str]:
    """Labels that select the servers' pods of `parent`: of one revision, or of all.

    By UID, since pods of a predecessor of the same name may still be ending.
    """
    labels = {COMPONENT: SERVER, LABEL_UID: parent["metadata"]["uid"]}
    return labels if revision is None else {**labels, LABEL_REVISION: revision}
