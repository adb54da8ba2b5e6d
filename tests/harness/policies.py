# SPDX-License-Identifier: Apache-2.0
"""The admission policies of the CRDs' chart, installed and in force."""

from typing import Final

from mlops_operator.api.meta import Manifest
from mlops_operator.codegen.crd.policies import parameters_policy, service_accounts_policy
from mlops_operator.kube.client import Client
from mlops_operator.kube.errors import StatusError
from mlops_operator.kube.resources import TRAINING_JOBS, Resource
from tests.harness.waiting import eventually

POLICIES: Final = Resource(
    "admissionregistration.k8s.io",
    "v1",
    "validatingadmissionpolicies",
    "ValidatingAdmissionPolicy",
    namespaced=False,
)
BINDINGS: Final = Resource(
    "admissionregistration.k8s.io",
    "v1",
    "validatingadmissionpolicybindings",
    "ValidatingAdmissionPolicyBinding",
    namespaced=False,
)


async def install_policies(client: Client, namespace: str) -> None:
    """Apply the policies and wait until the API server enforces them in `namespace`; it reads them with a delay."""
    for pair in (parameters_policy(), service_accounts_policy()):
        for resource, manifest in zip((POLICIES, BINDINGS), pair, strict=True):
            await client.apply(resource, manifest)
    probe = TRAINING_JOBS.manifest(name="probe", namespace=namespace)
    probe["spec"] = {"image": "example/probe:1", "parameters": {"words": "x" * 200_000}}

    async def refused() -> bool:
        return await refusal(client, TRAINING_JOBS, probe) != ""

    await eventually(refused, within=30.0)


async def refusal(client: Client, resource: Resource, manifest: Manifest) -> str:
    """What the API server says against an object, which is not created; empty where it says nothing."""
    path = resource.path(namespace=manifest["metadata"]["namespace"])
    try:
        await client.request("POST", path, query={"dryRun": "All", "fieldValidation": "Strict"}, body=manifest)
    except StatusError as error:
        return str(error)
    return ""
