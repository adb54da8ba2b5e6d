"""F10: SIGKILL of the API server or of etcd, on control planes that one run has for itself."""

import asyncio
import os
import signal

from localcluster import Cluster

AWAY = 1.0
"""Seconds for which the component stays away, as long as a kubelet takes to restart a static pod."""


async def kill(cluster: Cluster, component: str) -> None:
    """SIGKILL a component, `apiserver` or `etcd`, and bring it back, with all that ended because of it."""
    process = cluster.process(component)
    if process is None:
        raise RuntimeError(f"{component} does not run")
    os.kill(process.pid, signal.SIGKILL)
    await asyncio.sleep(AWAY)
    await asyncio.to_thread(cluster.up)
