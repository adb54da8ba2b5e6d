# SPDX-License-Identifier: Apache-2.0
"""ModelDeployments on a real API server: its schema, its defaults, its preconditions, and the requests they cost.

There are no nodes: a fake kubelet says of every pod what the test chose for its version.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial

import pytest

from localcluster import Cluster
from mlops_operator.controllers.modeldeployment.controller import ModelDeploymentController
from mlops_operator.controllers.settings import Settings
from mlops_operator.kube.client import Client
from mlops_operator.kube.config import load_config
from mlops_operator.kube.resources import (
    DEPLOYMENTS,
    HORIZONTAL_POD_AUTOSCALERS,
    JOBS,
    MODEL_DEPLOYMENTS,
    POD_DISRUPTION_BUDGETS,
    SERVICES,
)
from mlops_operator.runtime.manager import Manager, Options
from tests.harness.audit import AuditLog, Request, select
from tests.harness.crds import install_crds
from tests.harness.kubelet import FakeKubelet
from tests.harness.waiting import eventually
from tests.integration.modeldeployment_stage import LOAD_FAILS, NAME, Stage, condition, traffic

POLICY = {"type": "Pods", "value": 1, "periodSeconds": 60}
Operator = Callable[[], AbstractAsyncContextManager[Manager]]


@pytest.fixture
async def stage(client: Client, namespace: str) -> AsyncIterator[Stage]:
    await install_crds(client)
    stage = Stage(client, namespace)
    for name in ("digits-1", "digits-2"):
        await stage.version(name)
    await stage.model("digits-1")
    async with FakeKubelet(client, stage.behave, namespace=namespace):
        yield stage


@pytest.fixture
def operator(control_plane: Cluster, stage: Stage) -> Operator:
    """Runs the controller for the test's namespace while it is entered."""

    @asynccontextmanager
    async def run() -> AsyncIterator[Manager]:
        options = Options(namespaces=(stage.namespace,), leader_elect=False, metrics_address="127.0.0.1:0")
        controllers = (ModelDeploymentController(Settings()),)
        manager = Manager(load_config(control_plane.kubeconfig), controllers, options)
        running = asyncio.create_task(manager.run())
        try:
            await eventually(lambda: _synced(manager), within=30.0)
            yield manager
        finally:
            manager.stop()
            async with asyncio.timeout(30):
                await running

    return run


async def _synced(manager: Manager) -> bool:
    return all(store.synced for store in manager.cache.stores.values())


def writes(audit_log: AuditLog, namespace: str) -> Counter[tuple[str, str]]:
    """The operator's writes since the last look."""
    return changes(audit_log.read(), namespace)


def reads(requests: Counter[Request], namespace: str) -> Counter[tuple[str, str]]:
    """The operator's reads among these requests, without watches."""
    counts = select(requests, namespace=namespace, writes=False)
    return Counter({(entry.verb, entry.resource): number for entry, number in counts.items() if entry.verb != "watch"})


def changes(requests: Counter[Request], namespace: str) -> Counter[tuple[str, str]]:
    """The operator's writes among these requests, without events: verb and resource, and how many."""
    counts = select(requests, namespace=namespace, writes=True, without=("leases", "events"))
    found: Counter[tuple[str, str]] = Counter()
    for request, number in counts.items():
        assert request.code < 400, f"{request} was refused"
        found[request.verb, f"{request.resource}/{request.subresource}".rstrip("/")] += number
    return found


async def quiet(audit_log: AuditLog, namespace: str, *, seconds: float = 1.5) -> None:
    """Nothing is written for a while."""
    await asyncio.sleep(0.2)  # the audit log lags behind the answers
    audit_log.skip()
    await asyncio.sleep(seconds)
    assert writes(audit_log, namespace) == Counter()


