# SPDX-License-Identifier: Apache-2.0
"""Events and nodes explain why pods do not start: many who ask at about the same time cost one request."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from mlops_operator.api.meta import Manifest
from mlops_operator.kube.client import Client
from mlops_operator.kube.resources import MODEL_DEPLOYMENTS
from mlops_operator.runtime.work.plan import EventsAbout, Nodes, ObjectsIn, PodsOfJob
from mlops_operator.runtime.work.reads import EVENTS_AGE, NODES_AGE, Reads
from tests.harness.stub_server import StubServer, listing, stub_server

EVENTS = EventsAbout(namespace="ns", kind="Job", reason="FailedCreate")
SIZE = {"cpu": "4"}


class Bench:
    def __init__(self, server: StubServer, client: Client, *, nodes: bool = True) -> None:
        self.server = server
        self.time = 1000.0
        self.reads = Reads(client, nodes=nodes, clock=lambda: self.time)
        server.on("GET", listing(1, {"metadata": {"name": "a"}, "status": {"images": ["x"], "allocatable": SIZE}}))

    @property
    def paths(self) -> list[str]:
        return [path for _, path, *_ in self.server.requests]


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    async with stub_server() as server, Client(server.config()) as client:
        yield Bench(server, client)


async def test_events_are_selected_by_the_server(bench: Bench) -> None:
    await bench.reads.answer([EVENTS])
    (path,) = bench.paths
    assert path.startswith("/apis/events.k8s.io/v1/namespaces/ns/events?")
    assert "fieldSelector=regarding.kind%3DJob%2Creason%3DFailedCreate" in path


@pytest.mark.parametrize(("read", "age"), [(EVENTS, EVENTS_AGE), (Nodes(), NODES_AGE)])
@pytest.mark.parametrize(("share", "requests"), [(0.99, 1), (1.0, 2), (1.01, 2)])
async def test_an_answer_is_used_again_while_it_is_young(
    bench: Bench, read: EventsAbout | Nodes, age: float, share: float, requests: int
) -> None:
    await bench.reads.answer([read])
    bench.time += age * share
    await bench.reads.answer([read])
    assert len(bench.paths) == requests


async def test_objects_are_read_each_time_and_from_no_cache(bench: Bench) -> None:
    read = ObjectsIn(resource=MODEL_DEPLOYMENTS, namespace="ns")
    for _ in range(2):
        (found,) = (await bench.reads.answer([read]))[read]
        assert found["metadata"]["name"] == "a"
    assert len(bench.paths) == 2
    assert all("/namespaces/ns/modeldeployments" in path for path in bench.paths)
    assert not any("resourceVersion" in path for path in bench.paths)


async def test_those_who_ask_at_once_share_a_request(bench: Bench) -> None:
    await asyncio.gather(*(bench.reads.answer([EVENTS]) for _ in range(50)))
    assert len(bench.paths) == 1


async def test_of_nodes_only_labels_and_sizes_are_kept(bench: Bench) -> None:
    (node,) = (await bench.reads.answer([Nodes()]))[Nodes()]
    assert node == {"metadata": {"name": "a", "labels": {}}, "status": {"allocatable": SIZE}}


async def test_a_node_that_has_not_told_its_size_has_none(bench: Bench) -> None:
    bench.server.on("GET /api/v1/nodes", listing(1, {"metadata": {"name": "new", "labels": {"a": "b"}}}))
    (node,) = (await bench.reads.answer([Nodes()]))[Nodes()]
    assert node == {"metadata": {"name": "new", "labels": {"a": "b"}}, "status": {"allocatable": {}}}


async def test_without_the_right_to_read_nodes_none_are_asked_for() -> None:
    async with stub_server() as server, Client(server.config()) as client:
        bench = Bench(server, client, nodes=False)
        assert (await bench.reads.answer([Nodes()]))[Nodes()] == ()
        assert bench.paths == []


async def test_reads_that_follow_from_pods_are_answered_too(bench: Bench) -> None:
    asked: list[object] = []

    def then(pods: object) -> list[EventsAbout | Nodes]:
        asked.append(pods)
        return [EVENTS, Nodes()]

    bench.server.on("GET /api/v1/namespaces/ns/pods", listing(1))
    pods: PodsOfJob = PodsOfJob(namespace="ns", job="j", uid="u", then=then)
    answers = await bench.reads.answer([pods])
    assert set(answers) == {pods, EVENTS, Nodes()}
    assert asked == [[]]


async def test_answers_about_namespaces_that_nobody_asks_about_are_dropped(bench: Bench) -> None:
    for number in range(20):
        await bench.reads.answer([EventsAbout(namespace=f"ns-{number}", kind="Job", reason="FailedCreate")])
    bench.time += NODES_AGE
    await bench.reads.answer([EVENTS])
    assert list(bench.reads._known) == list(bench.reads._turns) == [EVENTS]


async def test_an_answer_outlives_other_reads_while_it_is_young(bench: Bench) -> None:
    for read in (Nodes(), EVENTS, Nodes()):
        await bench.reads.answer([read])
    assert len(bench.paths) == 2


def test_a_pod_read_is_the_same_whatever_follows() -> None:
    job: Manifest = {"metadata": {"namespace": "ns", "name": "j", "uid": "u"}}
    assert PodsOfJob.of(job) == PodsOfJob.of(job, then=lambda _pods: (Nodes(),))
    assert hash(PodsOfJob.of(job)) == hash(PodsOfJob.of(job, then=lambda _pods: (Nodes(),)))
