# SPDX-License-Identifier: Apache-2.0
"""What a reconciler does about a plan, and about everything that can go wrong with it."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web

from mlops_operator.api.meta import Key, Manifest
from mlops_operator.kube.client import Client
from mlops_operator.kube.resources import JOBS, TRAINING_JOBS
from mlops_operator.runtime.cache.cache import Cache
from mlops_operator.runtime.cache.index import Index
from mlops_operator.runtime.cache.watch import Watch, World
from mlops_operator.runtime.slices import SLICE
from mlops_operator.runtime.work.controller import Rule
from mlops_operator.runtime.work.executor import Executor
from mlops_operator.runtime.work.plan import Create, Plan, PodsOfJob, Read, Rejection
from mlops_operator.runtime.work.pod_reads import JOB_NAME
from mlops_operator.runtime.work.reads import Reads
from mlops_operator.runtime.work.reconciler import LONGEST_FAULT_RETRY, Reconciler
from tests.harness.stub_server import StubServer, failure, json_answer, listing, stub_server
from tests.harness.waiting import eventually
from tests.unit.runtime.test_slices import UNIT, Clock

NOW = datetime(2026, 1, 1, tzinfo=UTC)
KEY = Key("ns", "t")
PATH = TRAINING_JOBS.path(namespace="ns", name="t")


def training(version: int = 5, **more: Any) -> Manifest:
    metadata = {"name": "t", "namespace": "ns", "uid": "u", "resourceVersion": str(version), "generation": 1}
    return {"apiVersion": "x/v1", "kind": "TrainingJob", "metadata": metadata, "spec": {}, **more}


class Scripted:
    """A controller that plans what the test says."""

    resource = TRAINING_JOBS
    watches: Sequence[Watch] = ()
    indexes: Sequence[Index] = ()
    rules: Sequence[Rule] = ()

    def __init__(self) -> None:
        self.wanted: Sequence[Read] = ()
        self.seen: list[tuple[Manifest, Mapping[Read, Sequence[Manifest]]]] = []
        self.refusals: list[Rejection] = []
        self.make: Callable[[Manifest], Plan] = lambda obj: Plan()

    def reads(self, obj: Manifest, world: World, now: datetime) -> Sequence[Read]:
        return self.wanted

    def plan(self, obj: Manifest, world: World, reads: Mapping[Read, Sequence[Manifest]], now: datetime) -> Plan:
        self.seen.append((obj, reads))
        return self.make(obj)

    def rejected(self, obj: Manifest, rejection: Rejection, now: datetime) -> Plan:
        self.refusals.append(rejection)
        return Plan(status={"stalled": rejection.reason}, requeue_after=30.0)


class Bench:
    def __init__(self, server: StubServer, client: Client) -> None:
        self.server = server
        self.client = client
        self.controller = Scripted()
        self.cache = Cache([self.controller])
        self.slots = asyncio.Semaphore(2)
        self.reconciler = Reconciler(
            self.controller,
            cache=self.cache,
            reads=Reads(client, nodes=True),
            executor=Executor(client, self.cache, instance="test"),
            slots=self.slots,
            now=lambda: NOW,
        )
        self.cache.observe(TRAINING_JOBS, training())

    @property
    def queue(self) -> Any:
        return self.reconciler.queue

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Let the reconciler work while this is entered."""
        running = asyncio.create_task(self.reconciler.run())
        await asyncio.sleep(0)
        yield
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await self.reconciler.drain()
        assert self.slots._value == 2, "every slot was given back"

    async def turn(self) -> None:
        """Let the reconciler take what is in the queue now, to its end."""
        async with self.running():
            await eventually(self._idle, within=5, every=0.001)

    async def versions(self) -> list[str]:
        """The versions that were planned for so far."""
        return [obj["metadata"]["resourceVersion"] for obj, _ in self.controller.seen]

    async def _idle(self) -> bool:
        return not len(self.queue) and not self.queue.working_for()


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    async with stub_server() as server, Client(server.config()) as client:
        yield Bench(server, client)


CHILD: Manifest = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "c", "namespace": "ns"}}
CREATE = Create(resource=JOBS, manifest=CHILD)


async def test_a_plan_that_wants_nothing_costs_no_request(bench: Bench) -> None:
    await bench.turn()
    assert len(bench.controller.seen) == 1
    assert bench.server.requests == []


async def test_a_change_written_by_us_is_planned_for_once_more_and_then_it_rests(bench: Bench) -> None:
    bench.controller.make = lambda obj: Plan(status={"phase": "Done"})
    bench.server.on("PATCH", json_answer(training(6, status={"phase": "Done"})))
    await bench.turn()
    assert [obj["metadata"]["resourceVersion"] for obj, _ in bench.controller.seen] == ["5", "6"]
    assert bench.server.names() == ["PATCH"]


