# SPDX-License-Identifier: Apache-2.0
"""Whoever has the operator's token, in a cluster with the chart's admission policies: what it cannot do any more.

All requests are made as that account, with the rights of the chart, and are dry runs, which admission judges alike.
"""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from localcluster import Cluster
from mlops_operator.api.meta import API_VERSION, Manifest
from mlops_operator.controllers import all_controllers
from mlops_operator.controllers.settings import Settings
from mlops_operator.kube.client import Client
from mlops_operator.kube.config import load_config
from mlops_operator.kube.errors import Forbidden
from mlops_operator.kube.resources import (
    DEPLOYMENTS,
    JOBS,
    MODEL_DEPLOYMENTS,
    MODEL_VERSIONS,
    MODELS,
    PROMOTIONS,
    SERVICES,
    TRAINING_JOBS,
    Resource,
)
from tests.harness.audit import AuditLog
from tests.harness.crds import install_crds
from tests.harness.kubelet import FakeKubelet
from tests.harness.waiting import eventually
from tests.integration.packaging.rendering import manifests
from tests.integration.workshop import Workshop, condition, digest_of, message, operator

ACCOUNT = "system:serviceaccount:mlops-system:mlops-operator"
CLUSTER_ROLES = Resource("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", namespaced=False)
BINDINGS = Resource("rbac.authorization.k8s.io", "v1", "clusterrolebindings", "ClusterRoleBinding", namespaced=False)
POLICIES = Resource(
    "admissionregistration.k8s.io", "v1", "validatingadmissionpolicies", "ValidatingAdmissionPolicy", namespaced=False
)
POLICY_BINDINGS = Resource(
    "admissionregistration.k8s.io",
    "v1",
    "validatingadmissionpolicybindings",
    "ValidatingAdmissionPolicyBinding",
    namespaced=False,
)
APPLIED = {resource.kind: resource for resource in (CLUSTER_ROLES, BINDINGS, POLICIES, POLICY_BINDINGS)}

OWNER = {"apiVersion": API_VERSION, "kind": "TrainingJob", "name": "a", "uid": "u", "controller": True}
OWNERS_OF_OTHERS = [
    [],
    [{**OWNER, "apiVersion": "apps/v1", "kind": "ReplicaSet"}],
    [{**OWNER, "apiVersion": "mlops-operator.io.example.test/v1"}],
    [{**OWNER, "controller": False}],
]
CONTAINER = {"name": "main", "image": "example/a:1"}
PRIVILEGED = {**CONTAINER, "name": "other", "securityContext": {"privileged": True}}
HOST_PROCESS = {"windowsOptions": {"hostProcess": True}}


@pytest.fixture
async def account(client: Client, control_plane: Cluster) -> AsyncIterator[Client]:
    """The operator's account, once the policies are in force; they stay, since no other test is this account."""
    await install_crds(client)
    settings = ("admissionPolicy.enabled=true", "admissionPolicy.serviceAccounts={default,runner,mlops-other/special}")
    for manifest in manifests("mlops-operator", "defaults", *settings):
        if manifest["kind"] in APPLIED:
            await client.apply(APPLIED[manifest["kind"]], manifest)
    config = replace(load_config(control_plane.kubeconfig), headers={"Impersonate-User": ACCOUNT})
    async with Client(config, user_agent="attacker") as attacker:

        async def in_force() -> bool:
            for owners, pod in (([], {}), ([OWNER], {"hostPID": True})):
                try:
                    await attacker.create(JOBS, job("default", owners=owners, pod=pod), dry_run=True)
                except Forbidden as error:
                    if "ValidatingAdmissionPolicy" not in error.message:
                        return False
                else:
                    return False
            return True

        await eventually(in_force, within=30)
        yield attacker


def job(namespace: str, *, owners: list[Manifest] | None = None, pod: Manifest | None = None) -> Manifest:
    """A Job as the operator makes it, except for what is given."""
    manifest = JOBS.manifest(name="forged", namespace=namespace)
    manifest["metadata"]["ownerReferences"] = [OWNER] if owners is None else owners
    manifest["spec"] = {"template": {"spec": {"containers": [CONTAINER], "restartPolicy": "Never", **(pod or {})}}}
    return manifest


