# SPDX-License-Identifier: Apache-2.0
"""Pods on a node that does not answer, on a real API server: what each kind tells of them, and what it costs."""

from collections.abc import AsyncIterator, Mapping
from functools import partial

import pytest

from localcluster import Cluster
from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.evaluation.controller import EvaluationController
from mlops_operator.controllers.modeldeployment.controller import ModelDeploymentController
from mlops_operator.controllers.modelmonitor.controller import ModelMonitorController
from mlops_operator.controllers.modelversion.controller import ModelVersionController
from mlops_operator.controllers.settings import Settings
from mlops_operator.controllers.shared.task_disruptions import ANNOTATION
from mlops_operator.kube.client import Client
from mlops_operator.kube.resources import (
    EVALUATIONS,
    JOBS,
    MODEL_DEPLOYMENTS,
    MODEL_MONITORS,
    MODEL_VERSIONS,
    MODELS,
    PODS,
    Resource,
)
from tests.harness.audit import AuditLog
from tests.harness.crds import install_crds
from tests.harness.kubelet import SILENT_NODE, Behaviour, FakeKubelet, fall_silent, remove_node, take_away
from tests.harness.waiting import eventually
from tests.integration.modeldeployment_stage import Stage, condition
from tests.integration.workshop import Workshop, digest_of, message, operator, requests


@pytest.fixture
async def stage(client: Client, namespace: str) -> AsyncIterator[Stage]:
    await install_crds(client)
    stage = Stage(client, namespace)
    await stage.version("digits-1", golden=False)
    await stage.model("digits-1")
    async with FakeKubelet(client, stage.behave, namespace=namespace):
        yield stage


async def test_a_server_is_told_with_its_revision_for_a_status_and_no_read(
    control_plane: Cluster, stage: Stage, audit_log: AuditLog
) -> None:
    async with operator(control_plane, stage.namespace, ModelDeploymentController(Settings())):
        await stage.deploy(replicas=2)
        status = await stage.serving("digits-1")
        await requests(audit_log, stage.namespace, writes=False)
        lost = (await stage.all(PODS))[0]
        name = lost["metadata"]["name"]
        await fall_silent(stage.client, lost)
        told = await stage.until(lambda found: (found.get("waiting") or {}).get("reason") == "NodeLost")
        assert condition(told, "Ready") == ("True", "ReplicasUnavailable")
        where = f"node {SILENT_NODE} of pod {name} of revision {status['stable']['revision']} has not answered since "
        assert f"digits-1: 1 of 2 replicas are ready; waiting: NodeLost: {where}" in message(told)
        assert await requests(audit_log, stage.namespace, writes=False) == {("patch", "modeldeployments/status"): 1}

        # The cluster takes the pod from the node, and another one serves; the node does not say that it has ended.
        await stage.client.delete(PODS, namespace=stage.namespace, name=name)
        told = await stage.serving("digits-1")
        assert f"digits-1 serves; NodeLost: {where}" in message(told)

        async def pods() -> list[Manifest]:
            return await stage.all(PODS)

        assert len(await pods()) == 3
        path = PODS.path(namespace=stage.namespace, name=name)
        await stage.client.request("DELETE", path, body={"gracePeriodSeconds": 0})
        await stage.until(lambda found: message(found) == "digits-1 serves")
        await eventually(pods, lambda found: len(found) == 2)


NAME = "lost"
TASKS: Mapping[str, Resource] = {
    "verify": MODEL_VERSIONS,
    "evaluate": EVALUATIONS,
    "monitor": MODEL_MONITORS,
    "golden": MODEL_DEPLOYMENTS,
}
"""The kinds that run tasks, by the component that each task is."""

ENDS: Mapping[Resource, str] = {
    MODEL_VERSIONS: "Ready",
    EVALUATIONS: "Succeeded",
    MODEL_MONITORS: "Healthy",
    MODEL_DEPLOYMENTS: "Stable",
}
"""Phase of each kind once its task has ended well."""

FOREVER = Behaviour(run_for=None)


