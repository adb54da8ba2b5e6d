# SPDX-License-Identifier: Apache-2.0
"""The lease is renewed for as long as the main event loop beats, and its thread ends with the process."""

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest

from mlops_operator.kube.client import Client
from mlops_operator.runtime import election as election_module
from mlops_operator.runtime import lease_thread as lease_thread_module
from mlops_operator.runtime.election import Election, LeadershipLost
from mlops_operator.runtime.lease_thread import HEARTBEAT, HEARTBEAT_LIMIT, Heartbeat, LeaseThread
from tests.harness.stub_server import StubServer, failure, stub_server
from tests.unit.runtime.test_election import ME, OTHER, OURS, lease


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def server() -> AsyncIterator[StubServer]:
    async with stub_server() as server:
        yield server


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(election_module, "RETRY_PERIOD", 0.1)


@pytest.mark.parametrize(("age", "fresh"), [(HEARTBEAT_LIMIT - 0.1, True), (HEARTBEAT_LIMIT, False), (61.0, False)])
def test_a_heartbeat_is_fresh_for_its_limit(age: float, fresh: bool) -> None:
    clock = Clock()
    heartbeat = Heartbeat(clock)
    clock.now += 1000
    heartbeat.beat()
    clock.now += age
    assert heartbeat.fresh() is fresh


def test_a_loop_that_beats_in_time_is_never_taken_for_one_that_hangs() -> None:
    assert HEARTBEAT < HEARTBEAT_LIMIT
    assert HEARTBEAT_LIMIT > election_module.LEASE_DURATION, "a pause that others would have to bear is no hang"


async def test_the_loop_beats_for_as_long_as_it_runs(server: StubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease_thread_module, "HEARTBEAT", 0.01)
    beats: list[None] = []
    beaten_thrice = asyncio.Event()

    def count(_: Heartbeat) -> None:
        beats.append(None)
        if len(beats) == 3:
            beaten_thrice.set()

    monkeypatch.setattr(Heartbeat, "beat", count)
    thread = LeaseThread(server.config(), namespace="ns", name="lease", identity=ME)
    beating = asyncio.create_task(thread.beat())
    async with asyncio.timeout(10):
        await beaten_thrice.wait()
    beating.cancel()


async def test_without_a_heartbeat_the_lease_is_not_renewed(server: StubServer) -> None:
    server.on("GET", OURS)
    server.on("PUT", OURS)
    alive = True
    async with Client(server.config()) as client:
        leader = Election(client, namespace="ns", name="lease", identity=ME, alive=lambda: alive)
        await leader.acquire()
        holding = asyncio.create_task(leader.hold())
        await asyncio.sleep(0.35)
        renewed = server.names().count("PUT")
        assert renewed >= 2
        alive = False
        with pytest.raises(LeadershipLost, match="hangs"):
            await holding
        assert not leader.leading()
        assert server.names().count("PUT") <= renewed + 1


async def test_a_process_that_hangs_does_not_take_the_lease(server: StubServer) -> None:
    server.on("GET", failure(404, "NotFound"))
    async with Client(server.config()) as client:
        follower = Election(client, namespace="ns", name="lease", identity=ME, alive=lambda: False)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await follower.acquire()
    assert server.names() == []


def keeper(server: StubServer) -> LeaseThread:
    return LeaseThread(server.config(), namespace="ns", name="lease", identity=ME)


def threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "lease"}


async def test_the_thread_takes_renews_and_gives_back(server: StubServer) -> None:
    server.on("GET", OURS)
    server.on("PUT", OURS)
    keep = keeper(server)
    assert not keep.leading()
    await keep.acquire()
    assert keep.leading()
    await asyncio.sleep(0.35)
    assert server.names().count("PUT") >= 3
    await keep.release()
    assert not keep.leading()
    assert server.bodies[-1]["spec"]["holderIdentity"] == ""


async def test_a_lease_that_another_takes_ends_the_wait(server: StubServer) -> None:
    server.on("GET", OURS, lease(OTHER, "9"))
    server.on("PUT", OURS, failure(409, "Conflict"))
    keep = keeper(server)
    await keep.acquire()
    with pytest.raises(LeadershipLost, match=OTHER):
        await keep.hold()
    assert not keep.leading()
    writes = server.names().count("PUT")
    await keep.release()
    assert server.names().count("PUT") == writes, "what is not ours is not given back"


async def test_a_follower_that_is_told_to_stop_ends_its_thread(server: StubServer) -> None:
    before = threads()
    server.on("GET", lease(OTHER, "9"))
    keep = keeper(server)
    waiting = asyncio.create_task(keep.acquire())
    await asyncio.sleep(0.2)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await keep.release()
    for _ in range(100):
        if not threads() - before:
            break
        await asyncio.sleep(0.02)
    assert not threads() - before
    assert "PUT" not in server.names()


async def test_one_that_is_released_before_it_began_does_nothing(server: StubServer) -> None:
    await keeper(server).release()
    keep = keeper(server)
    waiting = asyncio.create_task(keep.acquire())
    await asyncio.sleep(0)
    await keep.release()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert "PUT" not in server.names()


async def test_what_the_thread_fails_with_is_raised(server: StubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(_self: Election) -> None:
        raise OSError("no sockets left")

    monkeypatch.setattr(Election, "acquire", broken)
    with pytest.raises(OSError, match="no sockets left"):
        await keeper(server).acquire()
