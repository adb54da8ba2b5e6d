# SPDX-License-Identifier: Apache-2.0
"""What a user is told of a mistake, by the API server or in the status, and that the correction is enough."""

import asyncio
import copy
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio

from localcluster import Cluster
from mlops_operator.api.meta import Manifest
from mlops_operator.api.trainingjob import SPEC_CHANGE_IGNORED
from mlops_operator.controllers import all_controllers
from mlops_operator.controllers.settings import Settings
from mlops_operator.kube.client import Client
from mlops_operator.kube.config import load_config
from mlops_operator.kube.errors import StatusError
from mlops_operator.kube.resources import JOBS, MODEL_DEPLOYMENTS, MODEL_VERSIONS, MODELS, PROMOTIONS, TRAINING_JOBS
from tests.harness.crds import install_crds
from tests.harness.kubelet import Behaviour, FakeKubelet
from tests.harness.namespaces import NAMESPACES, make_namespace
from tests.harness.policies import install_policies, refusal
from tests.integration.mistakes import refused, told
from tests.integration.workshop import Workshop, condition, digest_of, message, operator

pytestmark = pytest.mark.asyncio(loop_scope="module")

RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def workshop(control_plane: Cluster) -> AsyncIterator[Workshop]:
    """One namespace for all rows, with a Model, its first version, and every mistake made at once."""
    name = f"mistakes-{uuid4().hex[:8]}"
    async with Client(load_config(control_plane.kubeconfig), user_agent="test") as client:
        await install_crds(client)
        await make_namespace(client, name)
        await client.merge_patch(NAMESPACES, namespace=None, name=name, body={"metadata": {"labels": RESTRICTED}})
        await install_policies(client, name)
        workshop = Workshop(client, name)
        kubelet = FakeKubelet(client, workshop.behave, namespace=name)
        async with kubelet, operator(control_plane, name, *all_controllers(Settings())):
            await workshop.create(MODELS, "digits", {"aliases": [{"name": "champion", "bootstrap": True}]})
            await workshop.version("digits-1", ready=False)
            artifact = {"uri": "pvc://store/digits-onnx", "digest": digest_of("digits-onnx"), "format": "onnx"}
            await workshop.until(MODELS, "digits", lambda status: bool(status.get("aliases")))
            await workshop.create(MODEL_VERSIONS, "digits-onnx", {"model": "digits", "artifact": artifact})
            for row in told.ROWS:
                for resource, called, spec in row.objects:
                    await workshop.create(resource, called, spec)
            yield workshop
        await client.delete(NAMESPACES, namespace=None, name=name)


def merged(value: Any, change: Manifest) -> Manifest:
    """A JSON merge patch applied."""
    result = dict(value) if isinstance(value, dict) else {}
    for name, entry in change.items():
        if entry is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), entry) if isinstance(entry, dict) else entry
    return result


@pytest.mark.parametrize("row", refused.ROWS, ids=lambda row: row.row)
async def test_it_is_refused_with_field_and_rule(workshop: Workshop, row: refused.Refused) -> None:
    obj = row.resource.manifest(name=row.name, namespace=workshop.namespace)
    obj["spec"] = copy.deepcopy(row.spec)
    said = await refusal(workshop.client, row.resource, obj)
    for part in row.says:
        assert part in said
    fine = row.resource.manifest(name="fine", namespace=workshop.namespace)
    fine["spec"] = merged(row.spec, row.correction)
    assert await refusal(workshop.client, row.resource, fine) == ""


def _rows() -> list[Any]:
    """Rows whose recovery takes long are deep."""
    return [pytest.param(row, id=row.row, marks=[pytest.mark.deep] if row.within > 60 else []) for row in told.ROWS]


@pytest.mark.parametrize("row", _rows())
async def test_it_is_told_and_the_correction_is_enough(workshop: Workshop, row: told.Told) -> None:
    def is_told(status: Manifest) -> bool:
        return condition(status, row.condition)[1] == row.reason and all(
            part in message(status, row.condition) for part in row.says
        )

    status = await workshop.until(*row.asked, is_told)
    assert condition(status, "Ready")[0] != "True"
    await row.correct(workshop)
    await workshop.until(*row.asked, lambda status: condition(status, "Ready")[1] in row.recovered, within=row.within)


async def test_26_a_name_of_250_characters_works_where_it_is_allowed(workshop: Workshop) -> None:
    await workshop.create(TRAINING_JOBS, "a" * 250, {"image": "example/train:1"})
    await workshop.phase(TRAINING_JOBS, "a" * 250, "Succeeded")


