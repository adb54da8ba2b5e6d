# SPDX-License-Identifier: Apache-2.0
"""Another release of the operator names children in another way: what exists is adopted, and nothing is made twice."""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import pytest

from localcluster import Cluster
from mlops_operator.api.meta import Manifest
from mlops_operator.controllers import all_controllers
from mlops_operator.controllers.modeldeployment import names as deployment_names
from mlops_operator.controllers.settings import Settings
from mlops_operator.controllers.shared import children
from mlops_operator.controllers.shared.former_names import former_name, former_version_name
from mlops_operator.controllers.shared.naming import MAX_LABEL
from mlops_operator.controllers.trainingjob import registration
from mlops_operator.kube.client import Client
from mlops_operator.kube.resources import (
    DEPLOYMENTS,
    EVALUATIONS,
    HORIZONTAL_POD_AUTOSCALERS,
    JOBS,
    MODEL_DEPLOYMENTS,
    MODEL_MONITORS,
    MODEL_VERSIONS,
    MODELS,
    POD_DISRUPTION_BUDGETS,
    PROMOTIONS,
    RETRAIN_POLICIES,
    SERVICES,
    TRAINING_JOBS,
)
from tests.harness.audit import AuditLog
from tests.harness.crds import install_crds
from tests.harness.kubelet import SERVE, Behaviour, FakeKubelet
from tests.harness.waiting import eventually
from tests.integration.workshop import Workshop, condition, digest_of, operator, requests

MADE: Final = (
    JOBS,
    SERVICES,
    DEPLOYMENTS,
    HORIZONTAL_POD_AUTOSCALERS,
    POD_DISRUPTION_BUDGETS,
    TRAINING_JOBS,
    MODEL_VERSIONS,
    EVALUATIONS,
    PROMOTIONS,
)
GATE: Manifest = {
    "data": [{"name": "holdout", "uri": "pvc://store/holdout.npz"}],
    "metrics": [{"name": "accuracy", "min": 0.9}],
}
TRAINING: Manifest = {"image": "example.test/train:1"}
HELD: Final = ("training", "evaluate", "verify", "monitor", "golden")
"""Components whose pods run on while the operator is replaced."""

_HASH: Final = re.compile(r"[0-9a-f]{8,}")


def use_former_names(patch: pytest.MonkeyPatch) -> None:
    """Let the operator name children as it did before."""
    names = children.ChildNames

    def former_child(parent: Manifest, *words: str, folded: Any = ()) -> str:
        return former_name(parent, *words, *folded, max_length=MAX_LABEL)

    patch.setattr(children, "ChildNames", lambda _name, former: names(former, former))
    patch.setattr(deployment_names, "child_name", former_child)
    patch.setattr(registration, "version_name", former_version_name)