async def test_the_first_version_costs_its_children_and_three_statuses_and_then_nothing(
    stage: Stage, operator: Operator, audit_log: AuditLog
) -> None:
    async with operator():
        audit_log.skip()
        await stage.deploy(
            replicas=2,
            resources={"requests": {"cpu": "0.1", "memory": "128Mi"}, "limits": {"memory": "1024Mi"}},
            env=[{"name": "LOG_LEVEL", "value": "info"}],
            template={"spec": {"terminationGracePeriodSeconds": 60, "tolerations": [{"operator": "Exists"}]}},
        )
        status = await stage.serving("digits-1")
        await asyncio.sleep(0.5)
        requests = audit_log.read()
        assert changes(requests, stage.namespace) == {
            ("patch", "deployments"): 1,
            ("create", "services"): 2,
            ("create", "jobs"): 1,
            ("patch", "poddisruptionbudgets"): 1,
            ("patch", "modeldeployments/status"): 3,
            ("delete", "services"): 1,
        }
        assert reads(requests, stage.namespace) == {("list", "pods"): 1}  # the check's figures
        assert status["stable"]["golden"]["passed"] is True
        assert status["readyReplicas"] == 2
        await quiet(audit_log, stage.namespace)
    async with operator():  # a restart
        await quiet(audit_log, stage.namespace)


async def test_a_rollout_in_steps_keeps_all_replicas_behind_the_service(
    stage: Stage, operator: Operator, audit_log: AuditLog
) -> None:
    async with operator():
        await stage.deploy(
            replicas=3, rollout={"steps": [{"weight": 25, "pause": "1s"}, {"weight": 50, "pause": "1s"}]}
        )
        await stage.serving("digits-1")
        async with traffic(stage) as behind:
            await stage.point("digits-2")
            status = await stage.until(lambda status: (status.get("weights") or {}).get("achieved") == 50)
            assert condition(status, "Ready") == ("True", "RollingOut")
            assert status["candidate"]["phase"] in ("Stepping", "Promoting")
            await stage.serving("digits-2")
            await eventually(stage.versions, lambda found: found == {"digits-2": 3})
        assert len(behind) > 5
        assert min(behind) == 3
        await quiet(audit_log, stage.namespace)


async def test_a_rollout_without_steps_and_golden_requests_costs_four_child_writes_and_three_statuses(
    client: Client, stage: Stage, operator: Operator, audit_log: AuditLog
) -> None:
    await stage.version("digits-3", golden=False)
    await stage.version("digits-4", golden=False)
    await stage.point("digits-3")
    async with operator():
        await stage.deploy(replicas=3, rollout={"steps": []})
        await stage.serving("digits-3")
        await asyncio.sleep(0.5)
        audit_log.skip()
        await stage.point("digits-4")
        await stage.serving("digits-4")
        await eventually(stage.versions, lambda found: found == {"digits-4": 3})
        await asyncio.sleep(0.5)
        assert writes(audit_log, stage.namespace) == {
            ("patch", "deployments"): 1,
            ("create", "jobs"): 1,
            ("patch", "services"): 2,
            ("patch", "modeldeployments/status"): 3,
            ("delete", "deployments"): 1,
        }


async def test_a_new_version_that_fails_in_its_bake_gives_the_requests_back(
    client: Client, stage: Stage, operator: Operator, audit_log: AuditLog
) -> None:
    async with operator():
        await stage.deploy(replicas=2, rollout={"steps": [], "bake": "5m"})
        await stage.serving("digits-1")
        await stage.point("digits-2")
        status = await stage.serving("digits-2")
        assert status["former"]["version"] == "digits-1"
        assert await stage.versions() == {"digits-1": 2, "digits-2": 2}
        await quiet(audit_log, stage.namespace)
    async with operator():  # a restart within the bake
        await quiet(audit_log, stage.namespace)
        name = (await stage.get())["status"]["stable"]["deployment"]
        await client.delete(DEPLOYMENTS, namespace=stage.namespace, name=name)
        status = await stage.until(lambda status: "stopped" in status)
        assert (status["stable"]["version"], status["stopped"]["version"]) == ("digits-1", "digits-2")
        assert status["stopped"]["reason"] == "CandidateUnavailable"
        assert condition(status, "Ready") == ("True", "CandidateStopped")
        await eventually(stage.versions, lambda found: found == {"digits-1": 2})
        await quiet(audit_log, stage.namespace)


async def test_a_bake_costs_one_status_and_one_read(stage: Stage, operator: Operator, audit_log: AuditLog) -> None:
    async with operator():
        await stage.deploy(replicas=2, rollout={"steps": [], "bake": "4s"})
        await stage.serving("digits-1")
        await stage.point("digits-2")
        await stage.serving("digits-2")
        await asyncio.sleep(1.0)
        audit_log.skip()
        await eventually(stage.versions, lambda found: found == {"digits-2": 2})
        await asyncio.sleep(0.5)
        requests = audit_log.read()
        assert changes(requests, stage.namespace) == {
            ("patch", "modeldeployments/status"): 1,
            ("delete", "deployments"): 1,
        }
        assert reads(requests, stage.namespace)["get", "deployments"] == 1


