# SPDX-License-Identifier: Apache-2.0
"""TrainingJobs on a real API server with the real Job controller; pods are played by a fake kubelet."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest

from localcluster import Cluster
from mlops_contract import environment as names
from mlops_contract.messages import config_maps_message
from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.settings import Settings
from mlops_operator.controllers.trainingjob.controller import TrainingJobController
from mlops_operator.kube.client import Client
from mlops_operator.kube.errors import Invalid, NotFound
from mlops_operator.kube.resources import JOBS, MODEL_VERSIONS, MODELS, PODS, SERVICES, TRAINING_JOBS, Resource
from mlops_operator.runtime.manager import Manager
from tests.harness.audit import AuditLog, select
from tests.harness.crds import install_crds
from tests.harness.kubelet import Behaviour, FakeKubelet
from tests.harness.operators import operator
from tests.harness.waiting import eventually

DIGEST = f"sha256:{'a' * 64}"
QUOTAS = Resource("", "v1", "resourcequotas", "ResourceQuota")
SEEN = 2.5
"""Seconds a played pod runs so that the Job controller, which batches pods for a second, is sure to count it ready."""

Behave = Callable[[Manifest], Behaviour | None]


def env_of(pod: Manifest) -> dict[str, str]:
    """The plain variables of a pod's main container."""
    return {entry["name"]: entry["value"] for entry in pod["spec"]["containers"][0]["env"] if "value" in entry}


def reporting(**document: Any) -> Callable[[Manifest], str]:
    """The message of a run that reports."""
    return lambda pod: json.dumps({"v": 1, "uid": env_of(pod)[names.RUN_UID], **document})


class Place:
    """One namespace with the operator's TrainingJob controller at work."""

    def __init__(self, client: Client, namespace: str, audit_log: AuditLog, manager: Manager) -> None:
        self.client = client
        self.namespace = namespace
        self._audit_log = audit_log
        self._manager = manager

    async def synced(self) -> bool:
        """Whether the operator has seen everything."""
        return self._manager.ready

    async def create(self, name: str = "train", **spec: Any) -> Manifest:
        manifest = TRAINING_JOBS.manifest(name=name, namespace=self.namespace)
        return await self.client.create(TRAINING_JOBS, {**manifest, "spec": {"image": "example/train:1", **spec}})

    async def get(self, name: str = "train") -> Manifest:
        return await self.client.get(TRAINING_JOBS, namespace=self.namespace, name=name)

    async def edit(self, **spec: Any) -> None:
        await self.client.merge_patch(TRAINING_JOBS, namespace=self.namespace, name="train", body={"spec": spec})

    async def phase(self, phase: str, *, within: float = 20.0) -> Manifest:
        """The status, as soon as the phase is this one."""
        obj = await eventually(self.get, lambda found: (found.get("status") or {}).get("phase") == phase, within=within)
        status: Manifest = obj["status"]
        return status

    async def all(self, resource: Resource) -> list[Manifest]:
        return list((await self.client.list(resource, namespace=self.namespace)).items)

    async def requests(self) -> dict[str, int]:
        """The operator's requests so far beside lists, watches and events, as `verb resource[/subresource]`."""
        await asyncio.sleep(0.3)  # the log is written a little after the answer
        found: dict[str, int] = {}
        counts = select(self._audit_log.read(), namespace=self.namespace, without=("leases",))
        for request, count in counts.items():
            if request.verb != "watch" and (request.verb != "list" or request.resource == "pods"):
                what = f"{request.verb} {request.resource}"
                what += f"/{request.subresource}" if request.subresource else ""
                found[what] = found.get(what, 0) + count
        return found


def reason(status: Manifest, kind: str = "Ready") -> str | None:
    """The reason of a condition."""
    return next((entry["reason"] for entry in status.get("conditions", ()) if entry["type"] == kind), None)


@pytest.fixture
def stage(control_plane: Cluster, client: Client, namespace: str, audit_log: AuditLog) -> Callable[..., Any]:
    """Opens the place with pods that behave as told."""

    @asynccontextmanager
    async def open_place(behave: Behave) -> AsyncIterator[Place]:
        await install_crds(client)
        controller = TrainingJobController(Settings())
        kubelet = FakeKubelet(client, behave, namespace=namespace)
        async with kubelet, operator(control_plane, namespace, controller) as manager:
            place = Place(client, namespace, audit_log, manager)
            await eventually(place.synced)  # what was there before costs a look more
            yield place

    return open_place


