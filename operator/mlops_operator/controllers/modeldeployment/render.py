# SPDX-License-Identifier: Apache-2.0
"""Manifests of a ModelDeployment's children."""

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, Final

from mlops_contract import environment as env_names
from mlops_contract.models.base import given
from mlops_contract.models.golden import GoldenCheck, RequestsSource
from mlops_operator.api.common import ArtifactRef
from mlops_operator.api.meta import Manifest
from mlops_operator.api.modeldeployment import CandidateStatus, ModelDeploymentSpec
from mlops_operator.api.modelserver import Autoscaling
from mlops_operator.api.schema import seconds
from mlops_operator.controllers.modeldeployment import names
from mlops_operator.controllers.modeldeployment.blueprint import Blueprint
from mlops_operator.controllers.modeldeployment.server_pods import Surroundings, annotations, pod_template
from mlops_operator.controllers.settings import Settings
from mlops_operator.controllers.shared.json_text import compact_json
from mlops_operator.controllers.shared.naming import child_metadata, short_hash
from mlops_operator.controllers.shared.task import Folder, Step, Task, render_task

DEFAULT_CPU_UTILIZATION: Final = 80
"""Per cent of the requested CPU at which an autoscaler without metrics of its own adds replicas."""

GOLDEN_TTL_SECONDS: Final = 3600
"""A golden-request Job and its log are kept so long for people. The verdict is in status by then; if
not, because the operator was away for longer, the requests are asked again."""

MIN_READY_TIMEOUT, MAX_READY_TIMEOUT = 10, 60
"""Seconds that one try of the golden requests gives a server, which is ready by its pod, to answer by its Service.
A recheck takes the shorter one: the server has answered before."""

REQUESTS: Final = "/mnt/requests"
"""Where the containers of a golden-request Job see the copy of the requests."""


def deployment(
    parent: Manifest, spec: ModelDeploymentSpec, blueprint: Blueprint, *, name: str, replicas: int, given: Surroundings
) -> Manifest:
    """The Deployment `name` of a revision.

    Its own rolling update only ever repairs: a new revision is a new Deployment.
    """
    revision = blueprint.revision
    metadata = child_metadata(parent, name, component=names.SERVER, labels={names.LABEL_REVISION: revision})
    metadata["annotations"] = {
        names.ANNOTATION_VERSION: blueprint.version,
        names.ANNOTATION_VERSION_UID: blueprint.version_uid,
        names.ANNOTATION_DIGEST: blueprint.digest,
        **annotations(given),
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata,
        "spec": {
            "replicas": replicas,
            "revisionHistoryLimit": 0,
            "progressDeadlineSeconds": seconds(spec.rollout.progress_deadline),
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
            "selector": {"matchLabels": names.pod_labels(parent, revision)},
            "template": pod_template(parent, blueprint, given),
        },
    }


def service(parent: Manifest, *, name: str, revision: str | None) -> Manifest:
    """A Service that reaches the ready servers of one revision, or of all."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": child_metadata(parent, name, component="service"),
        "spec": {
            "type": "ClusterIP",
            "selector": names.pod_labels(parent, revision),
            "ports": [
                {
                    "name": names.PORT_NAME,
                    "protocol": "TCP",
                    "port": names.SERVICE_PORT,
                    "targetPort": names.PORT_NAME,
                }
            ],
        },
    }


def service_url(parent: Manifest, name: str, settings: Settings) -> str:
    """Base URL of a Service inside the cluster."""
    return f"http://{name}.{parent['metadata']['namespace']}.svc.{settings.cluster_domain}"


def autoscaler(parent: Manifest, autoscaling: Autoscaling, *, name: str, deployment: str) -> Manifest:
    """The autoscaler `name` of the stable revision's Deployment."""
    metrics = list(autoscaling.metrics) or [
        {
            "type": "Resource",
            "resource": {
                "name": "cpu",
                "target": {"type": "Utilization", "averageUtilization": DEFAULT_CPU_UTILIZATION},
            },
        }
    ]
    spec: Manifest = {
        "scaleTargetRef": {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "name": deployment,
        },
        "minReplicas": autoscaling.min_replicas,
        "maxReplicas": autoscaling.max_replicas,
        "metrics": metrics,
    }
    if autoscaling.behavior is not None:
        spec["behavior"] = autoscaling.behavior
    metadata = child_metadata(parent, name, component="autoscaler")
    metadata["annotations"] = {names.ANNOTATION_SPEC: short_hash(compact_json(spec))}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": metadata,
        "spec": spec,
    }


