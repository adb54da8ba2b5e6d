# SPDX-License-Identifier: Apache-2.0
"""Users who name a service account for pods of the operator, whose credentials they could not have by themselves."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from localcluster import Cluster
from mlops_operator.api.meta import Manifest
from mlops_operator.codegen.crd.policies import PARAMETERS, SERVICE_ACCOUNTS
from mlops_operator.kube.client import Client
from mlops_operator.kube.errors import Forbidden
from mlops_operator.kube.resources import EVALUATIONS, MODEL_MONITORS, MODEL_VERSIONS, MODELS, Resource
from tests.harness.crds import install_crds
from tests.harness.policies import POLICIES, install_policies
from tests.harness.waiting import eventually
from tests.integration.attacks.users import user
from tests.integration.workshop import digest_of

GATE: Manifest = {"data": [{"name": "rows", "uri": "pvc://store/rows.npz"}], "metrics": [{"min": 0.9}]}
SPECS: dict[str, tuple[Resource, Manifest]] = {
    "registrar": (
        MODEL_VERSIONS,
        {"model": "digits", "artifact": {"uri": "pvc://store/m", "digest": digest_of("m"), "format": "sklearn"}},
    ),
    "releaser": (EVALUATIONS, {"candidate": "digits-1", "image": "example/mine:1", **GATE}),
    "modeler": (MODELS, {"aliases": [{"name": "champion", "gate": GATE}]}),
    "observer": (
        MODEL_MONITORS,
        {
            "target": {"deployment": "digits"},
            "source": {"predictionLog": {"uri": "pvc://log"}},
            "metrics": [{"name": "accuracy", "limit": {"min": 0.9}}],
        },
    ),
}
MAY_RUN_PODS: tuple[Manifest, ...] = (
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["create"]},
    {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["create"]},
)
REFUSED = "taskPods.serviceAccountName: expected a user who may create pods or jobs in namespace"


@pytest.fixture
async def policies(client: Client, namespace: str, control_plane: Cluster) -> AsyncIterator[AsyncExitStack]:
    """The policies in force, and a stack for the users' clients."""
    await install_crds(client)
    await install_policies(client, namespace)
    async with AsyncExitStack() as stack:
        attacker = await stack.enter_async_context(user("trainer", control_plane, client, namespace, also=[_MODELS]))

        async def in_force() -> bool:
            try:
                await attacker.create(MODELS, named("modeler", namespace, "reader"), dry_run=True)
            except Forbidden:
                return True
            return False

        await eventually(in_force, within=30)
        yield stack


_MODELS: Manifest = {"apiGroups": [MODELS.group], "resources": ["models"], "verbs": ["create"]}


def named(role: str, namespace: str, account: str | None) -> Manifest:
    """An object of the role's kind whose task pods have the account."""
    resource, spec = SPECS[role]
    own: Manifest = {"taskPods": {"serviceAccountName": account}} if account else {}
    if role == "modeler":
        own = {"aliases": [{"name": "champion", "gate": {**GATE, **own}}]}
    return {**resource.manifest(name="a", namespace=namespace), "spec": {**spec, **own}}


def options(role: str, manifest: Manifest) -> Manifest:
    """`taskPods` of such an object."""
    spec = manifest["spec"]
    found: Manifest = (spec["aliases"][0]["gate"] if role == "modeler" else spec)["taskPods"]
    return found


async def test_who_may_not_run_pods_may_not_name_an_account(
    policies: AsyncExitStack, client: Client, namespace: str, control_plane: Cluster
) -> None:
    for role, (resource, _) in SPECS.items():
        attacker = await policies.enter_async_context(user(role, control_plane, client, namespace))
        await attacker.create(resource, named(role, namespace, None), dry_run=True)
        with pytest.raises(Forbidden, match=f"{REFUSED} {namespace}, found {role}"):
            await attacker.create(resource, named(role, namespace, "reader"), dry_run=True)
        if role == "modeler":
            removing = {"retention": {"taskPods": {"serviceAccountName": "reader"}}}
            with pytest.raises(Forbidden, match=REFUSED):
                await attacker.create(resource, {**named(role, namespace, None), "spec": removing}, dry_run=True)
        if role == "releaser":
            continue  # an Evaluation is immutable
        await client.create(resource, named(role, namespace, "reader"))
        kept = named(role, namespace, "reader")
        options(role, kept)["nodeSelector"] = {"disk": "ssd"}
        await attacker.apply(resource, kept)
        with pytest.raises(Forbidden, match=REFUSED):
            await attacker.apply(resource, named(role, namespace, "other"))


async def test_who_may_run_pods_may_name_an_account(
    policies: AsyncExitStack, client: Client, namespace: str, control_plane: Cluster
) -> None:
    for role, right in zip(("releaser", "registrar"), MAY_RUN_PODS, strict=True):
        runner = await policies.enter_async_context(user(role, control_plane, client, namespace, also=[right]))
        resource, _ = SPECS[role]
        await runner.create(resource, named(role, namespace, "reader"), dry_run=True)
    await well_typed(client)


async def well_typed(client: Client) -> None:
    """No expression of the policies has a warning of the type checker."""
    for name in (PARAMETERS, SERVICE_ACCOUNTS):

        async def status(name: str = name) -> Manifest:
            return (await client.get(POLICIES, name=name)).get("status") or {}

        found = await eventually(status, lambda found: found.get("observedGeneration", 0) > 0, within=30)
        assert (found.get("typeChecking") or {}).get("expressionWarnings", []) == [], name
