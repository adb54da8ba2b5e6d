# SPDX-License-Identifier: Apache-2.0
"""Plays the pods of the benchmark, in a process of its own: `python -m bench.executor KUBECONFIG PODS`.

A real scheduler binds the pods to nodes without a machine (`nodes.py`). They run for a second and a half, so that the
Job controller, which reads pods once a second, counts them as ready.
"""

import asyncio
import sys
from pathlib import Path
from typing import Final

from bench.nodes import nodes
from bench.systems import HOLD, NAMESPACE
from mlops_operator.api.meta import Manifest
from mlops_operator.kube.client import Client
from mlops_operator.kube.config import load_config
from tests.harness.kubelet import SERVE, USER_AGENT, Behaviour, FakeKubelet

TRAIN: Final = Behaviour(start_after=0.2, run_for=1.5)


def behave(pod: Manifest) -> Behaviour | None:
    """Held jobs run on, all others succeed, once they have a node."""
    if not pod["spec"].get("nodeName"):
        return None
    return SERVE if pod["metadata"]["name"].startswith(f"{HOLD}-") else TRAIN


async def run(kubeconfig: Path, pods_per_node: int) -> None:
    """Play until standard input ends."""
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin, ended.set)
    async with (
        Client(load_config(kubeconfig), user_agent=USER_AGENT) as client,
        nodes(client, pods=pods_per_node),
        FakeKubelet(client, behave, namespace=NAMESPACE) as kubelet,
    ):
        waiting = {asyncio.create_task(ended.wait()), asyncio.create_task(kubelet.failed())}
        done, pending = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        for task in done:
            task.result()


if __name__ == "__main__":
    asyncio.run(run(Path(sys.argv[1]), int(sys.argv[2])))
