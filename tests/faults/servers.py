# SPDX-License-Identifier: Apache-2.0
"""F10: SIGKILL of the API server or of etcd, on control planes that one run has for itself."""

import asyncio
import os
import signal
import time
from collections.abc import Mapping
from typing import Any

from localcluster import Cluster
from mlops_operator.api.meta import Manifest
from mlops_operator.kube.client import Client
from mlops_operator.kube.errors import AlreadyExists, ServerError, Unreachable
from mlops_operator.kube.resources import DEPLOYMENTS, POD_DISRUPTION_BUDGETS
from tests.harness.waiting import eventually

AWAY = 1.0
"""Seconds for which the component stays away, as long as a kubelet takes to restart a static pod."""

CONTROLLERS = 20
"""Seconds during which it is looked whether the controller-manager has ended, having lost its lease."""

SYNC_FAILED = "SyncFailed"
"""What the disruption controller says of a budget while it knows pods whose owners it does not know yet, and no more
once it was able to look again."""

PATIENCE = 60.0
"""Seconds in which an API server that was killed answers again, and the controllers have seen to everything."""


class PatientClient(Client):
    """The harness's own client where API servers are killed: it asks again until there is an answer."""

    async def request(
        self, method: str, path: str, *, query: Mapping[str, str] | None = None, body: Any = None, **options: Any
    ) -> Manifest:
        """As `Client.request`; what was created before the answer was lost is read."""
        deadline = time.monotonic() + PATIENCE
        repeated = False
        while True:
            try:
                return await super().request(method, path, query=query, body=body, **options)
            except (Unreachable, ServerError):
                if time.monotonic() > deadline:
                    raise
            except AlreadyExists:
                if not repeated:
                    raise
                return await super().request("GET", f"{path}/{body['metadata']['name']}")
            repeated = True
            await asyncio.sleep(0.2)


async def controllers_have_seen_to(client: Client, namespace: str) -> None:
    """Wait until the controller-manager, which may have been started again, is up to date with a namespace.

    Raises:
        AssertionError: it is not within `PATIENCE`.
    """

    async def behind() -> list[str]:
        found = []
        for resource in (DEPLOYMENTS, POD_DISRUPTION_BUDGETS):
            for obj in (await client.list(resource, namespace=namespace)).items:
                metadata, status = obj["metadata"], obj.get("status") or {}
                conditions = status.get("conditions") or ()
                failed = any(entry.get("reason") == SYNC_FAILED for entry in conditions)
                if status.get("observedGeneration") != metadata["generation"] or not conditions or failed:
                    found.append(f"{resource.plural}/{metadata['name']}")
        return found

    await eventually(behind, lambda found: not found, within=PATIENCE, every=0.2)


async def kill(cluster: Cluster, component: str) -> None:
    """SIGKILL a component, `apiserver` or `etcd`, and bring it back, with all that ended because of it."""
    process = cluster.process(component)
    if process is None:
        raise RuntimeError(f"{component} does not run")
    os.kill(process.pid, signal.SIGKILL)
    await asyncio.sleep(AWAY)
    for _ in range(CONTROLLERS):
        await asyncio.to_thread(cluster.up)
        await asyncio.sleep(1)
