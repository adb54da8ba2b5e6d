# SPDX-License-Identifier: Apache-2.0
"""One kind's campaign: an operator, places side by side, and the segments shared out among them."""

import asyncio
import json
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final
from uuid import uuid4

from localcluster import Cluster
from mlops_operator.api.meta import Manifest
from mlops_operator.kube.client import Client
from mlops_operator.kube.config import load_config
from mlops_operator.kube.errors import NotFound
from tests.faults.campaigns import operator
from tests.faults.campaigns.fresh import Fresh
from tests.faults.campaigns.grounds import Ground
from tests.faults.campaigns.journal import Journal
from tests.faults.campaigns.place import Place
from tests.faults.campaigns.plan import Segment, dump
from tests.faults.campaigns.report import Results
from tests.faults.campaigns.walk import Walker
from tests.harness.audit import Request
from tests.harness.crds import install_crds
from tests.harness.kubelet import SUCCEED, Behaviour, FakeKubelet
from tests.harness.namespaces import NAMESPACES, make_namespace
from tests.harness.processes import Process, operator_process
from tests.harness.waiting import eventually
from tests.integration.workshop import Workshop

WALKERS: Final = 14
"""Objects that walk side by side; as many places make the objects they are compared with."""

RESYNC: Final = "5s"
"""Every end is seen to stay through LISTs too."""


@dataclass(frozen=True)
class Stage:
    """What campaigns share: a control plane with the product's kinds, and a kubelet that plays all pods."""

    cluster: Cluster
    client: Client
    journal: Journal


@asynccontextmanager
async def stage(cluster: Cluster) -> AsyncIterator[Stage]:
    """A control plane made ready for campaigns; nobody else's operator may run on it."""
    async with Client(load_config(cluster.kubeconfig), user_agent="campaign") as client:
        await install_crds(client)
        async with Journal(cluster) as journal, FakeKubelet(client, partial(_behave, Workshop(client, ""))):
            yield Stage(cluster, client, journal)


async def run(
    stage: Stage,
    ground: Ground,
    segments: Sequence[Segment],
    *,
    seed: int,
    output: Path,
    walkers: int = WALKERS,
    beside: bool = False,
) -> Results:
    """Walk the segments; a failing one is left in `output` as a plan file to be replayed.

    Args:
        stage: where.
        ground: of the kind.
        segments: shared out among the walkers.
        seed: for the record.
        output: folder of plan files.
        walkers: objects side by side.
        beside: whether other kinds walk at the same time, so that the operator keeps to its own namespaces;
            for few of them, since each has watches of its own.
    """
    results = Results(ground.resource.kind, seed)
    began, known = time.monotonic(), len(stage.journal.failures)
    walkers = min(walkers, len(segments))
    names = [f"c-{uuid4().hex[:8]}" for _ in range(2 * walkers)]
    async with (
        _namespaces(stage.client, names),
        _operator(stage.cluster, ground, names if beside else ()) as process,
    ):
        places = [Place(stage.client, name, ground, stage.journal) for name in names]
        await asyncio.gather(*(place.prepare() for place in places))
        fresh = Fresh(places[walkers:])
        queue = list(reversed(segments))

        async def work(place: Place) -> None:
            walker = Walker(place, fresh, results)
            await walker.begin(ground.cases["base"])
            while queue:
                segment = queue.pop()
                if not await walker.walk(segment):
                    _keep(ground, segment, output)

        found = await asyncio.gather(*(work(place) for place in places[:walkers]), return_exceptions=True)
        for error in found:
            if isinstance(error, AssertionError):
                results.failures.append(f"0 before the first transition: {error}")
            elif error is not None:
                raise error
        results.failures += [f"0 {problem}" for problem in await _problems(process, stage.journal.failures[known:])]
    results.seconds = time.monotonic() - began
    return results


def _behave(players: Workshop, pod: Manifest) -> Behaviour:
    """As the workshop's pods; where a spec has taken away what they report by, a pod just ends well."""
    try:
        return players.behave(pod)
    except (KeyError, ValueError, StopIteration):
        return SUCCEED


@asynccontextmanager
async def _operator(cluster: Cluster, ground: Ground, namespaces: Sequence[str]) -> AsyncIterator[Process]:
    log = Path(tempfile.mkdtemp(prefix="mlops-campaign-")) / "operator.log"
    arguments = ["--no-leader-elect", f"--resync={RESYNC}", operator.CHOSEN + ",".join(ground.controllers)]
    arguments += [f"--namespace={name}" for name in namespaces]
    async with operator_process(cluster.kubeconfig, log, *arguments, module=operator.__name__) as process:
        await eventually(process.ready, within=60.0, every=0.1)
        yield process


@asynccontextmanager
async def _namespaces(client: Client, names: Sequence[str]) -> AsyncIterator[None]:
    try:
        await asyncio.gather(*(make_namespace(client, name) for name in names))
        yield
    finally:
        for name in names:
            with suppress(NotFound):
                await client.delete(NAMESPACES, namespace=None, name=name)


async def _problems(process: Process, answers: Sequence[Request]) -> list[str]:
    """What nobody may find afterwards: an operator that ended, its complaints, an API server that failed."""
    if (code := process.child.returncode) is not None:
        return [f"the operator ended by itself with exit code {code}"]
    found = [] if await process.ready() else [f"the operator is not ready: {await process.missing()}"]
    for line in process.log.read_text().splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            found.append(f"the operator printed: {line}")
            continue
        if entry["level"] in ("error", "critical") or "Traceback" in line:
            found.append(f"the operator logged: {line[:1500]}")
    found += [f"the API server failed: {request}" for request in answers if not _untyped(request)]
    return found


def _untyped(request: Request) -> bool:
    """Whether a 500 may be the API server's answer to an apply of what is no Deployment at all.

    It has no other for that. That the operator does not repeat it shows in that it comes to rest.
    """
    return (request.verb, request.resource, request.code) == ("patch", "deployments", 500)


def _keep(ground: Ground, segment: Segment, output: Path) -> None:
    folder = output / "campaigns"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{ground.resource.plural}-{segment[0].number}.yaml"
    file.write_text(dump(ground.resource.kind, segment))
