# SPDX-License-Identifier: Apache-2.0
"""Promotions on a real API server, with the controllers of Model, ModelVersion and Evaluation beside them."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from localcluster import Cluster
from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.evaluation.controller import EvaluationController
from mlops_operator.controllers.model.controller import ModelController
from mlops_operator.controllers.modelversion.controller import ModelVersionController
from mlops_operator.controllers.promotion.controller import PromotionController
from mlops_operator.controllers.settings import Settings
from mlops_operator.kube.client import Client
from mlops_operator.kube.resources import EVALUATIONS, MODEL_VERSIONS, MODELS, PROMOTIONS
from mlops_operator.runtime.work.controller import Controller
from tests.harness.audit import AuditLog
from tests.harness.crds import install_crds
from tests.harness.kubelet import FakeKubelet
from tests.integration.workshop import Workshop, condition, digest_of, operator, quiet, requests

GATE = {
    "data": [{"name": "holdout", "uri": "pvc://store/holdout.npz"}],
    "metrics": [{"name": "accuracy", "slice": "original", "min": 0.9}, {"name": "accuracy", "change": {"min": 0}}],
}
FINAL = ("Promoted", "Rejected", "Superseded")


def controllers() -> tuple[Controller, ...]:
    settings = Settings()
    return (
        ModelController(settings),
        ModelVersionController(settings),
        EvaluationController(settings),
        PromotionController(settings),
    )


@pytest.fixture
async def workshop(client: Client, namespace: str) -> AsyncIterator[Workshop]:
    await install_crds(client)
    workshop = Workshop(client, namespace)
    await workshop.create(MODELS, "digits", {"aliases": [{"name": "champion", "bootstrap": True, "gate": GATE}]})
    async with FakeKubelet(client, workshop.behave, namespace=namespace):
        yield workshop


async def promote(workshop: Workshop, name: str, version: str) -> None:
    await workshop.create(PROMOTIONS, name, {"model": "digits", "alias": "champion", "version": version})


async def champion(workshop: Workshop, version: str) -> Manifest:
    """The alias, as soon as it points at `version`."""

    def points(status: Manifest) -> bool:
        return [alias["version"] for alias in status.get("aliases") or ()] == [version]

    status = await workshop.until(MODELS, "digits", points)
    return dict(status["aliases"][0])


async def decided(workshop: Workshop, name: str) -> Manifest:
    return await workshop.until(PROMOTIONS, name, lambda status: status.get("phase") in FINAL)


async def test_from_the_first_version_over_a_better_one_back_to_the_first(
    control_plane: Cluster, workshop: Workshop, audit_log: AuditLog
) -> None:
    workshop.accuracy = {digest_of("digits-a"): 0.93, digest_of("digits-b"): 0.97}
    async with operator(control_plane, workshop.namespace, *controllers()):
        await workshop.version("digits-a", ready=False)
        first = await champion(workshop, "digits-a")
        bootstrap = await decided(workshop, first["promotion"])
        assert bootstrap["phase"] == "Promoted"
        assert "from" not in bootstrap

        await workshop.version("digits-b", ready=False)
        await workshop.until(MODEL_VERSIONS, "digits-b", lambda status: condition(status, "Ready")[0] == "True")
        await asyncio.sleep(0.5)
        await requests(audit_log, workshop.namespace)
        await promote(workshop, "to-b", "digits-b")
        await champion(workshop, "digits-b")
        better = await decided(workshop, "to-b")
        assert (better["phase"], better["from"], better["verdict"]) == ("Promoted", "digits-a", "Pass")
        assert better["metrics"][1]["lower"] == pytest.approx(0.0302)
        await asyncio.sleep(0.5)
        assert await requests(audit_log, workshop.namespace) == {
            ("create", "evaluations"): 1,
            ("patch", "promotions/status"): 3,
            ("create", "jobs"): 1,
            ("patch", "evaluations/status"): 2,
            ("patch", "models/status"): 2,  # the draw, by the Evaluation; the alias
            ("patch", "modelversions/status"): 3,  # the gate's result; the alias, of each of the two
        }

        await promote(workshop, "back", "digits-a")
        await champion(workshop, "digits-a")
        back = await decided(workshop, "back")
        assert (back["phase"], back["rollback"]) == ("Promoted", True)
        assert len(await workshop.all(EVALUATIONS)) == 2
        await asyncio.sleep(0.5)
        assert await requests(audit_log, workshop.namespace) == {
            ("patch", "promotions/status"): 2,
            ("patch", "models/status"): 1,
            ("patch", "modelversions/status"): 2,
        }
        await quiet(audit_log, workshop.namespace)
    async with operator(control_plane, workshop.namespace, *controllers()):
        await quiet(audit_log, workshop.namespace)


async def test_a_bad_challenger_is_refused_with_its_numbers_and_never_measured_again(
    control_plane: Cluster, workshop: Workshop
) -> None:
    workshop.accuracy = {digest_of("digits-a"): 0.95, digest_of("digits-b"): 0.5}
    async with operator(control_plane, workshop.namespace, *controllers()):
        await workshop.version("digits-a", ready=False)
        await champion(workshop, "digits-a")
        await workshop.version("digits-b", ready=False)
        await promote(workshop, "to-b", "digits-b")
        refused = await decided(workshop, "to-b")
        assert (refused["phase"], condition(refused, "Ready")[1]) == ("Rejected", "GateFailed")
        assert refused["metrics"][0]["candidate"] == 0.5
        await workshop.until(MODEL_VERSIONS, "digits-b", lambda status: condition(status, "Rejected")[0] == "True")
        await asyncio.sleep(1.1)  # creation times have whole seconds: the next one is newer
        await promote(workshop, "again", "digits-b")
        assert condition(await decided(workshop, "again"), "Ready")[1] == "VersionRejected"
        assert (await champion(workshop, "digits-a"))["version"] == "digits-a"
        assert len(await workshop.all(EVALUATIONS)) == 2


async def test_of_requests_at_once_the_newest_counts_and_every_one_comes_to_an_end(
    control_plane: Cluster, workshop: Workshop
) -> None:
    names = ("digits-b", "digits-c", "digits-d")
    workshop.accuracy = {digest_of(name): 0.95 + i / 100 for i, name in enumerate(names)}
    async with operator(control_plane, workshop.namespace, *controllers()):
        for name in names:
            await workshop.version(name, ready=False)
            await champion(workshop, names[0])  # the first one is Ready before there is another
        await asyncio.sleep(1.1)
        await asyncio.gather(*(promote(workshop, f"to-{name}", name) for name in names))
        for name in names:
            await decided(workshop, f"to-{name}")
        promotions = await workshop.all(PROMOTIONS)
        newest = max(promotions, key=lambda obj: (obj["metadata"]["creationTimestamp"], obj["metadata"]["name"]))
        assert newest["status"]["phase"] == "Promoted"
        alias = await champion(workshop, newest["spec"]["version"])
        terms = {alias["promotion"], *(term["promotion"] for term in alias.get("history") or ())}
        for promotion in promotions:
            name, found = promotion["metadata"]["name"], promotion["status"]
            moved = found["phase"] == "Promoted" and condition(found, "Ready")[1] == "Promoted"
            assert moved == (name in terms), f"{name}: {found['phase']}, but the alias's terms are {terms}"
