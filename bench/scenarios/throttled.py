# SPDX-License-Identifier: Apache-2.0
"""B10: an API server that answers a share of the requests with 429 and Retry-After."""

import random
import time
from collections import defaultdict
from pathlib import Path

import yaml
from aiohttp import web

from bench.scenarios.common import Rows, Trial, play
from bench.workload import follow, names, warm_up
from mlops_operator.kube.config import load_config
from tests.harness.proxy import Fault, Proxy, proxy, watches

SHARE = 0.2
RETRY_AFTER = 1
"""Seconds, the least that the header can ask for."""
SEED = 20260101


class Throttle:
    """Refuses a share of the requests, and sees whether the refused come back sooner than they were asked to."""

    def __init__(self) -> None:
        self._random = random.Random(SEED)
        self._until: defaultdict[tuple[str, str], float] = defaultdict(float)
        self.refused = 0
        self.too_soon = 0

    def refuses(self, request: web.Request) -> bool:
        """Whether this request is refused."""
        if watches(request) or "/leases" in request.path:
            return False
        # A POST names no object: two creations have the same path. Only other writes can be distinguished.
        now, key = time.monotonic(), (request.method, request.path)
        if request.method in ("PATCH", "PUT", "DELETE") and now < self._until[key]:
            self.too_soon += 1
        if self._random.random() >= SHARE:
            return False
        self.refused += 1
        self._until[key] = now + RETRY_AFTER
        return True

    @staticmethod
    async def answer(_request: web.Request) -> web.StreamResponse:
        """As the API server writes it."""
        status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "TooManyRequests", "code": 429}
        return web.json_response(status, status=429, headers={"Retry-After": str(RETRY_AFTER)})


async def run(trial: Trial) -> Rows:
    """500 objects (60 when quick) at once, a fifth of all requests refused for a second; and the same without."""
    count = trial.size(500, 60)
    rows: Rows = {}
    async with play(trial) as scene, proxy(load_config(scene.cluster.kubeconfig)) as between:
        kubeconfig = _kubeconfig(between, scene.cluster.folder / "throttled.yaml")
        with scene.operator(kubeconfig=kubeconfig) as operator:
            await warm_up(scene, operator, trial.size(200, 20))
            rows["through the proxy"] = await follow(scene, operator, names("plain", count))
            throttle = Throttle()
            between.inject(Fault(throttle.refuses, answer=throttle.answer, times=None))
            figures = await follow(scene, operator, names("throttled", count), may_lose=True)
            between.heal()
            operator.require_alive()
    rows[f"{SHARE:.0%} refused"] = {
        **figures,
        "refused_by_the_proxy_per_object": throttle.refused / count,
        "sooner_than_asked": throttle.too_soon,
    }
    return rows


def _kubeconfig(between: Proxy, path: Path) -> Path:
    """A kubeconfig of the proxy, which has credentials of its own."""
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "throttled",
        "contexts": [{"name": "throttled", "context": {"cluster": "throttled", "user": "throttled"}}],
        "clusters": [{"name": "throttled", "cluster": {"server": between.url}}],
        "users": [{"name": "throttled", "user": {}}],
    }
    path.write_text(yaml.safe_dump(document))
    return path
