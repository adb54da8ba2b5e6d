# SPDX-License-Identifier: Apache-2.0
"""Namespaces in which pods can be made."""

from functools import partial

from mlops_operator.kube.client import Client
from mlops_operator.kube.errors import NotFound
from mlops_operator.kube.resources import Resource
from tests.harness.waiting import eventually

NAMESPACES = Resource("", "v1", "namespaces", "Namespace", namespaced=False)
SERVICE_ACCOUNTS = Resource("", "v1", "serviceaccounts", "ServiceAccount")


async def make_namespace(client: Client, name: str) -> None:
    """Create it, and wait for its account: pods are refused until that is there."""
    await client.create(NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    await eventually(partial(_has_account, client, name), within=20.0)


async def _has_account(client: Client, namespace: str) -> bool:
    try:
        await client.get(SERVICE_ACCOUNTS, namespace=namespace, name="default")
    except NotFound:
        return False
    return True