async def begin_tasks(workshop: Workshop) -> None:
    """One object of each kind that runs a task, called `NAME`, whose task goes on and on."""
    await workshop.create(MODELS, "digits", {})
    for name, golden in (("digits-a", True), ("digits-b", False)):
        await workshop.create(MODEL_VERSIONS, name, version_spec(name, golden=golden))
        await workshop.phase(MODEL_VERSIONS, name, "Ready")
    await workshop.create(MODEL_DEPLOYMENTS, "watched", served("digits-b"))
    await workshop.phase(MODEL_DEPLOYMENTS, "watched", "Stable")
    workshop.odd = dict.fromkeys(TASKS, FOREVER)
    await workshop.create(MODEL_DEPLOYMENTS, NAME, served("digits-a"))
    await workshop.create(MODEL_VERSIONS, NAME, version_spec(NAME, golden=False))
    rule = {"name": "accuracy", "min": 0.9}
    data = {"name": "holdout", "uri": "pvc://store/holdout.npz"}
    await workshop.create(EVALUATIONS, NAME, {"candidate": "digits-a", "data": [data], "metrics": [rule]})
    watching = {
        "target": {"deployment": "watched"},
        "source": {"predictionLog": {"uri": "pvc://store/predictions"}},
        "window": {"size": "5s"},
        "metrics": [{"name": "accuracy", "limit": {"min": 0.9}, "minSamples": 100}],
    }
    await workshop.create(MODEL_MONITORS, NAME, watching)


def version_spec(name: str, *, golden: bool) -> Manifest:
    artifact = {"uri": f"pvc://store/{name}", "digest": digest_of(name), "format": "sklearn"}
    requests = {"goldenRequests": {"uri": f"pvc://store/{name}.golden", "digest": digest_of(name)}} if golden else {}
    return {"model": "digits", "artifact": artifact, **requests}


def served(version: str) -> Manifest:
    return {"model": {"name": "digits", "version": version}, "rollout": {"bake": "0s"}}


async def running_task(workshop: Workshop, component: str) -> Manifest:
    """The pod of a kind's task that goes on and on, once its Job counts it as ready."""

    async def look() -> list[Manifest]:
        jobs = [job for job in await workshop.all(JOBS) if (job.get("status") or {}).get("ready")]
        names = {job["metadata"]["name"] for job in jobs}
        return [
            pod
            for pod in await workshop.all(PODS)
            if pod["metadata"]["labels"]["app.kubernetes.io/component"] == component
            and pod["metadata"]["labels"].get("batch.kubernetes.io/job-name") in names
        ]

    (pod,) = await eventually(look, lambda found: len(found) == 1)
    return pod


async def test_every_kind_tells_of_its_task_on_a_lost_node_and_runs_it_again(
    control_plane: Cluster, workshop: Workshop
) -> None:
    settings = Settings()
    controllers = (
        ModelVersionController(settings),
        EvaluationController(settings),
        ModelMonitorController(settings),
        ModelDeploymentController(settings),
    )
    async with operator(control_plane, workshop.namespace, *controllers):
        await begin_tasks(workshop)
        pods = {component: await running_task(workshop, component) for component in TASKS}
        for pod in pods.values():
            await fall_silent(workshop.client, pod)
        for component, resource in TASKS.items():
            told = await workshop.until(
                resource, NAME, lambda status: condition(status, "Ready") == ("False", "NodeLost")
            )
            where = f"node {SILENT_NODE} of pod {pods[component]['metadata']['name']} has not answered since "
            assert where in message(told)
            assert told["waiting"]["reason"] == "NodeLost"

        for pod in pods.values():
            await take_away(workshop.client, pod)
        for component, resource in TASKS.items():
            name = pods[component]["metadata"]["name"]
            words = f"; disruption 1, which uses up no try: NodeLost: pod {name} was removed from node {SILENT_NODE}"
            await workshop.until(resource, NAME, partial(says, words))
        workshop.odd = {}
        forced = pods["verify"]["metadata"]["name"]
        path = PODS.path(namespace=workshop.namespace, name=forced)
        await workshop.client.request("DELETE", path, body={"gracePeriodSeconds": 0})
        for pod in pods.values():
            assert pod["metadata"]["uid"] == (await workshop.get(PODS, pod["metadata"]["name"]))["metadata"]["uid"]
            await remove_node(workshop.client, pod)
        for resource, phase in ENDS.items():
            await workshop.phase(resource, NAME, phase)
        names = {pod["metadata"]["labels"]["batch.kubernetes.io/job-name"] for pod in pods.values()}
        found = [job for job in await workshop.all(JOBS) if job["metadata"]["name"] in names]
        assert [(job["status"].get("failed"), job["status"]["succeeded"]) for job in found] == [(None, 1)] * len(TASKS)
        assert all('"count":"1"' in job["metadata"]["annotations"][ANNOTATION] for job in found)


def says(words: str, status: Manifest) -> bool:
    return words in message(status)
