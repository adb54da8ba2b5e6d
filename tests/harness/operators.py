# SPDX-License-Identifier: Apache-2.0
"""An operator in the test's own process, for the test's own namespace."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from localcluster import Cluster
from mlops_operator.kube.config import load_config
from mlops_operator.runtime.manager import Manager, Options
from mlops_operator.runtime.telemetry import Telemetry
from mlops_operator.runtime.work.controller import Controller


@asynccontextmanager
async def operator(
    cluster: Cluster, namespace: str, *controllers: Controller, telemetry: Telemetry | None = None
) -> AsyncIterator[Manager]:
    """Runs these controllers, without an election, while it is entered.

    With `telemetry` it serves the metrics of objects.
    """
    options = Options(
        namespaces=(namespace,),
        leader_elect=False,
        metrics_address="127.0.0.1:0",
        object_metrics_address="127.0.0.1:0",
    )
    manager = Manager(load_config(cluster.kubeconfig), controllers, options, telemetry=telemetry)
    running = asyncio.create_task(manager.run(), name="operator")
    try:
        yield manager
    finally:
        manager.stop()
        async with asyncio.timeout(30):
            await running
