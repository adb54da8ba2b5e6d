# SPDX-License-Identifier: Apache-2.0
"""B12: one rank of a training is evicted, as a drain does: seconds until the next attempt has all ranks.

The only scenario with real pods, on a node of the native engine: most of the time is the kubelet's.
"""

import asyncio
import time
from typing import Final

from bench.calibration import rate_of
from bench.figures import Figures, quantile
from bench.scenarios.common import Rows, Trial
from bench.stage import AGENT
from demo.platform import Platform
from localcluster.kubectl import Kubectl
from mlops_operator.kube.client import Client
from mlops_operator.kube.config import load_config
from tests.e2e.support import WORKLOAD_IMAGE, evict, manifest, new_namespace, of, reason, wait_reason
from tests.harness.platforms import running

CLUSTER: Final = "bench-node"
RANKS: Final = 2
PROGRAMS: Final = {
    "ends on SIGTERM": "import time; time.sleep(3600)",
    "ignores SIGTERM": "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(3600)",
}
"""What the ranks run. The images have an init, so a program without a handler ends on SIGTERM; one that ignores it ends
after its grace period of 30 s."""

PATIENT: Final = 180.0
"""Seconds after which an attempt that has not begun is an error and no figure."""


async def run(trial: Trial) -> Rows:
    """Five trainings of each program, one after another (one when quick)."""
    rounds = trial.size(5, 1)
    return await asyncio.to_thread(_play, trial, rounds)


def _play(trial: Trial, rounds: int) -> Rows:
    with running(Platform(CLUSTER, engine="native", progress=trial.progress), keep=False) as platform:
        trial.plain_rates.append(asyncio.run(_plain_rate(platform, trial.size(1500, 100))))
        with new_namespace(platform.kubectl, "evictions", claims=()) as space:
            return {f"a program that {what}": _figures(space, trial, what, rounds) for what in PROGRAMS}


async def _plain_rate(platform: Platform, count: int) -> float:
    kubeconfig = platform.cluster.kubeconfig
    async with Client(load_config(kubeconfig), user_agent=AGENT) as client:
        return await rate_of(client, kubeconfig, count)


def _figures(space: Kubectl, trial: Trial, what: str, rounds: int) -> Figures:
    with trial.progress.step(f"{rounds} evictions of a program that {what}"):
        spans = [_evicted(space, f"{what.split(maxsplit=1)[0]}-{number}", PROGRAMS[what]) for number in range(rounds)]
    return {
        "eviction_to_all_ranks_p50_seconds": quantile(spans, 0.5),
        "eviction_to_all_ranks_max_seconds": max(spans),
    }


def _evicted(space: Kubectl, name: str, program: str) -> float:
    """Seconds from the eviction of the last rank to the next attempt with all ranks."""
    command = ["python3", "-c", program]
    space.apply(manifest("TrainingJob", name, image=WORKLOAD_IMAGE, command=command, replicas=RANKS, backoffLimit=0))
    training = wait_reason(space, "trainingjob", name, "Running", timeout=PATIENT)
    pods = sorted(pod["metadata"]["name"] for pod in space.list("pod", of(training)))
    began = time.monotonic()
    evict(space, pods[-1])
    space.wait(
        "trainingjob",
        name,
        lambda obj: obj["status"].get("attempt") == 1 and reason(obj) == "Running",
        what="to run again",
        timeout=PATIENT,
    )
    span = time.monotonic() - began
    space.run("delete", "trainingjob", name, "--wait=false")
    return span
