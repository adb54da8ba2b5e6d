# SPDX-License-Identifier: Apache-2.0
"""Given watches that say nothing, or no bookmarks, then what happened meanwhile is found, and nothing is written."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
import pytest_asyncio

from localcluster import Cluster
from mlops_operator.kube.resources import TRAINING_JOBS
from mlops_operator.kube.watch import BOOKMARK, SILENCE
from tests.faults.watches import impatient
from tests.faults.watches.stage import SEEN, Stage, Trouble, stage
from tests.harness.proxy import Call, Interceptor, Line
from tests.harness.stub_server import stream

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def on(control_plane: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """A process that takes a watch for dead after three seconds."""
    folder = tmp_path_factory.mktemp("silence")
    async with stage(control_plane, folder, module=impatient.__name__) as found:
        yield found


class Silence(Interceptor):
    """Watches that run, and those begun from now on, deliver nothing until `over`."""

    def __init__(self) -> None:
        self.over = asyncio.Event()
        self.held = 0

    async def deliver(self, call: Call, line: Line) -> Sequence[bytes]:
        if not self.over.is_set():
            self.held += 1
            await asyncio.Event().wait()  # this watch is dead, and stays so
        return (line.raw,)


class NoBookmarks(Interceptor):
    """Watches without the lines that only move the version on."""

    async def deliver(self, call: Call, line: Line) -> Sequence[bytes]:
        return () if line.type == BOOKMARK else (line.raw,)


async def miss_and_find(on: Stage, *, silent: float, silence: float) -> None:
    """A change is made while all watches are silent; it is found once these count as dead."""
    trouble = Silence()
    on.wire.interceptors.append(trouble)
    try:
        await on.create(TRAINING_JOBS, "unseen", {"image": "example.test/train:1"})
        await asyncio.sleep(silent)
        assert trouble.held > 0
        assert "phase" not in ((await on.get(TRAINING_JOBS, "unseen")).get("status") or {}), "it was seen after all"
    finally:
        trouble.over.set()
    await on.phase(TRAINING_JOBS, "unseen", "Succeeded", within=silence + SEEN)
    assert on.process.child.returncode is None
    on.wire.interceptors.remove(trouble)


@pytest.mark.deep
async def test_watches_that_fall_silent_count_as_dead(on: Stage) -> None:
    await miss_and_find(on, silent=2 * impatient.SILENCE, silence=impatient.SILENCE)


@pytest.mark.deep
async def test_watches_that_open_and_say_nothing(on: Stage) -> None:
    endured = await on.endure(Trouble(stream(then="hang")), seconds=4 * impatient.SILENCE)
    assert endured.restarts == 0, "kopf takes silence for a reason to watch again, not to end"
    assert max(endured.asked.values()) <= 6, "one watch after the other, each for the limit of silence"


@pytest.mark.deep
async def test_without_bookmarks_quiet_watches_begin_again_from_where_they_were(on: Stage) -> None:
    without = NoBookmarks()
    on.wire.interceptors.append(without)
    try:
        await asyncio.sleep(3 * impatient.SILENCE)
        assert await on.restarts() == 0
        await on.train()
    finally:
        on.wire.interceptors.remove(without)


@pytest.mark.deep
async def test_the_true_limit_of_silence(control_plane: Cluster, tmp_path: Path) -> None:
    async with stage(control_plane, tmp_path) as on:
        await miss_and_find(on, silent=SILENCE - 5.0, silence=SILENCE)
