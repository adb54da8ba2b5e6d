"""F10: SIGKILL of the API server or of etcd, on control planes that one run has for itself."""

import asyncio
import os
import signal

from localcluster import Cluster

AWAY = 1.0
"""Seconds for which the component stays away, as long as a kubelet takes to restart a static pod."""

CONTROLLERS = 20
"""Seconds during which it is looked whether the controller-manager has ended, having lost its lease."""


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