class Shop(Workshop):
    """A namespace that counts the pods of each component."""

    def __init__(self, client: Client, namespace: str) -> None:
        super().__init__(client, namespace)
        self.ran: Counter[str] = Counter()

    def play(self, pod: Manifest) -> Behaviour | None:
        """What a pod does that has not ended under an earlier kubelet."""
        if (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
            return None
        self.ran[pod["metadata"]["labels"].get("app.kubernetes.io/component", "")] += 1
        return self.behave(pod)

    @asynccontextmanager
    async def holding(self, *components: str) -> AsyncIterator[None]:
        """Pods run, and those of these components do not end."""
        self.odd, self.ran = dict.fromkeys(components, SERVE), Counter()
        async with FakeKubelet(self.client, self.play, namespace=self.namespace):
            yield

    async def made(self) -> dict[tuple[str, str], str]:
        """UIDs of all objects that the operator makes, by plural and name."""
        return {
            (resource.plural, obj["metadata"]["name"]): obj["metadata"]["uid"]
            for resource in MADE
            for obj in await self.all(resource)
            if obj["metadata"].get("ownerReferences") or resource == MODEL_VERSIONS
        }

    async def deployment(self, name: str, **spec: Any) -> None:
        fields = {
            "rollout": {"steps": [], "bake": "10m"},
            "autoscaling": {"minReplicas": 2, "maxReplicas": 3},
            "resources": {"requests": {"cpu": "100m"}},
        }
        await self.create(MODEL_DEPLOYMENTS, name, {**fields, **spec})

    async def serving(self, name: str) -> Manifest:
        return await self.until(MODEL_DEPLOYMENTS, name, lambda status: status.get("phase") == "Stable", within=60)


async def _story_until_all_is_under_way(shop: Shop) -> None:
    """A champion that serves, and one of each kind in the middle of its work."""
    async with shop.holding():
        await shop.create(MODELS, "digits", {"aliases": [{"name": "champion", "bootstrap": True, "gate": GATE}]})
        await shop.create(TRAINING_JOBS, "first", {**TRAINING, "model": "digits"})
        await shop.deployment("digits", model={"name": "digits", "alias": "champion"})
        await shop.serving("digits")
        golden = {"uri": "pvc://store/golden.json", "digest": digest_of("golden")}
        artifact = {"uri": "pvc://store/second", "digest": digest_of("second"), "format": "sklearn"}
        second = {"model": "digits", "artifact": artifact, "goldenRequests": golden}
        await shop.create(MODEL_VERSIONS, "second", second)
        await shop.phase(MODEL_VERSIONS, "second", "Ready")
    async with shop.holding(*HELD):
        await shop.version("third", ready=False)
        await shop.create(PROMOTIONS, "to-second", {"model": "digits", "alias": "champion", "version": "second"})
        await shop.deployment("other", model={"name": "digits", "version": "second"})
        await shop.create(TRAINING_JOBS, "ranks", {**TRAINING, "replicas": 2})
        await shop.create(
            RETRAIN_POLICIES,
            "retrain",
            {"model": "digits", "signals": [], "triggers": [], "training": {"spec": TRAINING}},
        )
        asked = {"annotations": {"mlops-operator.io/trigger": "please"}}
        await shop.edit(RETRAIN_POLICIES, "retrain", metadata=asked)
        await shop.create(
            MODEL_MONITORS,
            "live",
            {
                "target": {"deployment": "digits"},
                "source": {"predictionLog": {"uri": "pvc://store/predictions"}},
                "window": {"size": "5s"},
                "metrics": [{"name": "accuracy", "limit": {"min": 0.9}, "minSamples": 100}],
            },
        )
        wanted = Counter({"training": 3, "evaluate": 1, "verify": 1, "monitor": 1, "golden": 1})

        async def ran() -> Counter[str]:
            return Counter({component: shop.ran[component] for component in HELD})

        await eventually(ran, lambda found: found == wanted, within=60)
        await shop.phase(TRAINING_JOBS, "ranks", "Running")


async def writes(audit_log: AuditLog, namespace: str) -> Counter[tuple[str, str]]:
    """What the operator writes in the next second."""
    await requests(audit_log, namespace)
    await asyncio.sleep(1.0)
    return await requests(audit_log, namespace)


def one_hash(name: str) -> bool:
    return len([word for word in name.split("-") if _HASH.fullmatch(word) and not word.isdecimal()]) <= 1


@pytest.mark.timeout(240)
async def test_children_with_former_names_are_adopted_and_nothing_is_made_twice(
    control_plane: Cluster, client: Client, namespace: str, audit_log: AuditLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    await install_crds(client)
    shop = Shop(client, namespace)
    with monkeypatch.context() as patch:
        use_former_names(patch)
        async with operator(control_plane, namespace, *all_controllers(Settings())):
            await _story_until_all_is_under_way(shop)
            await eventually(lambda: writes(audit_log, namespace), lambda found: not found, within=30)
    former = await shop.made()
    serving = await shop.serving("digits")

    async with operator(control_plane, namespace, *all_controllers(Settings())):
        async with shop.holding(*HELD):
            await eventually(lambda: writes(audit_log, namespace), lambda found: not found, within=30)
            assert await shop.made() == former
            # Rank 0 finds no other by a Service that is not there: it is created under the name that the pods know.
            (ranks,) = [name for plural, name in former if plural == "services" and name.startswith("ranks-")]
            await client.delete(SERVICES, namespace=namespace, name=ranks)
            former = await eventually(shop.made, lambda made: ("services", ranks) in made)
        monitored = (await shop.get(MODEL_MONITORS, "live"))["status"]["measuring"]
        async with shop.holding("training"):
            await shop.phase(MODEL_VERSIONS, "third", "Ready")
            status = await shop.phase(PROMOTIONS, "to-second", "Promoted")
            assert ("evaluations", status["evaluation"]) in former
            await shop.serving("other")
            windows = (await shop.until(MODEL_MONITORS, "live", lambda status: bool(status.get("windows"))))["windows"]
            assert windows[0]["job"] == monitored["job"]
            await shop.edit(MODEL_MONITORS, "live", spec={"suspend": True})
            after = await shop.until(
                MODEL_DEPLOYMENTS,
                "digits",
                lambda status: status.get("phase") == "Stable" and status["stable"]["version"] == "second",
                within=60,
            )
            assert after["url"] == serving["url"]
        async with shop.holding():
            assert len((await shop.phase(TRAINING_JOBS, "ranks", "Succeeded"))["attempts"]) == 1
            status = await shop.until(
                RETRAIN_POLICIES,
                "retrain",
                lambda status: bool(status.get("decisions")) and "result" in status["decisions"][0],
                within=60,
            )
            (decision,) = status["decisions"]
            assert decision["result"] == "Trained"
            assert ("trainingjobs", decision["trainingJob"]) in former
            training = (await shop.get(TRAINING_JOBS, decision["trainingJob"]))["status"]
            assert len(training["attempts"]) == 1
            assert condition(training, "Complete")[0] == "True"
        made = await shop.made()

    both = {plural: len([entry for entry in made if entry[0] == plural]) for plural, _ in made}
    assert both["trainingjobs"] == 1  # the policy's
    assert both["evaluations"] == 2  # of the bootstrap Promotion and of `to-second`
    assert both["promotions"] == 1  # the bootstrap; `to-second` is the user's
    assert both["horizontalpodautoscalers"] == both["poddisruptionbudgets"] == 2
    assert (
        both["deployments"] == 3
    )  # one of each revision: two of `digits`, of which the former one is kept for a while
    assert len([name for plural, name in made if plural == "modelversions"]) == 4
    for key in set(former) & set(made):
        assert former[key] == made[key], f"{key} was made again"
    new = sorted(set(made) - set(former))
    assert {plural for plural, _ in new} >= {"jobs", "deployments", "modelversions"}
    assert [name for _, name in new if not one_hash(name)] == []
