# SPDX-License-Identifier: Apache-2.0
"""Finished Jobs on a real API server: they are deleted with their pods, and nothing runs again."""

from localcluster import Cluster
from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.settings import Settings
from mlops_operator.controllers.trainingjob.controller import TrainingJobController
from mlops_operator.kube.client import Client
from mlops_operator.kube.resources import JOBS, PODS, TRAINING_JOBS
from tests.harness.audit import AuditLog, select
from tests.harness.crds import install_crds
from tests.harness.kubelet import Behaviour, FakeKubelet
from tests.harness.operators import operator
from tests.harness.waiting import eventually


async def test_jobs_of_a_training_go_and_it_does_not_run_again(
    control_plane: Cluster, client: Client, namespace: str, audit_log: AuditLog
) -> None:
    await install_crds(client)

    def behave(pod: Manifest) -> Behaviour:
        first = pod["metadata"]["labels"]["mlops-operator.io/attempt"] == "0"
        return Behaviour(exit_code=1 if first else 0)

    async def get() -> Manifest:
        return await client.get(TRAINING_JOBS, namespace=namespace, name="train")

    async def left() -> int:
        jobs = await client.list(JOBS, namespace=namespace)
        pods = await client.list(PODS, namespace=namespace)
        return len(list(jobs.items)) + len(list(pods.items))

    controller = TrainingJobController(Settings(finished_job_ttl=1))
    async with FakeKubelet(client, behave, namespace=namespace):
        async with operator(control_plane, namespace, controller):
            manifest = TRAINING_JOBS.manifest(name="train", namespace=namespace)
            await client.create(TRAINING_JOBS, {**manifest, "spec": {"image": "example/train:1"}})
            await eventually(get, lambda found: (found.get("status") or {}).get("phase") == "Succeeded", within=60)
            await eventually(left, lambda count: count == 0, within=60)
        async with operator(control_plane, namespace, TrainingJobController(Settings())) as manager:

            async def ready() -> bool:
                return manager.ready

            await eventually(ready)
            status = (await get())["status"]
    assert [entry["outcome"] for entry in status["attempts"]] == ["Failed", "Succeeded"]
    requests = select(audit_log.read(), namespace=namespace, without=("leases",))
    counts = {(request.verb, request.resource): count for request, count in requests.items()}
    assert (counts["create", "jobs"], counts["delete", "jobs"]) == (2, 2)
