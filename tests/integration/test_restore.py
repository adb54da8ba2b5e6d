# SPDX-License-Identifier: Apache-2.0
"""A backup of all objects, restored on a real API server: nothing trains again, and the alias points where it did."""

import asyncio
import copy
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from typing import Final

import pytest

from localcluster import Cluster
from mlops_operator.api.meta import Manifest
from mlops_operator.controllers import all_controllers
from mlops_operator.controllers.settings import Settings
from mlops_operator.kube.client import Client
from mlops_operator.kube.errors import Forbidden, NotFound
from mlops_operator.kube.resources import (
    JOBS,
    MODEL_DEPLOYMENTS,
    MODEL_VERSIONS,
    MODELS,
    OWN,
    PROMOTIONS,
    RETRAIN_POLICIES,
    TRAINING_JOBS,
)
from tests.harness.crds import install_crds
from tests.harness.kubelet import Behaviour, FakeKubelet
from tests.harness.waiting import eventually
from tests.integration.attacks.users import user
from tests.integration.workshop import Workshop, condition, message, operator
from tools.prepare_restore import Warnings, prepare

GATE: Manifest = {
    "data": [{"name": "holdout", "uri": "pvc://store/holdout.npz"}],
    "metrics": [{"name": "accuracy", "min": 0.9}],
}
TRAINING: Manifest = {"image": "example/train:1", "model": "digits", "resources": {"limits": {"cpu": "500m"}}}
RESOURCES: Final = {resource.kind: resource for resource in OWN}


class Shop(Workshop):
    """A namespace that counts what its pods do."""

    def __init__(self, client: Client, namespace: str) -> None:
        super().__init__(client, namespace)
        self.ran: Counter[str] = Counter()

    def behave(self, pod: Manifest) -> Behaviour:
        self.ran[pod["metadata"]["labels"].get("app.kubernetes.io/component", "")] += 1
        return super().behave(pod)

    async def objects(self) -> list[Manifest]:
        """All objects of the operator's kinds."""
        found = []
        for resource in OWN:
            found += [
                {**obj, "kind": resource.kind, "apiVersion": resource.api_version} for obj in await self.all(resource)
            ]
        return found

    async def champion(self) -> Manifest:
        """The entry of the alias; empty while there is none."""
        entries = ((await self.get(MODELS, "digits")).get("status") or {}).get("aliases") or [{}]
        return dict(entries[0])

    async def points_at(self, version: str) -> Manifest:
        return await eventually(self.champion, lambda entry: entry.get("version") == version, within=60)

    async def train(self, name: str) -> str:
        """The version that a new TrainingJob makes, as soon as it is verified."""
        await self.create(TRAINING_JOBS, name, {**TRAINING, "parameters": {"name": name}})
        version = str((await self.phase(TRAINING_JOBS, name, "Succeeded"))["modelVersion"])
        await self.phase(MODEL_VERSIONS, version, "Ready")
        return version

    async def promote(self, name: str, version: str) -> str:
        await self.create(PROMOTIONS, name, {"model": "digits", "alias": "champion", "version": version})
        final = ("Promoted", "Rejected", "Superseded")
        return str((await self.until(PROMOTIONS, name, lambda status: status.get("phase") in final))["phase"])

    async def in_use(self) -> str:
        """Every kind in use; the version that the alias points at, which is not the latest one."""
        await self.create(MODELS, "digits", {"aliases": [{"name": "champion", "bootstrap": True, "gate": GATE}]})
        first = await self.train("first")
        await self.points_at(first)
        second = await self.train("second")
        assert await self.promote("to-second", second) == "Promoted"
        assert await self.promote("back", first) == "Promoted"
        await self.create(MODEL_DEPLOYMENTS, "web", {"model": {"name": "digits", "alias": "champion"}})
        await self.served(first)
        training = {name: value for name, value in TRAINING.items() if name != "model"}
        await self.create(RETRAIN_POLICIES, "weekly", {"model": "digits", "training": {"spec": training}})
        await self.phase(RETRAIN_POLICIES, "weekly", "Idle")
        return first

    async def served(self, version: str) -> Manifest:
        def accept(status: Manifest) -> bool:
            return condition(status, "Ready")[0] == "True" and (status.get("stable") or {}).get("version") == version

        return await self.until(MODEL_DEPLOYMENTS, "web", accept, within=90)

    async def wipe(self) -> None:
        """Delete all objects, and wait until the garbage collector has deleted what they controlled."""
        for obj in await self.objects():
            with suppress(NotFound):  # the garbage collector was faster
                await self.client.delete(RESOURCES[obj["kind"]], namespace=self.namespace, name=obj["metadata"]["name"])

        async def left() -> int:
            return len(await self.objects()) + len(await self.all(JOBS))

        await eventually(left, lambda count: count == 0, within=90)
        self.ran.clear()

    async def apply(self, objects: Sequence[Manifest]) -> None:
        for obj in objects:
            await self.client.create(RESOURCES[obj["kind"]], obj)