async def test_a_single_run_costs_three_writes_and_one_read(stage: Callable[..., Any]) -> None:
    def behave(pod: Manifest) -> Behaviour:
        return Behaviour(run_for=SEEN, message=reporting(metrics={"accuracy": 0.969})(pod))

    async with stage(behave) as place:
        await place.create()
        status = await place.phase("Succeeded")
        assert status["metrics"] == {"accuracy": 0.969}
        assert await place.requests() == {"create jobs": 1, "patch trainingjobs/status": 2, "list pods": 1}


async def test_two_contents_of_a_config_map_are_two_inputs_at_the_same_cost(stage: Callable[..., Any]) -> None:
    content = {"digest": DIGEST}

    def behave(pod: Manifest) -> Behaviour:
        told = {"check-inputs": config_maps_message(content["digest"])}
        return Behaviour(run_for=SEEN, message=reporting()(pod), init_messages=told)

    setting = {"name": "MODE", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "mode", "optional": True}}}
    code = {"name": "code", "configMap": {"name": "train-code", "items": [{"key": "train.py", "path": "train.py"}]}}
    spec = {"env": [setting], "template": {"spec": {"volumes": [code]}}}
    async with stage(behave) as place:
        digests = []
        for name, digest in (("first", DIGEST), ("same", DIGEST), ("other", f"sha256:{'b' * 64}")):
            content["digest"] = digest
            await place.create(name, **spec)
            done = await eventually(
                partial(place.get, name),
                lambda found: (found.get("status") or {}).get("phase") == "Succeeded",
                within=20,
            )
            digests.append(done["status"]["inputsDigest"])
        assert digests[0] == digests[1] != digests[2]
        assert await place.requests() == {"create jobs": 3, "patch trainingjobs/status": 6, "list pods": 3}


async def test_nothing_is_written_afterwards_nor_by_a_restarted_operator(stage: Callable[..., Any]) -> None:
    async with stage(lambda pod: Behaviour(message=reporting()(pod))) as place:
        await place.create()
        await place.phase("Succeeded")
        await place.requests()
    async with stage(lambda _pod: None) as place:
        await asyncio.sleep(1.0)
        assert await place.requests() == {}


async def test_a_run_with_a_model_makes_a_version_for_one_write_more(stage: Callable[..., Any]) -> None:
    artifact = {"name": "model", "uri": "pvc://store/m.joblib", "digest": DIGEST, "format": "sklearn", "size": 7}

    def behave(pod: Manifest) -> Behaviour:
        return Behaviour(run_for=SEEN, message=reporting(artifacts=[artifact])(pod))

    async with stage(behave) as place:
        model = MODELS.manifest(name="digits", namespace=place.namespace)
        await place.client.create(MODELS, {**model, "spec": {"aliases": [{"name": "champion"}]}})
        await place.create(model="digits", parameters={"gamma": 0.001, "note": "$(HOME)"}, seed=7)
        status = await place.phase("Succeeded")
        (version,) = await place.all(MODEL_VERSIONS)
        assert version["metadata"]["name"] == status["modelVersion"]
        assert version["spec"]["artifact"]["digest"] == DIGEST
        assert version["spec"]["lineage"]["parameters"] == {"gamma": 0.001, "note": "$(HOME)"}
        assert "ownerReferences" not in version["metadata"]
        assert await place.requests() == {
            "create jobs": 1,
            "create modelversions": 1,
            "patch trainingjobs/status": 2,
            "list pods": 1,
        }


async def test_a_missing_model_holds_the_start_and_mends_itself(stage: Callable[..., Any]) -> None:
    async with stage(lambda _pod: Behaviour(run_for=None)) as place:
        await place.create(model="digits")
        status = await place.phase("Pending")
        assert reason(status) == "ModelNotFound"
        assert await place.all(JOBS) == []
        model = MODELS.manifest(name="digits", namespace=place.namespace)
        await place.client.create(MODELS, {**model, "spec": {}})
        await place.phase("Running")


async def test_a_failed_attempt_is_followed_by_another_that_succeeds(stage: Callable[..., Any]) -> None:
    def behave(pod: Manifest) -> Behaviour:
        if env_of(pod)[names.ATTEMPT] == "0":
            return Behaviour(exit_code=3, message="out of luck")
        return Behaviour(message=reporting(metrics={"accuracy": 0.5})(pod))

    async with stage(behave) as place:
        await place.create()
        status = await place.phase("Retrying")
        (attempt,) = status["attempts"]
        assert (attempt["exitCode"], attempt["message"]) == (3, "out of luck")
        status = await place.phase("Succeeded", within=40.0)
        assert [entry["outcome"] for entry in status["attempts"]] == ["Failed", "Succeeded"]
        assert len(await place.all(JOBS)) == 2


