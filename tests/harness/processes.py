# SPDX-License-Identifier: Apache-2.0
"""The operator as a process of its own, as it runs in a pod: a fresh interpreter, a log, probes and metrics."""

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp

from tests.harness.proxy import Proxy
from tests.harness.waiting import eventually

ROOT: Final = Path(__file__).resolve().parents[2]


@dataclass(eq=False)
class Process:
    """A running operator."""

    child: asyncio.subprocess.Process
    log: Path

    async def url(self) -> str:
        """Where it listens, as its first log line says."""
        line = await eventually(self._first_line, within=30)
        return f"http://127.0.0.1:{json.loads(line)['port']}"

    async def get(self, path: str) -> tuple[int, str]:
        async with aiohttp.ClientSession() as session, session.get(await self.url() + path) as response:
            return response.status, await response.text()

    async def ready(self) -> bool:
        return (await self.get("/readyz"))[0] == 200

    async def missing(self) -> dict[str, str]:
        """What readiness says is missing, by its checks; empty where it is ready."""
        checks: dict[str, str] = json.loads((await self.get("/readyz"))[1])["checks"]
        return {name: found for name, found in checks.items() if found != "ok"}

    async def metric(self, name: str) -> float:
        """The value of a metric without labels, or the sum over them."""
        return sum((await self.by_labels(name)).values())

    async def by_labels(self, name: str) -> dict[str, float]:
        """The values of a metric, by the text of their labels."""
        _, text = await self.get("/metrics")
        found = re.findall(rf"^{name}(?:{{([^}}]*)}})? (\S+)$", text, re.MULTILINE)
        return {labels: float(value) for labels, value in found}

    async def leads(self) -> bool:
        return await self.metric("leader_election_master_status") == 1

    async def ends(self, *, within: float = 15.0) -> int:
        async with asyncio.timeout(within):
            return await self.child.wait()

    async def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self.child.kill()
        await self.child.wait()

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def messages(self, *levels: str) -> list[str]:
        """What it logged, of these levels."""
        return [line["msg"] for line in self.lines() if line["level"] in levels]

    async def _first_line(self) -> str:
        text = self.log.read_text()
        assert self.child.returncode is None, text
        return text.splitlines()[0] if "\n" in text else ""


@asynccontextmanager
async def operator_process(
    kubeconfig: Path, log: Path, *arguments: str, pod: str | None = None, module: str = "mlops_operator"
) -> AsyncIterator[Process]:
    """A process that runs while it is entered.

    Args:
        kubeconfig: how it reaches the API server.
        log: file for its standard error.
        arguments: of `mlops-operator run`, beside that and a free port for its probes.
        pod: the name it has from its pod.
        module: what is run in place of the operator's own command line.
    """
    command = [sys.executable, "-m", module, "run", "--kubeconfig", str(kubeconfig)]
    command += ["--metrics-bind-address", "127.0.0.1:0", *arguments]
    path = os.pathsep.join((str(ROOT / "operator"), str(ROOT)))
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONWARNINGS": "default"}
    if pod is not None:
        environment["POD_NAME"] = pod
    with log.open("wb") as output:
        child = await asyncio.create_subprocess_exec(*command, stderr=output, env=environment)
    try:
        yield Process(child, log)
    finally:
        if child.returncode is None:
            child.send_signal(signal.SIGCONT)
            child.kill()
            await child.wait()


def kubeconfig_through(proxy: Proxy, path: Path) -> Path:
    """Write a kubeconfig that leads to the API server through a proxy; returns its path."""
    named = {"name": "proxy"}
    path.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [named | {"cluster": {"server": proxy.url}}],
                "users": [named | {"user": {}}],
                "contexts": [named | {"context": {"cluster": "proxy", "user": "proxy"}}],
                "current-context": "proxy",
            }
        )
    )
    return path
