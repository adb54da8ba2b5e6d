# SPDX-License-Identifier: Apache-2.0
"""Many questions for pods become few requests, and nobody gets an answer from before the question."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp import web

from mlops_operator.api.meta import Manifest
from mlops_operator.kube.client import Client
from mlops_operator.kube.errors import StatusError
from mlops_operator.runtime.work.plan import PodsOfJob
from mlops_operator.runtime.work.pod_reads import JOB_NAME, LARGEST_BATCH, SHARED_AGE, PodReads
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
        self.now = 0.0
        self.reads = PodReads(client, clock=lambda: self.now)
        self.go = asyncio.Event()
        server.on("GET", self._held, listing(2, *map(pod, "abcd")))

    def ask(
        self, job: str, namespace: str = "ns", *, alongside: Sequence[str] | None = None
    ) -> asyncio.Task[list[str]]:
        return asyncio.create_task(self._names(job, namespace, alongside))

    async def sent(self, number: int) -> None:
        """Wait until so many requests have reached the server."""

        async def enough() -> bool:
            return len(self.server.requests) == number

        await eventually(enough, within=5, every=0.001)

    def selectors(self) -> list[str]:
        return [parse_qs(urlsplit(path).query)["labelSelector"][0] for _, path, *_ in self.server.requests]

    async def _names(self, job: str, namespace: str, alongside: Sequence[str] | None) -> list[str]:
        shared = None if alongside is None else lambda: alongside
        wanted = PodsOfJob(namespace=namespace, job=job, uid=job, alongside=shared)
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


async def test_jobs_that_wait_alongside_are_answered_by_one_request(bench: Bench) -> None:
    bench.server.on(f"GET {PATH}", listing(1, pod("a"), pod("b")))
    assert await bench.ask("a", alongside="abc") == ["a-pod"]
    bench.now = SHARED_AGE / 2
    assert [await bench.ask(job, alongside="abc") for job in "abc"] == [["a-pod"], ["b-pod"], []]
    assert bench.selectors() == [f"{JOB_NAME} in (a,b,c)"]


async def test_what_was_found_alongside_is_soon_too_old(bench: Bench) -> None:
    bench.go.set()
    await bench.ask("a", alongside="ab")
    bench.now = SHARED_AGE
    assert await bench.ask("b", alongside="ab") == ["b-pod"]
    assert bench.selectors() == [f"{JOB_NAME} in (a,b)"] * 2


async def test_who_asks_for_the_present_gets_no_answer_from_before(bench: Bench) -> None:
    bench.go.set()
    await bench.ask("a", alongside="ab")
    assert await bench.ask("b") == ["b-pod"]
    assert bench.selectors() == [f"{JOB_NAME} in (a,b)", f"{JOB_NAME} in (b)"]


async def test_an_answer_to_who_asked_for_the_present_alone_is_nobody_elses(bench: Bench) -> None:
    bench.go.set()
    await bench.ask("a")
    await bench.ask("a", alongside="a")
    assert bench.selectors() == [f"{JOB_NAME} in (a)"] * 2


async def test_who_joins_a_look_at_jobs_that_wait_shares_its_request(bench: Bench) -> None:
    first = bench.ask("a")
    await bench.sent(1)
    waiting, ended = bench.ask("b", alongside="bc"), bench.ask("d")
    await asyncio.sleep(0)
    bench.go.set()
    assert [await first, await waiting, await ended] == [["a-pod"], ["b-pod"], ["d-pod"]]
    assert bench.selectors() == [f"{JOB_NAME} in (a)", f"{JOB_NAME} in (b,c,d)"]


async def test_pods_of_a_former_job_alongside_are_not_its_pods(bench: Bench) -> None:
    bench.server.on(f"GET {PATH}", listing(1, pod("a"), pod("b", uid="former")))
    await bench.ask("a", alongside="ab")
    assert await bench.ask("b", alongside="ab") == []


async def test_those_alongside_who_do_not_fit_are_in_the_next_request(bench: Bench) -> None:
    bench.go.set()
    waiting = [f"job-{number:03d}" for number in range(LARGEST_BATCH + 9)]
    for job in waiting:
        await bench.ask(job, alongside=waiting)
    named = [selector.partition(" in ")[2].strip("()").split(",") for selector in bench.selectors()]
    assert named == [waiting[:LARGEST_BATCH], waiting[LARGEST_BATCH:]]


async def test_namespaces_share_nothing(bench: Bench) -> None:
    bench.go.set()
    await bench.ask("a", alongside="ab")
    await bench.ask("b", "other", alongside="ab")
    assert bench.selectors() == [f"{JOB_NAME} in (a,b)"] * 2