async def test_data_that_are_late_cost_no_attempt_and_three_writes_a_look(stage: Callable[..., Any]) -> None:
    missing = json.dumps({"reason": "DataNotFound", "message": "nothing is at train (pvc://store/train.npz)"})
    there = asyncio.Event()

    def behave(pod: Manifest) -> Behaviour:
        return Behaviour(message=reporting()(pod)) if there.is_set() else Behaviour(exit_code=4, message=missing)

    async with stage(behave) as place:
        await place.create(backoffLimit=0)
        status = await place.phase("Pending")
        assert reason(status) == "DataNotFound"
        (first,) = await place.all(JOBS)
        there.set()
        status = await place.phase("Succeeded", within=40.0)
        assert [(entry["index"], entry["outcome"]) for entry in status["attempts"]] == [(0, "Succeeded")]
        (second,) = await place.all(JOBS)
        assert first["metadata"]["name"] == second["metadata"]["name"]
        assert await place.requests() == {
            "create events": 1,
            "create jobs": 2,
            "delete jobs": 1,
            "get trainingjobs": 1,
            "patch trainingjobs/status": 2,
            "list pods": 2,
        }


async def test_suspending_stops_the_pods_and_resuming_starts_the_same_attempt(stage: Callable[..., Any]) -> None:
    async with stage(lambda _pod: Behaviour(run_for=None)) as place:
        await place.create()
        await place.phase("Running")
        await place.edit(suspend=True)
        await place.phase("Suspended")
        await eventually(lambda: place.all(PODS), lambda pods: not pods)
        await place.edit(suspend=False)
        status = await place.phase("Running")
        assert status["attempt"] == 0
        assert len(await place.all(JOBS)) == 1


async def test_at_the_deadline_the_pods_are_stopped(stage: Callable[..., Any]) -> None:
    async with stage(lambda _pod: Behaviour(run_for=None)) as place:
        await place.create(activeDeadlineSeconds=3)
        status = await place.phase("Failed")
        assert reason(status, "Failed") == "DeadlineExceeded"
        assert status["ranSeconds"] in (3, 4)
        await eventually(lambda: place.all(PODS), lambda pods: not pods)
        (job,) = await place.all(JOBS)
        assert job["spec"]["suspend"] is True


async def test_several_replicas_start_together_with_names_of_their_own(stage: Callable[..., Any]) -> None:
    seen: dict[str, Manifest] = {}

    def behave(pod: Manifest) -> Behaviour:
        index = pod["metadata"]["labels"]["batch.kubernetes.io/job-completion-index"]
        seen[index] = pod
        return Behaviour(run_for=SEEN, message=reporting(counts={"rows": 7})(pod) if index == "0" else "")

    async with stage(behave) as place:
        await place.create(replicas=3, output={"uri": "pvc://store/out"})
        status = await place.phase("Succeeded")
        assert status["counts"] == {"rows": 7}
        assert sorted(seen) == ["0", "1", "2"]
        (service,) = await place.all(SERVICES)
        (job,) = await place.all(JOBS)
        host, subdomain = seen["0"]["spec"]["hostname"], seen["0"]["spec"]["subdomain"]
        assert subdomain == service["metadata"]["name"]
        assert host == f"{job['metadata']['name']}-0"
        assert env_of(seen["2"])[names.COORDINATOR] == f"{host}.{subdomain}.{place.namespace}.svc"
        together = {"create jobs": 1, "create services": 1, "patch trainingjobs/status": 2, "list pods": 1}
        # Where the Job counts rank 0 before the others its result is kept: one read and one write.
        apart = {**together, "patch trainingjobs/status": 3, "list pods": 2}
        assert await place.requests() in (together, apart)


async def test_one_failed_replica_fails_the_attempt(stage: Callable[..., Any]) -> None:
    def behave(pod: Manifest) -> Behaviour:
        index = pod["metadata"]["labels"]["batch.kubernetes.io/job-completion-index"]
        return Behaviour(run_for=0.5, exit_code=9, message="no GPU") if index == "2" else Behaviour(run_for=None)

    async with stage(behave) as place:
        await place.create(replicas=3, backoffLimit=0)
        status = await place.phase("Failed")
        (attempt,) = status["attempts"]
        assert (attempt["exitCode"], attempt["message"]) == (9, "no GPU")


