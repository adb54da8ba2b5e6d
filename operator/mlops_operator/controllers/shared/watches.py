# SPDX-License-Identifier: Apache-2.0
"""Watches on the children that several kinds' controllers share.

There is one cache per resource, so every controller watches a resource with the same label
selector and the same trim; these functions are where both are said.
"""

from collections.abc import Callable, Iterable
from typing import Final

from mlops_operator.api.meta import PREFIX, Key, Manifest
from mlops_operator.controllers.shared import jobs
from mlops_operator.kube.resources import (
    DEPLOYMENTS,
    HORIZONTAL_POD_AUTOSCALERS,
    JOBS,
    POD_DISRUPTION_BUDGETS,
    PODS,
    SERVICES,
    Resource,
)
from mlops_operator.runtime.cache.watch import Watch, World, owner_keys

MANAGED: Final = "app.kubernetes.io/managed-by=mlops-operator"
"""Selects every child of ours; see `naming.child_labels`."""

SERVER_PODS: Final = f"{MANAGED},app.kubernetes.io/component=server"
"""Selects pods of model servers. Pods of Jobs are read when they are needed, never watched."""

_IDENTITY: Final = (
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "deletionTimestamp",
    "generation",
    "labels",
    "ownerReferences",
)
_LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
_JOB_SPEC: Final = ("suspend", "completions", "parallelism", "backoffLimit")
"""What a plan reads of a Job's spec: Jobs are created once and never compared, so the template can go."""

_POD_SPEC: Final = ("nodeName",)

_JOB_STATUS: Final = ("startTime", "completionTime", "ready", "active")  # and `_counts`
_JOB_CONDITIONS: Final = frozenset({"Complete", "Failed", "Suspended"})
"""What a plan reads of a Job's status. What else comes and goes beside it, such as conditions that announce an end, is
no news to anybody and wakes nobody."""

_ANNOUNCED: Final = frozenset({"FailureTarget", "SuccessCriteriaMet", "Failed", "Complete"})
"""Conditions after which the Job controller itself takes pods away."""


def looked_up(resource: Resource) -> Watch:
    """Objects that plans look up in the cache, and whose changes trigger no reconciliation."""
    return Watch(resource=resource, keys=lambda _obj, _world: ())


def managed_jobs(owner: Resource) -> Watch:
    """Jobs that objects of kind `owner` control, without their pod templates."""
    return Watch(resource=JOBS, keys=owner_keys(owner), label_selector=MANAGED, trim=trim_job, ended=jobs.ended)


def managed_services(owner: Resource) -> Watch:
    """Services that objects of kind `owner` control."""
    return _managed(SERVICES, owner, trim_child)


def managed_deployments(owner: Resource) -> Watch:
    """Deployments that objects of kind `owner` control, with their whole spec, since it is compared."""
    return _managed(DEPLOYMENTS, owner, trim_child)


def managed_autoscalers(owner: Resource) -> Watch:
    """HorizontalPodAutoscalers that objects of kind `owner` control."""
    return _managed(HORIZONTAL_POD_AUTOSCALERS, owner, trim_child)


def managed_disruption_budgets(owner: Resource) -> Watch:
    """PodDisruptionBudgets that objects of kind `owner` control."""
    return _managed(POD_DISRUPTION_BUDGETS, owner, trim_child)


def server_pods(keys: Callable[[Manifest, World], Iterable[Key]]) -> Watch:
    """Pods of model servers; `keys` finds whom they concern, since a ReplicaSet controls them."""
    return Watch(resource=PODS, keys=keys, label_selector=SERVER_PODS, trim=trim_pod)


def _managed(resource: Resource, owner: Resource, trim: Callable[[Manifest], Manifest]) -> Watch:
    return Watch(resource=resource, keys=owner_keys(owner), label_selector=MANAGED, trim=trim)


def trim_job(job: Manifest) -> Manifest:
    """A Job with its identity, our own annotations, and what plans read of its spec and status."""
    metadata = _pick(job["metadata"], _IDENTITY)
    annotations = job["metadata"].get("annotations") or {}
    ours = {name: value for name, value in annotations.items() if name.startswith(PREFIX)}
    if ours:
        metadata["annotations"] = ours
    status = job.get("status") or {}
    conditions = [entry for entry in status.get("conditions") or () if entry["type"] in _JOB_CONDITIONS]
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata,
        "spec": _pick(job["spec"], _JOB_SPEC),
        "status": _pick(status, _JOB_STATUS) | _counts(job) | ({"conditions": conditions} if conditions else {}),
    }


def _counts(job: Manifest) -> Manifest:
    """The counts of pods that are news: tries that failed, of several ranks those that have ended, and pods that are
    told to go before the Job ends."""
    status = job.get("status") or {}
    counts = {}
    if failed := jobs.failed_tries(job):
        counts["failed"] = failed
    if status.get("succeeded") and jobs.ranks(job) > 1:
        counts["succeeded"] = status["succeeded"]
    announced = {entry["type"] for entry in status.get("conditions") or () if entry["status"] == "True"}
    if status.get("terminating") and not announced & _ANNOUNCED:
        counts["terminating"] = status["terminating"]
    return counts


def trim_child(child: Manifest) -> Manifest:
    """A child that is compared with what is wanted: all but the bookkeeping of others in its metadata."""
    metadata = _pick(child["metadata"], _IDENTITY)
    annotations = child["metadata"].get("annotations") or {}
    kept = {name: value for name, value in annotations.items() if name != _LAST_APPLIED}
    if kept:
        metadata["annotations"] = kept
    return {**child, "metadata": metadata}


def trim_pod(pod: Manifest) -> Manifest:
    """A server's pod with its identity, node and status; the rest of its spec is that of its Deployment."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": _pick(pod["metadata"], _IDENTITY),
        "spec": _pick(pod.get("spec") or {}, _POD_SPEC),
        "status": pod.get("status") or {},
    }


def _pick(mapping: Manifest, names: Iterable[str]) -> Manifest:
    return {name: mapping[name] for name in names if name in mapping}