async def test_what_a_settled_plan_writes_is_not_planned_for_again(bench: Bench) -> None:
    bench.controller.make = lambda obj: Plan(actions=(CREATE,), status={"phase": "Done"}, final=True)
    bench.server.on("POST", json_answer({"metadata": {**CHILD["metadata"], "uid": "c", "resourceVersion": "6"}}))
    bench.server.on("PATCH", json_answer(training(7, status={"phase": "Done"})))
    await bench.turn()
    assert await bench.versions() == ["5"]
    bench.cache.observe(TRAINING_JOBS, training(8, status={"phase": "Done"}, spec={"changed": True}))
    await bench.turn()
    assert await bench.versions() == ["5", "8"]


async def test_what_others_change_while_a_settled_plan_is_carried_out_is_planned_for(bench: Bench) -> None:
    bench.controller.make = lambda obj: Plan(actions=(CREATE,), final=True)

    async def meanwhile(request: web.Request) -> web.StreamResponse:
        bench.controller.make = lambda obj: Plan()
        bench.cache.observe(TRAINING_JOBS, training(6, spec={"changed": True}))
        return await json_answer({"metadata": {**CHILD["metadata"], "uid": "c", "resourceVersion": "7"}})(request)

    bench.server.on("POST", meanwhile)
    await bench.turn()
    assert await bench.versions() == ["5", "6"]