async def test_a_model_that_does_not_load_is_stopped_and_the_stable_one_serves_on(
    stage: Stage, operator: Operator, audit_log: AuditLog
) -> None:
    stage.servers["digits-2"] = LOAD_FAILS
    async with operator():
        await stage.deploy(replicas=2)
        await stage.serving("digits-1")
        async with traffic(stage) as behind:
            await stage.point("digits-2")
            status = await stage.until(lambda status: "stopped" in status)
            assert status["stopped"]["reason"] == "ModelLoadFailed"
            assert "not a pickle" in status["stopped"]["message"]
            assert condition(status, "Ready") == ("True", "CandidateStopped")
            assert condition(status, "Stalled") == ("True", "CandidateStopped")
            await eventually(stage.versions, lambda found: found == {"digits-1": 2})
        assert min(behind, default=2) == 2
        await quiet(audit_log, stage.namespace)
        await stage.point("digits-1")
        await stage.serving("digits-1")


async def test_wrong_answers_stop_a_candidate_before_it_gets_a_request(stage: Stage, operator: Operator) -> None:
    stage.mismatches["digits-2"] = 4
    async with operator():
        await stage.deploy()
        await stage.serving("digits-1")
        await stage.point("digits-2")
        status = await stage.until(lambda status: "stopped" in status)
        assert status["stopped"]["reason"] == "GoldenRequestsFailed"
        assert "4 mismatches" in status["stopped"]["message"]
        await eventually(stage.versions, lambda found: found == {"digits-1": 1})


async def test_scaling_by_the_scale_subresource(stage: Stage, operator: Operator, audit_log: AuditLog) -> None:
    async with operator():
        await stage.deploy()
        await stage.serving("digits-1")
        assert await stage.all(POD_DISRUPTION_BUDGETS) == []
        await stage.scale(3)
        await stage.until(lambda status: status.get("readyReplicas") == 3)
        assert await stage.versions() == {"digits-1": 3}
        assert len(await stage.all(POD_DISRUPTION_BUDGETS)) == 1
        await quiet(audit_log, stage.namespace)
        await stage.scale(0)
        await stage.until(lambda status: condition(status, "Ready") == ("True", "ScaledToZero"))
        assert await stage.versions() == {"digits-1": 0}
        await eventually(lambda: stage.all(POD_DISRUPTION_BUDGETS), lambda found: not found)
        await stage.scale(1)
        await stage.serving("digits-1")


async def test_an_autoscaled_count_is_never_reset(stage: Stage, operator: Operator, audit_log: AuditLog) -> None:
    autoscaling = {
        "minReplicas": 2,
        "maxReplicas": 5,
        "behavior": {"scaleDown": {"stabilizationWindowSeconds": 30, "policies": [POLICY], "selectPolicy": "Min"}},
    }
    async with operator():
        await stage.deploy(autoscaling=autoscaling, resources={"requests": {"cpu": "100m"}}, rollout={"steps": []})
        await stage.serving("digits-1")
        (autoscaler,) = await stage.all(HORIZONTAL_POD_AUTOSCALERS)
        assert autoscaler["spec"]["behavior"]["scaleDown"]["stabilizationWindowSeconds"] == 30
        assert autoscaler["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"] == 80
        await quiet(audit_log, stage.namespace)
        (deployment,) = await stage.all(DEPLOYMENTS)
        await stage.client.merge_patch(  # as the autoscaler does it
            DEPLOYMENTS,
            namespace=stage.namespace,
            name=deployment["metadata"]["name"],
            subresource="scale",
            body={"spec": {"replicas": 4}},
        )
        await stage.until(lambda status: status.get("readyReplicas") == 4)
        await stage.edit(autoscaling={"behavior": None, "maxReplicas": 6})
        await eventually(
            lambda: stage.all(HORIZONTAL_POD_AUTOSCALERS), lambda found: found[0]["spec"]["maxReplicas"] == 6
        )
        assert await stage.versions() == {"digits-1": 4}
        (autoscaler,) = await stage.all(HORIZONTAL_POD_AUTOSCALERS)
        assert "policies" not in autoscaler["spec"].get("behavior", {}).get("scaleDown", {}) or (
            autoscaler["spec"]["behavior"]["scaleDown"].get("stabilizationWindowSeconds") != 30
        )
        await stage.point("digits-2")
        await stage.serving("digits-2")
        await eventually(stage.versions, lambda found: found == {"digits-2": 4})
        (deployment,) = await stage.all(DEPLOYMENTS)
        (autoscaler,) = await stage.all(HORIZONTAL_POD_AUTOSCALERS)
        assert autoscaler["spec"]["scaleTargetRef"]["name"] == deployment["metadata"]["name"]
        await quiet(audit_log, stage.namespace)