@pytest.fixture
async def shop(client: Client, namespace: str) -> AsyncIterator[Shop]:
    await install_crds(client)
    shop = Shop(client, namespace)
    async with FakeKubelet(client, shop.behave, namespace=namespace):
        yield shop


def prepared(objects: Sequence[Manifest]) -> list[Manifest]:
    """By the script."""
    warnings = Warnings()
    found = prepare(objects, warnings)
    assert warnings.lines == []
    return found


def by_hand(objects: Sequence[Manifest]) -> list[Manifest]:
    """All objects without status and what the API server sets, children and decided Promotions too."""
    found = []
    for obj in copy.deepcopy(list(objects)):
        if obj["kind"] == "Model":
            for alias in obj["spec"]["aliases"]:
                (entry,) = [entry for entry in obj["status"]["aliases"] if entry["name"] == alias["name"]]
                alias["restore"] = {name: entry[name] for name in ("version", "digest")}
        obj.pop("status", None)
        for name in ("uid", "resourceVersion", "generation", "creationTimestamp", "managedFields"):
            obj["metadata"].pop(name, None)
        found.append(obj)
    return found


async def restored(shop: Shop, version: str, digest: str) -> None:
    """The alias points where it did, what was served is served, and nothing was trained or decided again."""
    entry = await shop.points_at(version)
    assert (entry["reason"], entry["digest"]) == ("Restored", digest)
    assert entry["versionUid"] == (await shop.get(MODEL_VERSIONS, version))["metadata"]["uid"]
    for name in ("first", "second"):
        status = await shop.phase(TRAINING_JOBS, name, "Succeeded")
        assert "attempts" not in status
    assert (await shop.served(version))["stable"]["digest"] == digest
    await asyncio.sleep(2)
    assert (await shop.champion()) == entry
    assert shop.ran["training"] == 0
    assert shop.ran["evaluate"] == 0
    assert all((obj.get("status") or {}).get("phase") != "Failed" for obj in await shop.objects())


@pytest.mark.parametrize(
    ("prepare_", "order"),
    [
        pytest.param(prepared, list, id="script", marks=pytest.mark.deep),
        pytest.param(prepared, reversed, id="script, reversed"),
        pytest.param(by_hand, list, id="by hand", marks=pytest.mark.deep),
        pytest.param(by_hand, reversed, id="by hand, reversed"),
    ],
)
async def test_an_export_without_status_is_restored_in_any_order(
    shop: Shop,
    control_plane: Cluster,
    prepare_: Callable[[Sequence[Manifest]], list[Manifest]],
    order: Callable[[list[Manifest]], Sequence[Manifest]],
) -> None:
    async with operator(control_plane, shop.namespace, *all_controllers(Settings())):
        version = await shop.in_use()
        digest = (await shop.champion())["digest"]
        export = await shop.objects()
        await shop.wipe()
        await shop.apply(list(order(prepare_(export))))
        await restored(shop, version, digest)
        for obj in await shop.all(PROMOTIONS):
            asks_for = obj["spec"]["version"]
            phase = (obj.get("status") or {}).get("phase")
            assert phase == ("Promoted" if asks_for == version else "Superseded"), obj["metadata"]["name"]


async def test_an_export_with_status_is_restored_with_its_history(shop: Shop, control_plane: Cluster) -> None:
    async with operator(control_plane, shop.namespace, *all_controllers(Settings())):
        version = await shop.in_use()
        former = await shop.champion()
        export = await shop.objects()
        await shop.wipe()
    # As Velero does with `restoreStatus`: create, then write the status. The operator is stopped meanwhile.
    for obj, bare in zip(export, by_hand(export), strict=True):
        bare["spec"] = obj["spec"]
        await shop.apply([bare])
        with suppress(NotFound):  # the garbage collector deletes what deleted objects controlled
            await shop.say(RESOURCES[obj["kind"]], obj["metadata"]["name"], obj.get("status") or {})
    async with operator(control_plane, shop.namespace, *all_controllers(Settings())):
        entry = await eventually(shop.champion, lambda found: found.get("reason") == "Restored", within=60)
        assert (entry["version"], entry["digest"]) == (version, former["digest"])
        history = [{key: term[key] for key in ("version", "promotion", "since")} for term in entry["history"]]
        terms = [former, *former["history"]]
        assert history == [{key: term[key] for key in ("version", "promotion", "since")} for term in terms]
        assert (await shop.served(version))["stable"]["digest"] == former["digest"]
        await asyncio.sleep(2)
        assert shop.ran["training"] == 0
        assert shop.ran["evaluate"] == 0
        assert shop.ran["verify"] == 0
        assert (await shop.champion()) == entry


