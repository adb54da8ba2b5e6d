# SPDX-License-Identifier: Apache-2.0
"""Nodes without a machine: what a scheduler needs to bind pods, and the heartbeats that keep them ready."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Final

from mlops_operator.api.meta import Manifest
from mlops_operator.kube.client import Client
from mlops_operator.kube.resources import LEASES, NODES

COUNT: Final = 4
PODS_PER_NODE: Final = 110
"""The kubelet's default limit: 440 pods at a time."""

HEARTBEAT: Final = 10.0
"""Seconds between two renewals of a node's lease, as a kubelet does."""

LEASE_NAMESPACE: Final = "kube-node-lease"


def names() -> list[str]:
    """Names of the nodes."""
    return [f"node-{number}" for number in range(COUNT)]


def node(name: str, pods: int) -> Manifest:
    """A node that is ready and takes at most this number of pods at a time."""
    size = {"cpu": "32", "memory": "128Gi", "pods": str(pods)}
    now = _now()
    ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "lastHeartbeatTime": now}
    return {
        "apiVersion": NODES.api_version,
        "kind": NODES.kind,
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}},
        "status": {"allocatable": size, "capacity": size, "conditions": [ready]},
    }


@asynccontextmanager
async def nodes(client: Client, *, pods: int = PODS_PER_NODE) -> AsyncIterator[None]:
    """Nodes that are there and ready while it is entered."""
    for name in names():
        made = node(name, pods)
        # A new node has a taint until the controller manager has seen that it is ready.
        await client.create(NODES, made)
        body = {"status": made["status"]}
        await client.merge_patch(NODES, namespace=None, name=name, subresource="status", body=body)
        lease: Manifest = LEASES.manifest(name=name, namespace=LEASE_NAMESPACE)
        lease["spec"] = {"holderIdentity": name, "leaseDurationSeconds": 40, "renewTime": _now_micro()}
        await client.create(LEASES, lease)
    beating = asyncio.create_task(_beat(client), name="heartbeats of nodes")
    try:
        yield
    finally:
        beating.cancel()
        await asyncio.gather(beating, return_exceptions=True)


async def _beat(client: Client) -> None:
    while True:
        await asyncio.sleep(HEARTBEAT)
        for name in names():
            body = {"spec": {"renewTime": _now_micro()}}
            await client.merge_patch(LEASES, namespace=LEASE_NAMESPACE, name=name, body=body)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _now_micro() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
