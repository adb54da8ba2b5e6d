# SPDX-License-Identifier: Apache-2.0
"""Users who create and delete objects of the operator's kinds, to change what is served or what counts as evidence."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from localcluster import Cluster
from mlops_operator.api.meta import Manifest
from mlops_operator.api.model import Alias, Gate
from mlops_operator.api.trainingjob import TrainingJobSpec
from mlops_operator.controllers import all_controllers
from mlops_operator.controllers.model.render import bootstrap_name
from mlops_operator.controllers.settings import Settings
from mlops_operator.controllers.shared.gates import render_evaluation
from mlops_operator.controllers.shared.indexes import version_fact
from mlops_operator.controllers.shared.naming import owner_reference
from mlops_operator.controllers.shared.versions import view_version
from mlops_operator.controllers.trainingjob.registration import version_name
from mlops_operator.kube.client import Client
from mlops_operator.kube.errors import Forbidden
from mlops_operator.kube.resources import (
    EVALUATIONS,
    JOBS,
    MODEL_DEPLOYMENTS,
    MODEL_VERSIONS,
    MODELS,
    PROMOTIONS,
    RETRAIN_POLICIES,
    TRAINING_JOBS,
    Resource,
)
from mlops_operator.runtime.work.identity import stamped
from tests.harness.crds import install_crds
from tests.harness.kubelet import FakeKubelet
from tests.integration.attacks.users import user
from tests.integration.workshop import Workshop, condition, digest_of, message, operator

GATE: Manifest = {
    "data": [{"name": "holdout", "uri": "pvc://store/holdout.npz"}],
    "metrics": [{"name": "accuracy", "min": 0.9}],
}
GOOD, BAD = digest_of("good"), digest_of("bad")


@pytest.fixture
async def workshop(client: Client, namespace: str, control_plane: Cluster) -> AsyncIterator[Workshop]:
    """A Model whose alias has a gate, a good and a bad artifact, and the operator at work."""
    await install_crds(client)
    workshop = Workshop(client, namespace)
    workshop.accuracy = {GOOD: 0.95, BAD: 0.2}
    alias = {"name": "champion", "gate": GATE}
    await workshop.create(MODELS, "digits", {"aliases": [alias]})
    kubelet = FakeKubelet(client, workshop.behave, namespace=namespace)
    async with kubelet, operator(control_plane, namespace, *all_controllers(Settings())):
        yield workshop


async def create(attacker: Client, workshop: Workshop, resource: Resource, name: str, spec: Manifest) -> Manifest:
    """An object that a user creates."""
    manifest = resource.manifest(name=name, namespace=workshop.namespace)
    return await attacker.create(resource, {**manifest, "spec": spec})


async def register(attacker: Client, workshop: Workshop, name: str, digest: str, **lineage: Manifest) -> Manifest:
    spec: Manifest = {"model": "digits", "artifact": {"uri": "pvc://store/m", "digest": digest, "format": "sklearn"}}
    if lineage:
        spec["lineage"] = lineage
    return await create(attacker, workshop, MODEL_VERSIONS, name, spec)


async def verified(workshop: Workshop, name: str) -> Manifest:
    return await workshop.until(MODEL_VERSIONS, name, lambda status: condition(status, "Ready")[0] == "True")


async def promote(attacker: Client, workshop: Workshop, name: str, version: str) -> Manifest:
    spec = {"model": "digits", "alias": "champion", "version": version}
    return await create(attacker, workshop, PROMOTIONS, name, spec)


async def decided(workshop: Workshop, name: str) -> Manifest:
    final = ("Promoted", "Rejected", "Superseded")
    return await workshop.until(PROMOTIONS, name, lambda status: status.get("phase") in final)


async def stalled(workshop: Workshop, resource: Resource, name: str) -> Manifest:
    """The status, as soon as it reports that a name is taken."""
    return await workshop.until(resource, name, lambda status: condition(status, "Ready")[1] == "NameTaken")


async def alias(workshop: Workshop) -> Manifest:
    entries = ((await workshop.get(MODELS, "digits")).get("status") or {}).get("aliases") or [{}]
    return dict(entries[0])


async def remove(attacker: Client, workshop: Workshop, resource: Resource, name: str) -> None:
    await attacker.delete(resource, namespace=workshop.namespace, name=name)


async def champion(workshop: Workshop, admin: Client, name: str = "v1") -> None:
    """The alias points at a good version."""
    await register(admin, workshop, name, GOOD)
    await verified(workshop, name)
    await promote(admin, workshop, f"to-{name}", name)
    assert (await decided(workshop, f"to-{name}"))["phase"] == "Promoted"


@pytest.mark.parametrize("rules", [[{"name": "accuracy", "min": -1000, "minCount": 1}], GATE["metrics"]])
async def test_a_releaser_supplies_no_evidence_for_a_promotion(
    workshop: Workshop, client: Client, control_plane: Cluster, rules: list[Manifest]
) -> None:
    async with user("releaser", control_plane, client, workshop.namespace) as releaser:
        promotion = await promote(releaser, workshop, "forged", "later")
        # Name, owner and digest follow from public data once the version's UID is known; its verification leaves time.
        workshop.verify_for = 3.0
        await register(client, workshop, "later", BAD)
        version = view_version(await workshop.get(MODEL_VERSIONS, "later"))
        assert version is not None
        assert version.ref is not None
        evaluation = stamped(
            render_evaluation(promotion, Gate.model_validate(GATE), version.ref, None, recent_after=None)
        )
        evaluation["spec"]["metrics"] = rules
        if rules == GATE["metrics"]:
            evaluation["spec"]["data"] = [{"name": "holdout", "uri": "pvc://store/easy.npz"}]
        await releaser.create(EVALUATIONS, evaluation)
        status = await stalled(workshop, PROMOTIONS, "forged")
        assert condition(status, "GatePassed")[0] == "Unknown"
        assert "delete Evaluation" in message(status)
        await asyncio.sleep(2)  # its verdict comes by then, and is not read
        assert (await workshop.get(PROMOTIONS, "forged"))["status"]["phase"] == "Pending"
        assert await alias(workshop) == {}
        # Once the other object is deleted, the gate decides by its own.
        await remove(releaser, workshop, EVALUATIONS, evaluation["metadata"]["name"])
        status = await decided(workshop, "forged")
        assert (status["phase"], condition(status, "Ready")[1]) == ("Rejected", "GateFailed")


async def test_a_releaser_gets_no_second_measurement_by_deleting_the_first(
    workshop: Workshop, client: Client, control_plane: Cluster
) -> None:
    await register(client, workshop, "bad", BAD)
    await verified(workshop, "bad")
    async with user("releaser", control_plane, client, workshop.namespace) as releaser:
        await promote(releaser, workshop, "first", "bad")
        assert condition(await decided(workshop, "first"), "Ready")[1] == "GateFailed"
        await remove(releaser, workshop, PROMOTIONS, "first")
        workshop.accuracy[BAD] = 0.99
        await promote(releaser, workshop, "again", "bad")
        assert condition(await decided(workshop, "again"), "Ready")[1] == "VersionRejected"
    assert await alias(workshop) == {}


async def test_a_registrar_gets_no_second_measurement_of_an_artifact_by_registering_it_again(
    workshop: Workshop, client: Client, control_plane: Cluster
) -> None:
    async with user("registrar", control_plane, client, workshop.namespace) as registrar:
        await register(registrar, workshop, "bad", BAD)
        await verified(workshop, "bad")
        await promote(client, workshop, "first", "bad")
        assert condition(await decided(workshop, "first"), "Ready")[1] == "GateFailed"
        await workshop.until(MODELS, "digits", lambda status: bool(status.get("rejections")))
        await remove(registrar, workshop, MODEL_VERSIONS, "bad")
        await remove(client, workshop, PROMOTIONS, "first")
        workshop.accuracy[BAD] = 0.99
        for name in ("bad", "other-name"):
            await register(registrar, workshop, name, BAD)
            assert condition(await verified(workshop, name), "Rejected")[0] == "True"
            await promote(client, workshop, f"to-{name}", name)
            assert condition(await decided(workshop, f"to-{name}"), "Ready")[1] == "VersionRejected"


async def test_a_registrar_does_not_change_what_is_served_by_creating_the_champion_again(
    workshop: Workshop, client: Client, control_plane: Cluster
) -> None:
    await champion(workshop, client)
    await workshop.create(MODEL_DEPLOYMENTS, "web", {"model": {"name": "digits", "alias": "champion"}})
    served = await workshop.until(MODEL_DEPLOYMENTS, "web", lambda status: condition(status, "Ready")[0] == "True")
    assert served["stable"]["digest"] == GOOD
    async with user("registrar", control_plane, client, workshop.namespace) as registrar:
        await remove(registrar, workshop, MODEL_VERSIONS, "v1")
        await register(registrar, workshop, "v1", BAD)
        await verified(workshop, "v1")
    missing = await workshop.until(
        MODELS, "digits", lambda status: condition(status, "Ready")[1] == "AliasTargetMissing"
    )
    assert missing["aliases"][0]["digest"] == GOOD
    await asyncio.sleep(2)
    after = (await workshop.get(MODEL_DEPLOYMENTS, "web"))["status"]
    assert after["stable"]["digest"] == GOOD
    assert "candidate" not in after
    assert "was deleted" in message(after)
    assert "aliases" not in (await workshop.get(MODEL_VERSIONS, "v1"))["status"]
    # The way out that the message names: another version is promoted, though the baseline is gone.
    await register(client, workshop, "v2", digest_of("second good"))
    await verified(workshop, "v2")
    await promote(client, workshop, "to-v2", "v2")
    assert (await decided(workshop, "to-v2"))["phase"] == "Promoted"


async def test_a_rejected_artifact_does_not_become_champion_as_a_former_version(
    workshop: Workshop, client: Client, control_plane: Cluster
) -> None:
    await champion(workshop, client)
    await register(client, workshop, "v2", digest_of("second good"))
    await verified(workshop, "v2")
    await promote(client, workshop, "to-v2", "v2")
    assert (await decided(workshop, "to-v2"))["phase"] == "Promoted"
    async with user("registrar", control_plane, client, workshop.namespace) as registrar:
        await remove(registrar, workshop, MODEL_VERSIONS, "v1")
        await register(registrar, workshop, "v1", BAD)
        await verified(workshop, "v1")
    await promote(client, workshop, "back", "v1")
    status = await decided(workshop, "back")
    assert (status["phase"], condition(status, "Ready")[1]) == ("Rejected", "GateFailed")
    assert (await alias(workshop))["version"] == "v2"


async def test_a_deployment_of_a_named_version_takes_an_object_created_again_as_another_version(
    workshop: Workshop, client: Client, control_plane: Cluster
) -> None:
    first = await register(client, workshop, "v1", GOOD)
    await verified(workshop, "v1")
    await workshop.create(MODEL_DEPLOYMENTS, "web", {"model": {"name": "digits", "version": "v1"}})
    served = await workshop.until(MODEL_DEPLOYMENTS, "web", lambda status: condition(status, "Ready")[0] == "True")
    assert served["stable"]["versionUid"] == first["metadata"]["uid"]
    async with user("registrar", control_plane, client, workshop.namespace) as registrar:
        await remove(registrar, workshop, MODEL_VERSIONS, "v1")
        second = await register(registrar, workshop, "v1", GOOD)
    uid = second["metadata"]["uid"]
    rolled = await workshop.until(
        MODEL_DEPLOYMENTS, "web", lambda status: (status.get("candidate") or {}).get("versionUid") == uid
    )
    assert rolled["candidate"]["revision"] != served["stable"]["revision"]


# -- children under expected names ------------------------------------------------------------------


async def test_a_forged_bootstrap_promotion_is_not_taken_for_the_offer(
    workshop: Workshop, client: Client, control_plane: Cluster
) -> None:
    await workshop.edit(MODELS, "digits", spec={"aliases": [{"name": "champion"}]})
    version = await register(client, workshop, "v1", GOOD)
    model = await workshop.get(MODELS, "digits")
    name = bootstrap_name(model, Alias(name="champion"), version_fact(version))
    async with user("releaser", control_plane, client, workshop.namespace) as releaser:
        forged = PROMOTIONS.manifest(name=name, namespace=workshop.namespace)
        forged["metadata"]["ownerReferences"] = [owner_reference(model)]
        forged["spec"] = {"model": "digits", "alias": "other", "version": "v1"}
        await releaser.create(PROMOTIONS, forged)
    await workshop.edit(MODELS, "digits", spec={"aliases": [{"name": "champion", "bootstrap": True}]})
    status = await stalled(workshop, MODELS, "digits")
    assert f"Promotion {name} already exists" in message(status)
    assert "aliases" not in status


async def test_a_forged_version_is_not_taken_for_what_a_training_made(
    workshop: Workshop, client: Client, control_plane: Cluster
) -> None:
    async with user("registrar", control_plane, client, workshop.namespace) as registrar:
        job = await workshop.create(TRAINING_JOBS, "train", {"image": "example/train:1", "model": "digits"})
        uid = job["metadata"]["uid"]
        name = version_name("digits", uid, digest_of(f"{uid}-0"))
        await register(registrar, workshop, name, BAD, trainingJob={"name": "train", "uid": uid})
        status = await stalled(workshop, TRAINING_JOBS, "train")
    assert f"ModelVersion {name} already exists" in message(status)
    assert status.get("phase") != "Succeeded"


async def test_a_forged_training_is_not_taken_for_a_policys(
    workshop: Workshop, client: Client, control_plane: Cluster
) -> None:
    template = TrainingJobSpec(image="example/train:1").model_dump(mode="json", by_alias=True, exclude_defaults=True)
    policy = await workshop.create(RETRAIN_POLICIES, "again", {"model": "digits", "training": {"spec": template}})
    await workshop.phase(RETRAIN_POLICIES, "again", "Idle")
    decision = '{"id":"f0f0f0f0","trigger":"manual","time":"2030-01-01T00:00:00Z","outcome":"Started","reason":"x"}'
    async with user("trainer", control_plane, client, workshop.namespace) as trainer:
        forged = TRAINING_JOBS.manifest(name="forged", namespace=workshop.namespace)
        forged["metadata"] |= {
            "ownerReferences": [owner_reference(policy)],
            "annotations": {"mlops-operator.io/decision": decision},
        }
        forged["spec"] = {"image": "example/evil:1", "model": "digits"}
        await trainer.create(TRAINING_JOBS, forged)
        await workshop.phase(TRAINING_JOBS, "forged", "Succeeded")
        with pytest.raises(Forbidden):
            await create(trainer, workshop, JOBS, "job", {})
    await asyncio.sleep(1)
    status = (await workshop.get(RETRAIN_POLICIES, "again"))["status"]
    assert "decisions" not in status
