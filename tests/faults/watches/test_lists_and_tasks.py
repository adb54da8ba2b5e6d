# SPDX-License-Identifier: Apache-2.0
"""Given LISTs that fail, or tasks of kopf's that die, then kopf is started again in the process that stays."""

import json
import signal
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aiohttp import web

from localcluster import Cluster
from tests.faults.watches import impatient
from tests.faults.watches.endings import ENDINGS
from tests.faults.watches.stage import SEEN, Stage, Trouble, stage
from tests.harness.proxy import watches
from tests.harness.stub_server import Answer, failure, status, stream
from tests.harness.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

EXPIRED = json.dumps({"type": "ERROR", "object": status(410, "Expired")}).encode() + b"\n"
"""The last line of a watch after which a LIST has to be made."""

MINUTE = 65.0
"""Seconds for which LISTs fail: kopf's own tries are over long before."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def on(control_plane: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """A process whose tasks of kopf's can be killed."""
    async with stage(control_plane, tmp_path_factory.mktemp("lists"), module=impatient.__name__) as found:
        yield found


def expired(refused: Answer) -> Answer:
    """Watches say that the past is forgotten, LISTs are refused."""
    forgotten = stream(EXPIRED)

    async def answer(request: web.Request) -> web.StreamResponse:
        return await (forgotten if watches(request) else refused)(request)

    return answer


def reads(request: web.Request) -> bool:
    return True


@pytest.mark.deep
@pytest.mark.parametrize("of", [(), ("trainingjobs",), ("jobs",)], ids=["all", "a kind of ours", "children"])
@pytest.mark.parametrize("code", [404, 500, 403, 429])
async def test_lists_that_are_refused(on: Stage, of: tuple[str, ...], code: int) -> None:
    reason = {404: "NotFound", 403: "Forbidden", 429: "TooManyRequests"}.get(code, "")
    endured = await on.endure(Trouble(expired(failure(code, reason)), sort=reads, of=of, end=EXPIRED), seconds=8.0)
    assert endured.told, "readiness said nothing"
    if code == 404:
        assert any("not known to the API server" in told for told in endured.told), endured.told


@pytest.mark.deep
@pytest.mark.parametrize("answer", [failure(500), None], ids=["500", "no answer"])
async def test_a_minute_of_failing_lists(on: Stage, answer: Answer | None) -> None:
    trouble = Trouble(expired(answer) if answer is not None else None, sort=reads, end=EXPIRED)
    endured = await on.endure(trouble, seconds=MINUTE)
    assert endured.told
    print(f"asked in {MINUTE:.0f} s: {sum(endured.asked.values())} reads, {endured.restarts} restarts of kopf")


@pytest.mark.deep
async def test_each_of_kopfs_tasks_dies(on: Stage) -> None:
    """kopf ends and is started again, or goes on without: a change is seen either way."""
    pid = on.process.child.pid
    before = await on.restarts()
    killed: list[str] = []
    while len(killed) == len(set(killed)):
        number = len(killed)
        on.process.child.send_signal(signal.SIGUSR1)

        async def dead(number: int = number) -> list[str]:
            return [line["task"] for line in on.process.lines() if line["msg"] == "killed"][number:]

        killed += await eventually(dead, within=SEEN)

        await on.train()
    assert on.process.child.pid == pid
    assert len(set(killed)) >= 5, killed
    assert await on.restarts() - before >= 3, "most of them are the end of kopf"
    print("killed one by one:", ", ".join(sorted(set(killed))))


async def test_kopf_dies_of_a_watch_and_of_a_task_of_its_own(on: Stage) -> None:
    """The short form: one watch that kills kopf, one of its tasks that is killed."""
    before = await on.restarts()
    on.process.child.send_signal(signal.SIGUSR1)

    async def restarted() -> bool:
        return await on.restarts() > before

    await eventually(restarted, within=SEEN)
    ending = ENDINGS["ERROR 403"]
    endured = await on.endure(Trouble(ending.answer, end=ending.end, of=("trainingjobs",)), seconds=3.0)
    assert endured.restarts > 0
    assert "jobs" not in endured.asked