async def test_an_autoscaler_that_the_api_refuses_is_said_once(
    stage: Stage, operator: Operator, audit_log: AuditLog
) -> None:
    async with operator():
        await stage.deploy(autoscaling={"maxReplicas": 3, "metrics": [{"type": "Nonsense"}]})
        await stage.until(
            lambda status: (
                condition(status, "Stalled") == ("True", "InvalidAutoscaling")
                and condition(status, "Ready") == ("True", "InvalidAutoscaling")
            )
        )
        await quiet(audit_log, stage.namespace)
        await stage.edit(autoscaling=None)
        await stage.serving("digits-1")


async def test_a_pod_template_that_the_api_refuses_is_said_in_its_words_before_there_is_a_child(
    stage: Stage, operator: Operator, audit_log: AuditLog
) -> None:
    async with operator():
        await stage.deploy(template={"spec": {"restartPolicy": "Never"}})
        status = await stage.until(lambda status: condition(status, "Stalled")[0] == "True")
        assert condition(status, "Ready") == ("False", "InvalidPodTemplate")
        assert "restartPolicy" in next(entry for entry in status["conditions"] if entry["type"] == "Ready")["message"]
        assert await stage.all(DEPLOYMENTS) == []
        await quiet(audit_log, stage.namespace)
        await stage.edit(template=None)
        await stage.serving("digits-1")


async def test_a_service_of_somebody_else_is_left_alone(client: Client, stage: Stage, operator: Operator) -> None:
    theirs = SERVICES.manifest(name=NAME, namespace=stage.namespace)
    theirs["spec"] = {"selector": {"app": "theirs"}, "ports": [{"port": 81}]}
    await client.create(SERVICES, theirs)
    async with operator():
        await stage.deploy()
        await stage.until(lambda status: condition(status, "Stalled") == ("True", "NameTaken"))
        found = await client.get(SERVICES, namespace=stage.namespace, name=NAME)
        assert found["spec"]["selector"] == {"app": "theirs"}


async def test_deletion_costs_nothing_and_leaves_nothing(
    client: Client, stage: Stage, operator: Operator, audit_log: AuditLog
) -> None:
    async with operator():
        await stage.deploy(replicas=2)
        await stage.serving("digits-1")
        await asyncio.sleep(0.5)
        audit_log.skip()
        obj = await stage.get()
        await client.delete(
            MODEL_DEPLOYMENTS,
            namespace=stage.namespace,
            name=NAME,
            uid=obj["metadata"]["uid"],
            resource_version=obj["metadata"]["resourceVersion"],
        )
        for resource in (DEPLOYMENTS, SERVICES, JOBS, POD_DISRUPTION_BUDGETS):
            await eventually(partial(stage.all, resource), lambda found: not found, within=30.0)
        await asyncio.sleep(0.3)
        assert writes(audit_log, stage.namespace) == Counter()


async def test_deleted_and_made_again_at_once_it_serves(client: Client, stage: Stage, operator: Operator) -> None:
    async with operator():
        await stage.deploy()
        await stage.serving("digits-1")
        first = await stage.get()
        await client.delete(
            MODEL_DEPLOYMENTS,
            namespace=stage.namespace,
            name=NAME,
            uid=first["metadata"]["uid"],
            resource_version=first["metadata"]["resourceVersion"],
        )
        await stage.deploy()
        await stage.serving("digits-1")
        service = await client.get(SERVICES, namespace=stage.namespace, name=NAME)
        owner = service["metadata"]["ownerReferences"][0]["uid"]
        assert owner == (await stage.get())["metadata"]["uid"] != first["metadata"]["uid"]