def deployment(namespace: str, *, owners: list[Manifest] | None = None, pod: Manifest | None = None) -> Manifest:
    made = job(namespace, owners=owners, pod={"restartPolicy": "Always", **(pod or {})})
    template = {"metadata": {"labels": {"app": "a"}}, **made["spec"]["template"]}
    spec = {"selector": {"matchLabels": {"app": "a"}}, "template": template}
    return {**DEPLOYMENTS.manifest(name="forged", namespace=namespace), "metadata": made["metadata"], "spec": spec}


async def denied(attacker: Client, resource: Resource, manifest: Manifest) -> str:
    """The policy's message."""
    with pytest.raises(Forbidden, match="ValidatingAdmissionPolicy") as caught:
        await attacker.create(resource, manifest, dry_run=True)
    return caught.value.message


async def test_the_policies_are_well_typed(account: Client, client: Client) -> None:
    for name in ("mlops-operator-children", "mlops-operator-pods"):

        async def checked(name: str = name) -> Manifest:
            return (await client.get(POLICIES, name=name)).get("status") or {}

        status = await eventually(checked, lambda found: found.get("observedGeneration", 0) > 0, within=30)
        assert status.get("typeChecking", {}).get("expressionWarnings", []) == []


async def test_the_operators_own_children_pass(account: Client, namespace: str) -> None:
    await account.create(JOBS, job(namespace), dry_run=True)
    await account.create(JOBS, job(namespace, pod={"serviceAccountName": "runner"}), dry_run=True)
    await account.create(DEPLOYMENTS, deployment(namespace), dry_run=True)


@pytest.mark.parametrize("owners", OWNERS_OF_OTHERS, ids=["none", "another group", "a similar group", "not in control"])
async def test_nothing_without_an_owner_of_the_group(account: Client, namespace: str, owners: list[Manifest]) -> None:
    service = SERVICES.manifest(name="forged", namespace=namespace)
    service["metadata"]["ownerReferences"] = owners
    service["spec"] = {"selector": {"app": "a"}, "ports": [{"port": 80}]}
    promotion = PROMOTIONS.manifest(name="forged", namespace=namespace)
    promotion["metadata"]["ownerReferences"] = owners
    promotion["spec"] = {"model": "a", "alias": "b", "version": "c"}
    for resource, manifest in (
        (JOBS, job(namespace, owners=owners)),
        (DEPLOYMENTS, deployment(namespace, owners=owners)),
        (SERVICES, service),
        (PROMOTIONS, promotion),
    ):
        assert "expected a controlling owner of the group" in await denied(account, resource, manifest)


@pytest.mark.parametrize(
    ("pod", "words"),
    [
        ({"hostNetwork": True}, "without hostNetwork"),
        ({"hostPID": True}, "without hostNetwork, hostPID"),
        ({"hostIPC": True}, "hostIPC"),
        ({"volumes": [{"name": "node", "hostPath": {"path": "/"}}]}, "without hostPath"),
        ({"containers": [CONTAINER, PRIVILEGED]}, "without privileged"),
        ({"initContainers": [PRIVILEGED]}, "without privileged"),
        ({"securityContext": HOST_PROCESS, "hostNetwork": True}, "without"),
        ({"containers": [{**CONTAINER, "securityContext": HOST_PROCESS}], "hostNetwork": True}, "without"),
        ({"serviceAccountName": "mlops-operator"}, "mlops-operator is not allowed"),
        ({"serviceAccount": "cluster-admin"}, "cluster-admin is not allowed"),
        ({"serviceAccountName": "special"}, "special is not allowed"),
    ],
)
async def test_no_pod_that_reaches_the_node_or_another_account(
    account: Client, namespace: str, pod: Manifest, words: str
) -> None:
    assert words in await denied(account, JOBS, job(namespace, pod=pod))
    assert words in await denied(account, DEPLOYMENTS, deployment(namespace, pod=pod))


