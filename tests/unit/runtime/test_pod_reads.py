"""Many questions for pods become few requests, and nobody gets an answer from before the question."""

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp import web

from mlops_operator.api.meta import Manifest
from mlops_operator.kube.client import Client
from mlops_operator.kube.errors import StatusError
from mlops_operator.runtime.plan import PodsOfJob
from mlops_operator.runtime.pod_reads import JOB_NAME, LARGEST_BATCH, PodReads
from tests.harness.stub_server import StubServer, failure, listing, stub_server
from tests.harness.waiting import eventually

PATH = "/api/v1/namespaces/ns/pods"
"""Answers to requests for it go before those to any other."""


def pod(job: str, *, uid: str | None = None, name: str | None = None) -> Manifest:
    """A pod of a Job, whose uid is its name unless told otherwise."""
    owner = {"kind": "Job", "name": job, "uid": uid or job, "controller": True}
    return {"metadata": {"name": name or f"{job}-pod", "labels": {JOB_NAME: job}, "ownerReferences": [owner]}}


class Bench:
    """Pod reads whose first LIST is held back until `go`; it and the later ones show a pod of each of jobs a to d."""

    def __init__(self, server: StubServer, client: Client) -> None:
        self.server = server
        self.reads = PodReads(client)
        self.go = asyncio.Event()
        server.on("GET", self._held, listing(2, *map(pod, "abcd")))

    def ask(self, job: str, namespace: str = "ns") -> asyncio.Task[list[str]]:
        return asyncio.create_task(self._names(job, namespace))

    async def sent(self, number: int) -> None:
        """Wait until so many requests have reached the server."""

        async def enough() -> bool:
            return len(self.server.requests) == number

        await eventually(enough, within=5, every=0.001)

    def selectors(self) -> list[str]:
        return [parse_qs(urlsplit(path).query)["labelSelector"][0] for _, path, *_ in self.server.requests]

    async def _names(self, job: str, namespace: str) -> list[str]:
        wanted = PodsOfJob(namespace=namespace, job=job, uid=job)
        return [found["metadata"]["name"] for found in await self.reads.read(wanted)]

    async def _held(self, request: web.Request) -> web.StreamResponse:
        await self.go.wait()
        return await listing(1, pod("a"))(request)


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    async with stub_server() as server, Client(server.config()) as client:
        yield Bench(server, client)


async def test_who_asks_while_a_list_is_under_way_goes_into_the_next_one_together(bench: Bench) -> None:
    first = bench.ask("a")
    await bench.sent(1)
    others = [bench.ask(job) for job in "bcda"]
    await asyncio.sleep(0)
    bench.go.set()
    assert await first == ["a-pod"]
    assert [await other for other in others] == [["b-pod"], ["c-pod"], ["d-pod"], ["a-pod"]]
    assert bench.selectors() == [f"{JOB_NAME} in (a)", f"{JOB_NAME} in (a,b,c,d)"]


async def test_a_job_without_pods_has_none(bench: Bench) -> None:
    bench.go.set()
    assert await bench.ask("b") == []


async def test_pods_of_a_former_job_of_the_same_name_are_not_its_pods(bench: Bench) -> None:
    orphan = {"metadata": {"name": "orphan", "labels": {JOB_NAME: "a"}}}
    bench.server.on(f"GET {PATH}", listing(1, pod("a", uid="former", name="former"), orphan, pod("a")))
    assert await bench.ask("a") == ["a-pod"]


async def test_a_failure_is_everybodys_who_was_in_the_request_and_nobody_elses(bench: Bench) -> None:
    bench.server.on(f"GET {PATH}", failure(500), listing(2, pod("c")))
    together = await asyncio.gather(bench.ask("a"), bench.ask("b"), return_exceptions=True)
    assert [isinstance(error, StatusError) and error.code for error in together] == [500, 500]
    assert await bench.ask("c") == ["c-pod"]
    assert bench.selectors() == [f"{JOB_NAME} in (a,b)", f"{JOB_NAME} in (c)"]


async def test_who_is_told_to_stop_does_not_take_the_answer_from_the_others(bench: Bench) -> None:
    one, other = bench.ask("b"), bench.ask("a")
    await bench.sent(1)
    one.cancel()
    bench.go.set()
    assert await other == ["a-pod"]


async def test_namespaces_do_not_wait_for_each_other(bench: Bench) -> None:
    held = bench.ask("a")
    await bench.sent(1)
    assert await bench.ask("b", namespace="other") == ["b-pod"]
    assert not held.done()
    bench.go.set()
    await held


async def test_a_request_names_only_so_many_jobs(bench: Bench) -> None:
    bench.go.set()
    await asyncio.gather(*(bench.ask(f"job-{number:03d}") for number in range(LARGEST_BATCH + 1)))
    assert [selector.count(",") + 1 for selector in bench.selectors()] == [LARGEST_BATCH, 1]


async def test_a_request_has_no_limit_which_would_keep_the_api_server_from_answering_out_of_its_cache(
    bench: Bench,
) -> None:
    bench.go.set()
    await bench.ask("a")
    ((_, path),) = bench.server.requests
    assert set(parse_qs(urlsplit(path).query)) == {"labelSelector"}