async def test_an_object_on_its_way_out_is_not_planned_for(bench: Bench) -> None:
    going = training(6)
    going["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    bench.cache.observe(TRAINING_JOBS, going)
    await bench.turn()
    assert bench.controller.seen == []


async def test_an_object_that_is_gone_is_forgotten(bench: Bench) -> None:
    bench.queue.schedule(KEY, 60)
    bench.cache.observe_gone(TRAINING_JOBS, KEY, "u")
    await bench.turn()
    assert bench.controller.seen == []
    assert bench.queue.scheduled == 0


async def test_a_requeue_is_scheduled_and_cancelled_as_the_plan_says(bench: Bench) -> None:
    bench.controller.make = lambda obj: Plan(requeue_after=60.0)
    await bench.turn()
    assert bench.queue.scheduled == 1
    bench.controller.make = lambda obj: Plan()
    bench.queue.add(KEY)
    await bench.turn()
    assert bench.queue.scheduled == 0


async def test_pods_are_read_when_a_plan_needs_them(bench: Bench) -> None:
    read = PodsOfJob(namespace="ns", job="j", uid="uid-j")
    bench.controller.wanted = (read,)
    owner = {"uid": "uid-j", "controller": True}
    pod = {"metadata": {"name": "p", "labels": {JOB_NAME: "j"}, "ownerReferences": [owner]}}
    bench.server.on("GET", listing(9, pod))
    await bench.turn()
    _, reads = bench.controller.seen[0]
    assert [found["metadata"]["name"] for found in reads[read]] == ["p"]
    assert bench.server.requests[0][1].startswith(
        "/api/v1/namespaces/ns/pods?labelSelector=batch.kubernetes.io%2Fjob-name+in+%28j%29"
    )


async def test_a_read_that_fails_is_tried_again(bench: Bench) -> None:
    bench.controller.wanted = (PodsOfJob(namespace="ns", job="j", uid="uid-j"),)
    bench.server.on("GET", failure(500))
    await bench.turn()
    assert bench.controller.seen == []
    assert bench.queue.scheduled == 1


async def test_a_rejection_becomes_the_controllers_status_and_requeue(bench: Bench) -> None:
    bench.controller.make = lambda obj: Plan(actions=(CREATE,), status={"phase": "Made"})
    bench.server.on("POST", failure(422, "Invalid", "spec.x: wrong"))
    bench.server.on("PATCH", json_answer(training(6, status={"stalled": "Invalid"})))
    await bench.turn()
    assert bench.controller.refusals[0].message == "spec.x: wrong"
    patches = [body for name, body in zip(bench.server.names(), bench.server.bodies, strict=True) if name == "PATCH"]
    assert [body["status"] for body in patches] == [{"stalled": "Invalid"}]
    assert bench.queue.scheduled == 1


async def test_a_refusal_is_logged_once_per_cause(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.controller.make = lambda obj: Plan(actions=(CREATE,), status={"phase": "Made"})
    first, second = failure(422, "Invalid", "spec.x: wrong"), failure(403, "Forbidden", "exceeded quota")
    created = json_answer(
        {**CREATE.manifest, "metadata": {**CREATE.manifest["metadata"], "uid": "j", "resourceVersion": "7"}}
    )
    bench.server.on("POST", first, first, second, second, created, second)
    bench.server.on("PATCH", json_answer(training(6, status={"stalled": "Invalid"})))
    with caplog.at_level(logging.WARNING, logger="mlops_operator.runtime.work.reconciler"):
        for _ in range(6):
            bench.reconciler.resync()
            await bench.turn()
    warned = [record.__dict__["error"] for record in caplog.records if record.message == "action refused"]
    assert warned == ["spec.x: wrong", "exceeded quota", "exceeded quota"]
    assert len(bench.controller.refusals) > len(warned)


async def test_a_plan_that_raises_is_logged_with_its_traceback_and_tried_again(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    def fail_once(obj: Manifest) -> Plan:
        if len(bench.controller.seen) == 1:
            raise KeyError("spec.missing")
        return Plan()

    bench.controller.make = fail_once
    async with bench.running():
        await eventually(bench.versions, lambda seen: seen == ["5", "5"])
    (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert record.message == "reconcile failed"
    assert record.exc_info is not None


async def test_a_conflict_is_planned_again_on_what_is_there_now(bench: Bench) -> None:
    bench.controller.make = lambda obj: Plan(status={"phase": "Done"})
    bench.server.on(
        f"PATCH {PATH}/status", failure(409, "Conflict"), json_answer(training(10, status={"phase": "Done"}))
    )
    bench.server.on("GET", json_answer(training(9)))
    async with bench.running():
        await eventually(bench.versions, lambda seen: seen == ["5", "9", "10"])


async def test_a_fault_of_the_server_is_never_waited_out_longer_than_it_takes(bench: Bench) -> None:
    bench.controller.make = lambda obj: Plan(status={"phase": "Done"})
    bench.server.on("PATCH", failure(503))
    for _ in range(15):
        bench.queue.add(KEY)
        await bench.turn()
    (due,) = bench.queue._due.values()
    assert due - bench.queue._clock() <= LONGEST_FAULT_RETRY


async def test_a_long_retry_after_is_obeyed(bench: Bench) -> None:
    bench.controller.make = lambda obj: Plan(status={"phase": "Done"})
    bench.server.on("PATCH", failure(429, "TooManyRequests", retryAfterSeconds=40))
    await bench.turn()
    (due,) = bench.queue._due.values()
    assert due - bench.queue._clock() > 39


async def test_an_ending_namespace_is_left_until_its_next_event(bench: Bench) -> None:
    bench.controller.make = lambda obj: Plan(actions=(CREATE,))
    bench.server.on("POST", failure(403, "Forbidden", causes=[{"reason": "NamespaceTerminating"}]))
    await bench.turn()
    assert bench.queue.scheduled == 0


async def test_a_mapping_that_raises_loses_no_change(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    def broken(obj: Manifest, world: World) -> Sequence[Key]:
        raise ValueError("no")

    class Watching(Scripted):
        watches: Sequence[Watch] = (Watch(resource=JOBS, keys=broken),)

    controller = Watching()
    cache = Cache([controller])
    reconciler = Reconciler(
        controller,
        cache=cache,
        reads=Reads(bench.client, nodes=True),
        executor=bench.reconciler._executor,
        slots=bench.slots,
    )
    cache.observe(TRAINING_JOBS, training())
    assert reconciler.queue.poll() == KEY
    reconciler.queue.done(KEY)
    metadata = {"name": "j", "namespace": "ns", "uid": "j", "resourceVersion": "7"}
    cache.observe(JOBS, {"metadata": metadata})
    assert reconciler.queue.poll() == KEY, "everything is looked at instead"
    assert caplog.records[0].message == "watch mapping failed"


async def test_whose_child_has_ended_is_looked_at_before_whoever_has_other_news(bench: Bench) -> None:
    class Watching(Scripted):
        watches: Sequence[Watch] = (
            Watch(resource=JOBS, keys=lambda _job, _world: [Key("ns", "late")], ended=lambda job: "status" in job),
        )

    controller = Watching()
    cache = Cache([controller])
    queue = Reconciler(
        controller,
        cache=cache,
        reads=Reads(bench.client, nodes=True),
        executor=bench.reconciler._executor,
        slots=bench.slots,
    ).queue
    job = {"metadata": {"name": "j", "namespace": "ns", "uid": "j", "resourceVersion": "7"}}
    cache.observe(TRAINING_JOBS, training())
    cache.observe(JOBS, job)
    assert [queue.poll(), queue.poll()] == [KEY, Key("ns", "late")], "without an end, in order"
    queue.done(KEY)
    queue.done(Key("ns", "late"))
    cache.observe(TRAINING_JOBS, training(8, spec={"image": "x"}))
    cache.observe(JOBS, {"metadata": {**job["metadata"], "resourceVersion": "9"}, "status": {}})
    assert [queue.poll(), queue.poll()] == [Key("ns", "late"), KEY]


async def test_a_thousand_objects_are_reconciled_in_slices(bench: Bench) -> None:
    clock = Clock()
    controller = bench.controller
    executor = Executor(bench.client, bench.cache, instance="test")
    reconciler = Reconciler(
        controller,
        cache=bench.cache,
        reads=Reads(bench.client, nodes=True),
        executor=executor,
        slots=bench.slots,
        clock=clock,
    )
    for count in range(1000):
        obj = training(version=10 + count)
        obj["metadata"] |= {"name": f"t{count}", "uid": f"u{count}"}
        bench.cache.observe(TRAINING_JOBS, obj)

    def plan(_obj: Manifest) -> Plan:
        clock.work(UNIT)
        return Plan()

    controller.make = plan
    others = asyncio.create_task(clock.others())
    running = asyncio.create_task(reconciler.run())
    await eventually(lambda: reconciled(controller), lambda count: count >= 1000)
    running.cancel()
    others.cancel()
    assert SLICE <= clock.longest <= SLICE + UNIT


async def reconciled(controller: Scripted) -> int:
    return len({obj["metadata"]["name"] for obj, _ in controller.seen})