async def test_nothing_in_a_denied_namespace(account: Client, client: Client) -> None:
    assert "may not write in namespace kube-system" in await denied(account, JOBS, job("kube-system"))
    version = MODEL_VERSIONS.manifest(name="forged", namespace="kube-system")
    artifact = {"uri": "pvc://store/m", "digest": digest_of("m"), "format": "sklearn"}
    version["spec"] = {"model": "digits", "artifact": artifact}
    assert "may not write in namespace kube-system" in await denied(account, MODEL_VERSIONS, version)
    await client.create(JOBS, job("kube-system"), dry_run=True)  # the rule is for this account alone


async def test_objects_of_others_are_neither_changed_nor_deleted(
    account: Client, client: Client, namespace: str
) -> None:
    theirs = deployment(namespace, owners=[])
    await client.create(DEPLOYMENTS, theirs)
    with pytest.raises(Forbidden, match="existing object has no controlling owner"):
        await account.delete(DEPLOYMENTS, namespace=namespace, name="forged")
    with pytest.raises(Forbidden, match="expected a controlling owner"):
        await account.apply(DEPLOYMENTS, deployment(namespace, owners=[], pod={"hostname": "mine"}))
    with pytest.raises(Forbidden, match="existing object has no controlling owner"):
        await account.apply(DEPLOYMENTS, deployment(namespace, pod={"hostname": "mine"}))
    found = await client.get(DEPLOYMENTS, namespace=namespace, name="forged")
    assert "hostname" not in found["spec"]["template"]["spec"]


async def test_the_operator_works_under_the_policies(
    account: Client, client: Client, namespace: str, control_plane: Cluster
) -> None:
    """From a training to a served version and back to nothing; then a training that the policies refuse."""
    workshop = Workshop(client, namespace)
    audit = AuditLog(control_plane.audit_log)
    kubelet = FakeKubelet(client, workshop.behave, namespace=namespace)
    async with kubelet, operator(control_plane, namespace, *all_controllers(Settings()), user=ACCOUNT):
        await workshop.create(MODELS, "digits", {"aliases": [{"name": "champion", "bootstrap": True}]})
        served = {"model": {"name": "digits", "alias": "champion"}, "replicas": 2}
        await workshop.create(MODEL_DEPLOYMENTS, "digits", served)
        training = {"image": "example/train:1", "model": "digits", "ttlSecondsAfterFinished": 0}
        await workshop.create(TRAINING_JOBS, "train", training)
        await workshop.until(MODEL_DEPLOYMENTS, "digits", lambda status: condition(status, "Ready")[0] == "True")
        await workshop.edit(MODEL_DEPLOYMENTS, "digits", spec={"replicas": 1})
        await workshop.until(MODEL_DEPLOYMENTS, "digits", lambda status: status.get("readyReplicas") == 1)
        await eventually(lambda: workshop.all(TRAINING_JOBS), lambda found: not found, within=30)
        refused = [request for request in audit.read() if request.namespace == namespace and request.code == 403]
        assert refused == []

        template = {"spec": {"volumes": [{"name": "node", "hostPath": {"path": "/"}}]}}
        await workshop.create(TRAINING_JOBS, "escape", {"image": "example/train:1", "template": template})
        status = await workshop.until(
            TRAINING_JOBS, "escape", lambda found: condition(found, "Ready")[1] == "Forbidden"
        )
        assert "expected a pod without hostPath volumes" in message(status)

        artifact = {"uri": "pvc://store/m", "digest": digest_of("m"), "format": "sklearn"}
        options = {"taskPods": {"serviceAccountName": "special"}}
        await workshop.create(MODEL_VERSIONS, "borrowed", {"model": "digits", "artifact": artifact, **options})
        status = await workshop.until(
            MODEL_VERSIONS, "borrowed", lambda found: condition(found, "Ready")[1] == "Forbidden"
        )
        assert f"service account {namespace}/special is not allowed" in message(status)
        await workshop.edit(MODEL_VERSIONS, "borrowed", spec={"taskPods": {"serviceAccountName": "default"}})
        await workshop.until(MODEL_VERSIONS, "borrowed", lambda found: condition(found, "Ready")[0] == "True")