def disruption_budget(parent: Manifest, *, name: str) -> Manifest:
    """The PodDisruptionBudget `name`: at most one server is evicted at a time, of whatever revision.

    One that is not ready may always go.
    """
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": child_metadata(parent, name, component="disruption-budget"),
        "spec": {
            "maxUnavailable": 1,
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
            "selector": {"matchLabels": names.pod_labels(parent)},
        },
    }


def golden_task(
    parent: Manifest,
    spec: ModelDeploymentSpec,
    blueprint: Blueprint,
    candidate: CandidateStatus,
    settings: Settings,
    *,
    service: str,
) -> Task:
    """The task that asks the candidate its golden requests by its Service, called `service`.

    Raises:
        ValueError: the version has none.
    """
    requests = blueprint.golden_requests
    if requests is None:
        raise ValueError(f"expected golden requests of {blueprint.version}, found none")
    url = service_url(parent, service, settings)
    timeout = _ready_timeout(seconds(spec.rollout.progress_deadline))
    return Task(
        parent=parent,
        suffix=names.golden_suffix(candidate.revision, candidate.started_at),
        words=names.GOLDEN,
        component=names.GOLDEN,
        steps=_asking(spec, blueprint, requests, {"url": url, "ready_timeout_seconds": timeout}),
        options=spec.task_pods,
        retries_connections=True,
    )


def recheck_task(
    parent: Manifest,
    spec: ModelDeploymentSpec,
    blueprint: Blueprint,
    candidate: CandidateStatus,
    addresses: Sequence[str],
) -> Task:
    """The task that asks each server of the candidate, with golden requests where the version has some.

    Args:
        addresses: base URL of each server.
    """
    whom = {"endpoints": tuple(addresses), "ready_timeout_seconds": MIN_READY_TIMEOUT}
    return Task(
        parent=parent,
        suffix=names.recheck_suffix(candidate),
        words=names.RECHECK,
        component=names.GOLDEN,
        steps=_asking(spec, blueprint, blueprint.golden_requests, whom),
        options=spec.task_pods,
    )


def _asking(
    spec: ModelDeploymentSpec, blueprint: Blueprint, requests: ArtifactRef | None, whom: Mapping[str, Any]
) -> tuple[Step, ...]:
    """The steps of a task that asks servers: their golden requests, or for readiness alone."""
    # The operator's own servers say which version answered; a custom one need not.
    named = {**whom, **given({"model_version": None if blueprint.custom else blueprint.version})}
    if requests is None:
        readiness = GoldenCheck(model=blueprint.model, **named)
        return (Step(module="golden", env={env_names.GOLDEN: readiness.to_document()}),)
    check = GoldenCheck(
        model=blueprint.model,
        requests=RequestsSource(uri=f"{REQUESTS}/{_name(requests.uri)}", digest=requests.digest),
        max_latency_seconds=seconds(spec.rollout.golden.max_latency),
        tolerance=spec.rollout.golden.tolerance,
        **named,
    )
    return (
        Step(
            name="fetch",
            module="fetch",
            args=("--uri", requests.uri, "--digest", requests.digest, "--to", REQUESTS),
            claims=[requests.uri],
            folders=(Folder(name="requests", path=REQUESTS, writable=True),),
        ),
        Step(
            module="golden",
            env={env_names.GOLDEN: check.to_document()},
            folders=(Folder(name="requests", path=REQUESTS),),
        ),
    )


def _ready_timeout(progress_deadline: int) -> int:
    """A third of the deadline within these limits: why the server did not answer is known before it is stopped."""
    return max(MIN_READY_TIMEOUT, min(MAX_READY_TIMEOUT, progress_deadline // 3))


def _name(uri: str) -> str:
    """The name under which `mlops_workload.fetch` leaves the file at `uri`."""
    return PurePosixPath(uri.partition("?")[0]).name


def golden_job(task: Task, settings: Settings) -> Manifest:
    """The Job of such a task."""
    job = render_task(task, settings)
    job["spec"]["ttlSecondsAfterFinished"] = GOLDEN_TTL_SECONDS
    return job
