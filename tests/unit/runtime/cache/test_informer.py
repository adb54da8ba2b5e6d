# SPDX-License-Identifier: Apache-2.0
"""An informer survives every fault of a LIST or a watch, and ends at the truth."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

import pytest

from mlops_operator.api.meta import Key, Manifest
from mlops_operator.kube.client import Client
from mlops_operator.kube.resources import JOBS, TRAINING_JOBS
from mlops_operator.runtime.cache import informer as informer_module
from mlops_operator.runtime.cache import watch_health
from mlops_operator.runtime.cache.cache import Cache
from mlops_operator.runtime.cache.index import Index
from mlops_operator.runtime.cache.informer import Informer
from mlops_operator.runtime.cache.watch import Watch, World, owner_keys
from mlops_operator.runtime.work.controller import Rule
from mlops_operator.runtime.work.plan import Plan, Read, Rejection
from tests.harness.stub_server import Answer, StubServer, failure, listing, status, stream, stub_server
from tests.harness.waiting import eventually


class Controller:
    resource = TRAINING_JOBS
    watches: Sequence[Watch] = (Watch(resource=JOBS, keys=owner_keys(TRAINING_JOBS), label_selector="mine"),)
    indexes: Sequence[Index] = ()
    rules: Sequence[Rule] = ()

    def reads(self, obj: Manifest, world: World, now: datetime) -> Sequence[Read]:
        return ()

    def plan(self, obj: Manifest, world: World, reads: Mapping[Read, Sequence[Manifest]], now: datetime) -> Plan:
        return Plan()

    def rejected(self, obj: Manifest, rejection: Rejection, now: datetime) -> Plan:
        return Plan()


def job(name: str, version: int) -> Manifest:
    metadata = {"name": name, "namespace": "ns", "uid": f"uid-{name}", "resourceVersion": str(version)}
    return {"metadata": {**metadata, "labels": {"mine": ""}}}


def added(name: str, version: int) -> Manifest:
    return {"type": "ADDED", "object": job(name, version)}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(informer_module, "FIRST_BACKOFF", 0.005)
    monkeypatch.setattr(watch_health, "SHORTEST_WATCH", 0.0)


@asynccontextmanager
async def informing(server: StubServer, **options: float) -> AsyncIterator[Cache]:
    cache = Cache([Controller()])
    async with Client(server.config()) as client:
        task = asyncio.create_task(Informer(client, cache, JOBS, **options).run())  # type: ignore[arg-type]
        try:
            yield cache
        finally:
            task.cancel()
            results = await asyncio.gather(task, return_exceptions=True)
            assert isinstance(results[0], asyncio.CancelledError), "an informer never ends by itself"


async def has(cache: Cache, *names: str) -> None:
    async def found() -> set[str]:
        return {key.name for key in cache.store(JOBS)}

    await eventually(found, lambda present: present == set(names), within=5)


@pytest.fixture
async def server() -> AsyncIterator[StubServer]:
    async with stub_server() as server:
        yield server


HANG = stream(then="hang")


async def test_it_lists_then_watches_from_there(server: StubServer) -> None:
    server.on("GET", listing(10, job("a", 3)))
    server.on("WATCH", stream(added("b", 11), then="hang"))
    async with informing(server) as cache:
        await has(cache, "a", "b")
    assert "labelSelector=mine" in server.requests[0][1]
    assert "resourceVersion=10" in server.requests[1][1]


async def test_a_quiet_end_goes_on_from_the_last_version(server: StubServer) -> None:
    bookmark = {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "15"}}}
    server.on("GET", listing(10))
    server.on("WATCH", stream(added("a", 11), bookmark), stream(added("b", 16), then="hang"))
    async with informing(server) as cache:
        await has(cache, "a", "b")
    assert server.names() == ["GET", "WATCH", "WATCH"]
    assert "resourceVersion=15" in server.requests[2][1]


@pytest.mark.parametrize(
    "fault",
    [
        stream(added("a", 11), then="cut"),
        stream(added("a", 11), b'{"type"'),
        stream(added("a", 11), b"rubbish\n"),
        stream(added("a", 11), then="hang"),
        stream(added("a", 11), {"type": "ERROR", "object": status(500)}),
        stream(added("a", 11), {"type": "ERROR", "object": status(429, retryAfterSeconds=0)}),
        stream(added("a", 11), {"type": "ERROR", "object": status(403)}),
    ],
    ids=["cut", "half a line", "rubbish", "silence", "ERROR 500", "ERROR 429", "ERROR 403"],
)
async def test_a_broken_watch_goes_on_from_what_it_had(server: StubServer, fault: Answer) -> None:
    server.on("GET", listing(10))
    server.on("WATCH", fault, stream(added("b", 12), then="hang"))
    async with informing(server, silence=0.2) as cache:
        await has(cache, "a", "b")
    assert server.names()[:3] == ["GET", "WATCH", "WATCH"]
    assert "resourceVersion=11" in server.requests[2][1]


@pytest.mark.parametrize(
    "fault",
    [stream({"type": "ERROR", "object": status(410, "Expired")}), failure(410, "Expired")],
    ids=["as an event", "as an answer"],
)
async def test_a_forgotten_past_is_listed_anew_and_what_vanished_is_found(server: StubServer, fault: Answer) -> None:
    server.on("GET", listing(10, job("a", 3), job("b", 4)), listing(20, job("b", 4)))
    server.on("WATCH", fault, HANG)
    async with informing(server) as cache:
        await has(cache, "b")
    assert server.names() == ["GET", "WATCH", "GET", "WATCH"]


@pytest.mark.parametrize("code", [404, 403, 429, 500, 503, 504])
async def test_a_refused_list_is_tried_again(server: StubServer, code: int) -> None:
    server.on("GET", failure(code), failure(code), listing(10, job("a", 3)))
    server.on("WATCH", HANG)
    async with informing(server) as cache:
        await has(cache, "a")


@pytest.mark.parametrize("code", [404, 403, 500, 504])
async def test_a_refused_watch_is_tried_again(server: StubServer, code: int) -> None:
    server.on("GET", listing(10))
    server.on("WATCH", failure(code), failure(code), stream(added("a", 11), then="hang"))
    async with informing(server) as cache:
        await has(cache, "a")


async def test_a_watch_that_finds_no_resource_is_followed_by_a_list(server: StubServer) -> None:
    server.on("GET", listing(10, job("a", 3)), listing(20, job("b", 15)))
    server.on("WATCH", failure(404, "NotFound"), stream(then="hang"))
    async with informing(server) as cache:
        await has(cache, "b")
        assert server.names()[:3] == ["GET", "WATCH", "GET"], "only a LIST can tell that it is there again"


async def test_a_list_that_outlived_its_token_is_asked_for_in_one(server: StubServer) -> None:
    server.on("GET", listing(10, job("a", 3), more="next"), failure(410, "Expired"), listing(12, job("b", 4)))
    server.on("WATCH", HANG)
    async with informing(server) as cache:
        await has(cache, "b")
    assert "limit" not in server.requests[2][1]


async def test_it_lists_again_from_time_to_time(server: StubServer) -> None:
    server.on("GET", listing(10, job("a", 3)), listing(20))
    server.on("WATCH", stream())
    async with informing(server, resync=1.5) as cache:
        await has(cache, "a")
        await has(cache)


async def test_a_missing_resource_is_waited_for(server: StubServer, caplog: pytest.LogCaptureFixture) -> None:
    server.on("GET", failure(404, "NotFound"), failure(404, "NotFound"), listing(10, job("a", 3)))
    server.on("WATCH", HANG)
    async with informing(server) as cache:
        await has(cache, "a")
    told = [record.message for record in caplog.records if "missing" in record.message]
    assert len(told) == 1, "said once, not at every try"


async def test_a_kind_watched_elsewhere_is_listed_only_after_that_watch_began(server: StubServer) -> None:
    server.on("GET", listing(10, job("a", 3)))
    cache = Cache([Controller()])
    async with Client(server.config()) as client:
        informer = Informer(client, cache, JOBS, watched=False)
        task = asyncio.create_task(informer.run())
        await asyncio.sleep(0.05)
        assert server.names() == []
        informer.relist()
        await has(cache, "a")
        informer.relist()
        await eventually(lambda: requests(server), lambda names: names == ["GET", "GET"])
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def requests(server: StubServer) -> list[str]:
    return server.names()


def test_jobs_of_others_are_not_taken() -> None:
    cache = Cache([Controller()])
    other = job("x", 5)
    other["metadata"]["labels"] = {}
    cache.observe(JOBS, other)
    assert cache.get(JOBS, Key("ns", "x")) is None