async def test_a_bad_pod_template_stalls_with_the_apis_words_before_any_child_exists(
    stage: Callable[..., Any],
) -> None:
    async with stage(lambda _pod: None) as place:
        await place.create(template={"spec": {"containers": [{"name": "side"}]}})
        obj = await eventually(place.get, lambda found: reason(found["status"], "Stalled") == "InvalidPodTemplate")
        message = next(entry["message"] for entry in obj["status"]["conditions"] if entry["type"] == "Stalled")
        assert "containers[1].image: Required value" in message
        assert await place.all(JOBS) == []
        await place.requests()
        await place.edit(template=None)
        await eventually(lambda: place.all(JOBS), bool)


async def test_a_job_that_is_too_large_for_etcd_stalls_with_its_size_until_the_spec_is_shorter(
    stage: Callable[..., Any],
) -> None:
    """The API server adds to a Job who set which field, so it is larger than the TrainingJob that it is made for."""
    variables = [{"name": f"V{number:05}"} for number in range(30_000)]
    side = {"name": "side", "image": "example/side:1", "env": variables}
    async with stage(lambda _pod: None) as place:
        await place.create(template={"spec": {"containers": [side]}})
        obj = await eventually(place.get, lambda found: reason(found["status"], "Stalled") is not None)
        message = next(entry["message"] for entry in obj["status"]["conditions"] if entry["type"] == "Stalled")
        assert reason(obj["status"], "Stalled") == "TooLarge"
        for words in ("Job: Job train-", "is too large", "bytes as sent", "takes 1572864 bytes", "shorten the spec"):
            assert words in message
        await asyncio.sleep(2.0)
        assert (await place.requests())["create jobs"] == 1
        await place.edit(template=None)
        await eventually(lambda: place.all(JOBS), bool)


async def test_a_quota_is_told_and_not_final(stage: Callable[..., Any]) -> None:
    async with stage(lambda _pod: None) as place:
        quota = QUOTAS.manifest(name="none", namespace=place.namespace)
        await place.client.create(QUOTAS, {**quota, "spec": {"hard": {"count/jobs.batch": "0"}}})

        async def enforced() -> bool:
            found = await place.client.get(QUOTAS, namespace=place.namespace, name="none")
            return "hard" in (found.get("status") or {})

        await eventually(enforced)
        await place.create()
        obj = await eventually(
            place.get,
            lambda found: (
                reason(found["status"] | {"conditions": found["status"].get("conditions", [])}) == "Forbidden"
            ),
        )
        assert obj["status"]["waiting"]["reason"] == "Forbidden"
        await place.client.delete(QUOTAS, namespace=place.namespace, name="none")
        await place.edit(seed=1)
        await eventually(lambda: place.all(JOBS), bool)


async def test_what_keeps_a_pod_is_told_within_ten_seconds(stage: Callable[..., Any]) -> None:
    waiting = ("ErrImagePull", "no such image")
    async with stage(lambda _pod: Behaviour(start_after=None, waiting=waiting)) as place:
        await place.create()
        status = await place.phase("Pending", within=10.0)
        assert status["waiting"]["reason"] == "ImageUnavailable"
        assert status["waiting"]["message"] == "no such image"


async def test_a_finished_job_is_deleted_in_time_with_its_children(stage: Callable[..., Any]) -> None:
    async with stage(lambda pod: Behaviour(message=reporting()(pod))) as place:
        await place.create(ttlSecondsAfterFinished=0)

        async def gone() -> bool:
            try:
                await place.get()
            except NotFound:
                return True
            return False

        await eventually(gone)
        await eventually(lambda: place.all(JOBS), lambda jobs: not jobs)


async def test_a_malformed_result_is_no_success(stage: Callable[..., Any]) -> None:
    async with stage(lambda _pod: Behaviour(message="done!")) as place:
        await place.create()
        status = await place.phase("Failed")
        assert reason(status, "Failed") == "ResultInvalid"
        assert len(await place.all(JOBS)) == 1


async def test_the_model_of_a_run_cannot_be_changed(client: Client, namespace: str) -> None:
    await install_crds(client)
    manifest = TRAINING_JOBS.manifest(name="train", namespace=namespace)
    await client.create(TRAINING_JOBS, {**manifest, "spec": {"image": "i", "model": "a"}})
    with pytest.raises(Invalid, match="model is immutable"):
        await client.merge_patch(TRAINING_JOBS, namespace=namespace, name="train", body={"spec": {"model": "b"}})
