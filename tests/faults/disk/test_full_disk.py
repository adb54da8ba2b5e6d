# SPDX-License-Identifier: Apache-2.0
"""Given TrainingJobs under way, when the disk under etcd is full for a while, then none is lost, doubled or stuck."""

import asyncio
import os
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from localcluster import Cluster
from localcluster.paths import state_home
from mlops_operator.api.meta import Manifest
from mlops_operator.kube.client import Client
from mlops_operator.kube.config import load_config
from mlops_operator.kube.errors import ServerError, Unreachable
from mlops_operator.kube.resources import JOBS, OWN, TRAINING_JOBS
from tests.faults.disk.small import SmallDisk, may_mount, small_disk
from tests.faults.history import History
from tests.faults.invariants import violations
from tests.faults.recorder import Recorder
from tests.faults.trace import Trace
from tests.harness.clusters import own_cluster
from tests.harness.crds import install_crds
from tests.harness.kubelet import Behaviour, FakeKubelet
from tests.harness.namespaces import make_namespace
from tests.harness.processes import kubeconfig_through, operator_process
from tests.harness.proxy import proxy
from tests.harness.waiting import eventually
from tests.integration.workshop import Workshop

PURPOSE: Final = "disk"

SIZE: Final = 192
"""MiB: etcd reserves two segments of 64 MiB for its log before it needs anything for its data."""

BEFORE: Final = 10
"""TrainingJobs that are under way when the disk becomes full."""

AT_MOST: Final = 500
"""TrainingJobs that are asked for on a full disk until one is refused."""

PADDING: Final = "x" * 4096
"""Makes a TrainingJob large, so that etcd soon needs another page."""

RUN_FOR: Final = 2.0
"""Seconds that a training takes."""

START: Final = 60.0
"""Seconds that the operator may take to be ready on a busy machine, and etcd to notice."""

CONVERGENCE: Final = 30.0
"""Seconds from the control plane's return within which the cluster has to match."""

RESYNC: Final = 3
"""Seconds between two LISTs of each resource."""

pytestmark = [
    pytest.mark.deep,
    pytest.mark.timeout(400),
    pytest.mark.skipif(not may_mount(), reason="a small disk for etcd has to be mounted, which needs CAP_SYS_ADMIN"),
]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path / "disk", SIZE) as disk:
        yield disk


@pytest.fixture
def cluster(disk: SmallDisk) -> Iterator[Cluster]:
    """A control plane of the test's own whose etcd has the small disk for its data."""
    folder = state_home() / f"{PURPOSE}-{os.getpid()}"
    folder.mkdir(parents=True)
    (folder / "etcd").symlink_to(disk.data)
    with own_cluster(PURPOSE) as cluster:
        assert cluster.folder == folder
        yield cluster


class Work(Workshop):
    """The TrainingJobs of one namespace."""

    async def train(self, name: str) -> None:
        spec = {"image": "example.test/train:1", "env": [{"name": "PADDING", "value": PADDING}]}
        await self.create(TRAINING_JOBS, name, spec)

    async def train_until_refused(self) -> list[str]:
        """The names of those that were taken before the first was not; it may have been stored all the same."""
        taken: list[str] = []
        for number in range(AT_MOST):
            try:
                async with asyncio.timeout(START):
                    await self.train(f"during-{number}")
            except (ServerError, Unreachable, TimeoutError) as error:
                print(f"refused after {number}: {error!r}")
                return taken
            taken.append(f"during-{number}")
        raise AssertionError(f"{AT_MOST} TrainingJobs were taken although the disk is full")

    async def unfinished(self) -> list[str]:
        """Names of those that have not succeeded."""
        return [
            obj["metadata"]["name"]
            for obj in await self.all(TRAINING_JOBS)
            if (obj.get("status") or {}).get("phase") != "Succeeded"
        ]


def behave(pod: Manifest) -> Behaviour:
    return Behaviour(run_for=RUN_FOR)


async def test_full_disk_under_etcd_loses_doubles_and_stops_nothing(
    cluster: Cluster, disk: SmallDisk, tmp_path: Path
) -> None:
    config = load_config(cluster.kubeconfig)
    async with Client(config, user_agent="test") as client, proxy(config) as wire:
        await install_crds(client)
        trace = Trace()
        wire.interceptors.append(trace)
        work = Work(client, "full-disk")
        await make_namespace(client, work.namespace)
        kubeconfig = kubeconfig_through(wire, tmp_path / "kubeconfig")
        options = (f"--namespace={work.namespace}", "--no-leader-elect", f"--resync={RESYNC}s")
        async with (
            Recorder(client, gaps=True) as recorder,
            FakeKubelet(client, behave, namespace=work.namespace),
            operator_process(kubeconfig, tmp_path / "operator.log", *options) as process,
        ):
            await eventually(process.ready, within=START, every=0.2)
            pid = process.child.pid
            for number in range(BEFORE):
                await work.train(f"before-{number}")

            filled = disk.fill()
            taken = await work.train_until_refused()
            await eventually(lambda: _ended(cluster, "etcd"), within=START, every=0.1)
            refused = await eventually(lambda: _troubled(trace), within=START, every=0.1)
            print(f"{filled >> 20} MiB filled, {len(taken)} TrainingJobs taken on the full disk, {refused} writes lost")

            disk.free()
            await asyncio.to_thread(cluster.up)
            back = time.monotonic()
            for number in range(BEFORE):
                await work.train(f"after-{number}")
            await eventually(work.unfinished, lambda left: not left, within=CONVERGENCE, every=0.2)
            print(f"all had ended {time.monotonic() - back:.1f} s after the control plane was back")

            there = {obj["metadata"]["name"]: obj["metadata"]["uid"] for obj in await work.all(TRAINING_JOBS)}
            asked = {f"{when}-{number}" for when in ("before", "after") for number in range(BEFORE)}
            assert asked | set(taken) <= there.keys(), "what the API server had taken is gone"
            owners = Counter(job["metadata"]["ownerReferences"][0]["uid"] for job in await work.all(JOBS))
            assert owners == Counter(there.values())
            await _rests(trace)
            assert (process.child.pid, process.child.returncode) == (pid, None)
            assert await process.ready()
            assert process.messages("error", "critical") == []
            recorder.check()
            changes = recorder.changes(work.namespace)
            assert {change.object["metadata"]["uid"] for change in changes} >= set(there.values())
            assert violations(History(changes, trace.writes)) == []


async def _ended(cluster: Cluster, component: str) -> bool:
    return cluster.process(component) is None


async def _troubled(trace: Trace) -> int:
    """How many of the operator's writes were not carried out."""
    return sum(write.code is None or write.code >= 500 for write in trace.writes)


async def _rests(trace: Trace) -> None:
    """Nothing is written from one LIST of every kind to the next."""
    count, since = len(trace.writes), time.monotonic()

    async def listed() -> bool:
        return all(trace.listed.get(resource.plural, 0.0) > since for resource in OWN)

    await eventually(listed, within=START, every=0.1)
    assert [write.key for write in trace.writes[count:]] == []
