# SPDX-License-Identifier: Apache-2.0
"""The bare design: kopf's raw events for the objects, one selected watch for their Jobs, three writes for each.

`python -m bench.bare KUBECONFIG PORT` runs it. No cache, no retries, no results, no contract of a status, no election,
no metrics: what is left is what aiohttp, TLS, JSON and kopf's own streams cost on this machine. The operator's own
share is what it takes beyond that.
"""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any, Final

import aiohttp
import kopf

from bench.naive.kind import OBJECTS, child, phase_of
from mlops_operator.api.meta import Manifest
from mlops_operator.kube.config import ClusterConfig, load_config
from mlops_operator.kube.resources import JOBS
from mlops_operator.runtime.kopf.settings import quiet_settings

AGENT: Final = "bare"
LABEL: Final = "bare-trainingjob"
_JSON: Final = "application/json"


class Bare:
    """What it knows: how far each object has come.

    Args:
        config: the cluster.
    """

    def __init__(self, config: ClusterConfig) -> None:
        self._server = config.server
        self._said: dict[str, str] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=32, ssl=config.tls if config.tls is not None else True),
            headers={"User-Agent": AGENT, **config.headers},
        )

    async def object_changed(self, body: Any) -> None:
        """Make the Job of a new object."""
        name, namespace, uid = (body["metadata"][field] for field in ("name", "namespace", "uid"))
        if name in self._said or (body.get("status") or {}).get("phase"):
            return
        self._said[name] = ""
        job = child(name, namespace, body["spec"], label=LABEL)
        job["metadata"]["ownerReferences"] = [
            {"apiVersion": OBJECTS.api_version, "kind": OBJECTS.kind, "name": name, "uid": uid, "controller": True}
        ]
        await self._send("POST", JOBS.path(namespace=namespace), job, _JSON)

    async def watch_jobs(self) -> None:
        """Write the progress of each Job into the status of its owner."""
        selected = f"{self._server}{JOBS.path()}?labelSelector={LABEL}"
        async with self._session.get(selected) as answer:
            version = (await answer.json())["metadata"]["resourceVersion"]
        while True:
            watched = f"{selected}&watch=1&resourceVersion={version}&timeoutSeconds=300"
            async with self._session.get(watched, timeout=aiohttp.ClientTimeout(total=None)) as answer:
                async for line in answer.content:
                    event = json.loads(line)
                    version = event["object"]["metadata"]["resourceVersion"]
                    self._job_changed(event["type"], event["object"])

    def _job_changed(self, change: str, job: Manifest) -> None:
        name, phase = job["metadata"]["labels"][LABEL], phase_of(job.get("status") or {})
        if change == "DELETED" or not phase or self._said.get(name) == phase:
            return
        self._said[name] = phase
        path = OBJECTS.path(namespace=job["metadata"]["namespace"], name=name, subresource="status")
        task = asyncio.create_task(
            self._send("PATCH", path, {"status": {"phase": phase}}, "application/merge-patch+json")
        )
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send(self, method: str, path: str, body: Manifest, content_type: str) -> None:
        async with self._session.request(
            method, self._server + path, data=json.dumps(body), headers={"Content-Type": content_type}
        ) as answer:
            await answer.read()


@kopf.on.startup()
async def startup(memo: Any, **_: Any) -> None:
    """Open the connections."""
    memo.bare = Bare(load_config(Path(os.environ["KUBECONFIG"])))
    memo.watching = asyncio.create_task(memo.bare.watch_jobs())


@kopf.on.login()
def login(**kwargs: Any) -> Any:
    """Log in with the kubeconfig of the command line."""
    return kopf.login_with_kubeconfig(**kwargs)


@kopf.on.event(OBJECTS.group, OBJECTS.version, OBJECTS.plural)
async def object_changed(type: str | None, body: Any, memo: Any, **_: Any) -> None:
    """Every event of an object."""
    if type != "DELETED":
        await memo.bare.object_changed(body)


def main(kubeconfig: str, port: str) -> None:
    """Run until a signal comes."""
    os.environ["KUBECONFIG"] = kubeconfig
    health = f"http://127.0.0.1:{port}/healthz"
    asyncio.run(kopf.operator(settings=quiet_settings(), clusterwide=True, liveness_endpoint=health))


if __name__ == "__main__":
    main(*sys.argv[1:])
