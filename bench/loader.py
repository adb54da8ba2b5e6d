# SPDX-License-Identifier: Apache-2.0
"""Creates objects, in a process of its own, so that it does not delay the watches that are timed.

`python -m bench.loader` takes a `Load` as JSON on standard input and answers with a `Loaded` on standard output.
"""

import asyncio
import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Self

from bench.figures import quantile
from bench.processes import ROOT
from mlops_operator.api.meta import Manifest
from mlops_operator.kube.client import Client
from mlops_operator.kube.config import load_config

AGENT: Final = "bench-loader"
WORKERS: Final = 32
"""Requests in flight: enough to keep the API server busy on a few cores."""

NAME: Final = "@NAME@"
UID: Final = "@UID@"
_CONTENT: Final = {"POST": "application/json", "PATCH": "application/merge-patch+json"}


@dataclass(frozen=True)
class Step:
    """One request for each object.

    In path and body `@NAME@` stands for the object's name, `@UID@` for the UID that the first step was answered with.
    """

    method: str
    path: str
    body: Manifest

    def request(self, name: str, uid: str) -> tuple[str, str, Manifest]:
        """Method, path and body for one object."""
        body: Manifest = json.loads(json.dumps(self.body).replace(NAME, name).replace(UID, uid))
        return self.method, self.path.replace(NAME, name).replace(UID, uid), body


@dataclass(frozen=True, kw_only=True)
class Load:
    """What to create.

    Attributes:
        kubeconfig: the cluster.
        names: of the objects.
        steps: requests for each of them, in order.
        rate: objects begun in a second; 0 for as fast as they are taken.
        workers: objects at work at once.
    """

    kubeconfig: str
    names: Sequence[str]
    steps: Sequence[Step]
    rate: float = 0.0
    workers: int = WORKERS

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """The way back from `asdict`."""
        return cls(**{**document, "steps": [Step(**step) for step in document["steps"]]})


@dataclass(frozen=True)
class Loaded:
    """What came of it: begin and end on the monotonic clock, requests, their latency in ms, and our own CPU seconds."""

    began: float
    ended: float
    requests: int
    p50_ms: float
    p99_ms: float
    cpu_seconds: float

    @property
    def per_second(self) -> float:
        """Requests answered in a second."""
        return self.requests / (self.ended - self.began)


async def load(order: Load) -> Loaded:
    """Have a process of its own carry out a load.

    Raises:
        RuntimeError: a request was refused.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.loader"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )
    try:
        answer, _ = await process.communicate(json.dumps(asdict(order)).encode())
    except asyncio.CancelledError:
        process.kill()
        raise
    if process.returncode:
        raise RuntimeError(
            f"the loader ended with {process.returncode}; expected it to create {len(order.names)} objects"
        )
    return Loaded(**json.loads(answer))


async def carry_out(order: Load) -> Loaded:
    """Carry out a load in this process."""
    spans: list[float] = []
    config = load_config(Path(order.kubeconfig))
    async with Client(config, max_in_flight=order.workers, user_agent=AGENT) as client:
        # Connections are made before the clock starts: their handshakes are not what is asked about.
        await asyncio.gather(*(client.request("GET", "/api/v1") for _ in range(order.workers)))
        queue: asyncio.Queue[str | None] = asyncio.Queue()

        async def work() -> None:
            while (name := await queue.get()) is not None:
                uid = ""
                for step in order.steps:
                    method, path, body = step.request(name, uid)
                    asked = time.monotonic()
                    answer = await client.request(method, path, body=body, content_type=_CONTENT[method])
                    spans.append((time.monotonic() - asked) * 1000)
                    uid = uid or answer["metadata"]["uid"]

        cpu = time.process_time()
        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for _ in range(order.workers):
                group.create_task(work())
            for number, name in enumerate(order.names):
                if order.rate:
                    await asyncio.sleep(max(0.0, began + number / order.rate - time.monotonic()))
                queue.put_nowait(name)
            for _ in range(order.workers):
                queue.put_nowait(None)
        ended = time.monotonic()
    return Loaded(began, ended, len(spans), quantile(spans, 0.5), quantile(spans, 0.99), time.process_time() - cpu)


if __name__ == "__main__":
    print(json.dumps(asdict(asyncio.run(carry_out(Load.from_json(json.load(sys.stdin)))))))