async def test_a_wrong_restore_is_stalled_and_recovers_when_corrected(shop: Shop, control_plane: Cluster) -> None:
    async with operator(control_plane, shop.namespace, *all_controllers(Settings())):
        version = await shop.in_use()
        digest = (await shop.champion())["digest"]
        export = prepared(await shop.objects())
        await shop.wipe()
        wrong = f"sha256:{'0' * 64}"
        export[0]["spec"]["aliases"][0]["restore"]["digest"] = wrong
        await shop.apply(export)
        status = await shop.until(MODELS, "digits", lambda status: condition(status, "Stalled")[0] == "True")
        assert condition(status, "Ready") == ("False", "RestoreInvalid")
        assert f"spec.aliases[champion].restore: expected artifact digest {wrong}, found {digest}" in message(status)
        await asyncio.sleep(2)
        assert await shop.champion() == {}, "bootstrap promotes nothing"
        assert await shop.all(PROMOTIONS) == []
        alias = {"name": "champion", "bootstrap": True, "gate": GATE, "restore": {"version": version, "digest": digest}}
        await shop.edit(MODELS, "digits", spec={"aliases": [alias]})
        await restored(shop, version, digest)


async def test_users_who_may_edit_the_model_may_restore_and_releasers_may_not(
    shop: Shop, client: Client, control_plane: Cluster
) -> None:
    async with operator(control_plane, shop.namespace, *all_controllers(Settings())):
        await shop.create(MODELS, "digits", {"aliases": [{"name": "champion", "gate": GATE}]})
        await shop.version("v1", ready=False)
        await shop.phase(MODEL_VERSIONS, "v1", "Ready")
        digest = (await shop.get(MODEL_VERSIONS, "v1"))["spec"]["artifact"]["digest"]
        shop.accuracy[digest] = 0.2
        alias = {"name": "champion", "gate": GATE, "restore": {"version": "v1", "digest": digest}}
        body = {"spec": {"aliases": [alias]}}
        async with user("releaser", control_plane, client, shop.namespace) as releaser:
            with pytest.raises(Forbidden):
                await releaser.merge_patch(MODELS, namespace=shop.namespace, name="digits", body=body)
            promotion = PROMOTIONS.manifest(name="restore", namespace=shop.namespace)
            promotion["spec"] = {"model": "digits", "alias": "champion", "version": "v1", "reason": "restore"}
            await releaser.create(PROMOTIONS, promotion)
            await shop.phase(PROMOTIONS, "restore", "Rejected")
        assert await shop.champion() == {}
        async with user("modeler", control_plane, client, shop.namespace) as modeler:
            await modeler.merge_patch(MODELS, namespace=shop.namespace, name="digits", body=body)
            assert (await shop.points_at("v1"))["reason"] == "Restored"
            with pytest.raises(Forbidden):
                await modeler.merge_patch(
                    MODELS, namespace=shop.namespace, name="digits", body={"status": {}}, subresource="status"
                )


async def test_a_deleted_baseline_is_not_waited_for_and_the_way_out_works(shop: Shop, control_plane: Cluster) -> None:
    change = {**GATE, "metrics": [{"name": "accuracy", "change": {"min": 0}}]}
    async with operator(control_plane, shop.namespace, *all_controllers(Settings())):
        await shop.create(MODELS, "digits", {"aliases": [{"name": "champion"}]})
        for name in ("v1", "v2"):
            await shop.version(name, ready=False)
            await shop.phase(MODEL_VERSIONS, name, "Ready")
        assert await shop.promote("to-v1", "v1") == "Promoted"
        await shop.edit(MODELS, "digits", spec={"aliases": [{"name": "champion", "gate": change}]})
        # The gate is under way, and its Job does not end before the baseline is deleted.
        shop.odd["evaluate"] = Behaviour(start_after=None)
        await shop.create(PROMOTIONS, "to-v2", {"model": "digits", "alias": "champion", "version": "v2"})
        await shop.phase(PROMOTIONS, "to-v2", "Evaluating")
        await shop.client.delete(MODEL_VERSIONS, namespace=shop.namespace, name="v1")
        status = await shop.phase(PROMOTIONS, "to-v2", "Rejected")
        assert "champion points at v1, which was deleted" in message(status)
        assert "set min or max in a metric of the gate, then create another Promotion" in message(status)
        shop.odd.clear()
        await shop.edit(MODELS, "digits", spec={"aliases": [{"name": "champion", "gate": GATE}]})
        assert await shop.promote("again", "v2") == "Promoted"