async def test_30_an_edit_of_an_immutable_field_is_refused(workshop: Workshop) -> None:
    await workshop.create(TRAINING_JOBS, "m30-model", {"image": "example/train:1", "model": "digits", "suspend": True})
    await workshop.create(PROMOTIONS, "m30", {"model": "digits", "alias": "none", "version": "digits-1"})
    for resource, name, spec, says in (
        (TRAINING_JOBS, "m30-model", {"model": "letters"}, "model is immutable: create another TrainingJob instead"),
        (PROMOTIONS, "m30", {"version": "digits-2"}, "spec is immutable: create another object instead"),
    ):
        with pytest.raises(StatusError, match=says):
            await workshop.edit(resource, name, spec=spec)


async def test_30_an_edit_of_a_finished_training_is_told(workshop: Workshop) -> None:
    await workshop.create(TRAINING_JOBS, "m30-done", {"image": "example/train:1", "parameters": {"trees": 5}})
    await workshop.phase(TRAINING_JOBS, "m30-done", "Succeeded")
    await workshop.edit(TRAINING_JOBS, "m30-done", spec={"parameters": {"trees": 99}})
    status = await workshop.until(
        TRAINING_JOBS, "m30-done", lambda status: condition(status, SPEC_CHANGE_IGNORED) == ("True", "Finished")
    )
    assert "create another TrainingJob" in message(status, SPEC_CHANGE_IGNORED)
    await workshop.create(TRAINING_JOBS, "m30-again", {"image": "example/train:1", "parameters": {"trees": 99}})
    await workshop.phase(TRAINING_JOBS, "m30-again", "Succeeded")


async def test_31_an_edit_while_suspended_runs_on_resume(workshop: Workshop) -> None:
    workshop.odd["training"] = Behaviour(run_for=None)
    await workshop.create(TRAINING_JOBS, "m31", {"image": "example/train:1", "parameters": {"rate": 0.1}})
    await workshop.phase(TRAINING_JOBS, "m31", "Running")
    await workshop.edit(TRAINING_JOBS, "m31", spec={"suspend": True})
    await workshop.phase(TRAINING_JOBS, "m31", "Suspended")
    del workshop.odd["training"]
    await workshop.edit(TRAINING_JOBS, "m31", spec={"parameters": {"rate": 0.5}})
    await workshop.edit(TRAINING_JOBS, "m31", spec={"suspend": False})
    status = await workshop.phase(TRAINING_JOBS, "m31", "Succeeded")
    assert condition(status, SPEC_CHANGE_IGNORED) == ("", "")
    assert [attempt["generation"] for attempt in status["attempts"]] == [4]
    (job,) = [job for job in await workshop.all(JOBS) if job["metadata"]["name"] == status["attempts"][0]["job"]]
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert {"name": "MLOPS_PARAM_RATE", "value": "0.5"} in container["env"]


async def test_32_a_deleted_target_is_named_and_another_promotion_is_enough(workshop: Workshop) -> None:
    await workshop.create(MODELS, "m32", {"aliases": [{"name": "champion", "bootstrap": True}]})
    await version_of(workshop, "m32", "m32-1")
    await workshop.until(MODELS, "m32", lambda status: condition(status, "Ready") == ("True", "Reconciled"))
    await workshop.client.delete(MODEL_VERSIONS, namespace=workshop.namespace, name="m32-1")
    status = await workshop.until(MODELS, "m32", lambda status: condition(status, "Ready")[1] == "AliasTargetMissing")
    assert "champion points at m32-1" in message(status)
    assert "which was deleted: promote another version" in message(status)
    await version_of(workshop, "m32", "m32-2")
    await asyncio.sleep(1.1)  # creation times have whole seconds: this Promotion is newer than that of the bootstrap
    await workshop.create(PROMOTIONS, "m32-2", {"model": "m32", "alias": "champion", "version": "m32-2"})
    await workshop.until(MODELS, "m32", lambda status: condition(status, "Ready") == ("True", "Reconciled"))


async def version_of(workshop: Workshop, model: str, name: str) -> None:
    artifact = {"uri": f"pvc://store/{name}", "digest": digest_of(name), "format": "sklearn"}
    await workshop.create(MODEL_VERSIONS, name, {"model": model, "artifact": artifact})


async def test_serverimage_is_what_runs(workshop: Workshop) -> None:
    mine = {"name": "main", "image": "example/mine:1"}
    spec = told.serve(template={"spec": {"containers": [mine]}})
    await workshop.create(MODEL_DEPLOYMENTS, "image", spec)
    status = await workshop.until(
        MODEL_DEPLOYMENTS, "image", lambda status: condition(status, "Ready") == ("True", "Serving")
    )
    assert status["stable"]["serverImage"] == "example/mine:1"
