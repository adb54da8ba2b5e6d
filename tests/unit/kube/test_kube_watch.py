# SPDX-License-Identifier: Apache-2.0
"""Every way a watch can end, and what it says by that."""

from collections.abc import AsyncIterator

import pytest

from mlops_operator.kube import errors
from mlops_operator.kube.client import Client
from mlops_operator.kube.resources import PODS
from mlops_operator.kube.watch import WatchEvent, watch
from tests.harness.stub_server import Answer, StubServer, failure, status, stream, stub_server


@pytest.fixture
async def server() -> AsyncIterator[StubServer]:
    async with stub_server() as server:
        yield server


@pytest.fixture
async def client(server: StubServer) -> AsyncIterator[Client]:
    async with Client(server.config()) as client:
        yield client


def event(kind: str, version: int, **extra: object) -> dict[str, object]:
    return {"type": kind, "object": {"metadata": {"name": "a", "resourceVersion": str(version), **extra}}}


async def collect(client: Client, found: list[WatchEvent]) -> None:
    async for change in watch(client, PODS, resource_version="1", silence=1.0):
        found.append(change)  # noqa: PERF401 - what came before an error counts


async def test_changes_come_in_order_and_the_end_is_quiet(server: StubServer, client: Client) -> None:
    server.on("WATCH", stream(event("ADDED", 2), event("BOOKMARK", 3), event("DELETED", 4)))
    found: list[WatchEvent] = []
    await collect(client, found)
    assert [change.type for change in found] == ["ADDED", "BOOKMARK", "DELETED"]


async def test_lines_may_be_split_anywhere_and_be_long(server: StubServer, client: Client) -> None:
    server.on(
        "WATCH", stream(b'{"type": "ADD', b'ED", "object": {"metadata": {}}}\n', event("ADDED", 3, x="y" * 500_000))
    )
    found: list[WatchEvent] = []
    await collect(client, found)
    assert len(found) == 2


async def test_it_asks_for_bookmarks_and_a_bounded_time(server: StubServer, client: Client) -> None:
    server.on("WATCH", stream())
    await collect(client, [])
    _, path = server.requests[0]
    assert "allowWatchBookmarks=true" in path
    assert "resourceVersion=1" in path
    seconds = int(path.partition("timeoutSeconds=")[2].partition("&")[0])
    assert 300 <= seconds <= 600


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (stream(event("ADDED", 2), then="cut"), errors.WatchBroken),
        (stream(event("ADDED", 2), b'{"type": "ADDED", "obj'), errors.WatchBroken),
        (stream(event("ADDED", 2), then="hang"), errors.WatchBroken),
        (stream(event("ADDED", 2), b"not json\n"), errors.WatchBroken),
        (stream(event("ADDED", 2), event("SURPRISE", 3)), errors.WatchBroken),
        (stream(event("ADDED", 2), {"type": "ERROR", "object": status(410, "Expired")}), errors.Expired),
        (stream(event("ADDED", 2), {"type": "ERROR", "object": status(500, "InternalError")}), errors.ServerError),
        (
            stream(event("ADDED", 2), {"type": "ERROR", "object": status(429, "TooManyRequests")}),
            errors.TooManyRequests,
        ),
    ],
)
async def test_what_came_before_a_fault_is_kept(
    server: StubServer, client: Client, answer: Answer, kind: type[Exception]
) -> None:
    server.on("WATCH", answer)
    found: list[WatchEvent] = []
    with pytest.raises(kind):
        await collect(client, found)
    assert [change.type for change in found] == ["ADDED"]


@pytest.mark.parametrize(
    ("code", "kind"),
    [(404, errors.NotFound), (410, errors.Expired), (403, errors.Forbidden), (504, errors.ServerError)],
)
async def test_a_refused_watch_has_its_own_type(
    server: StubServer, client: Client, code: int, kind: type[Exception]
) -> None:
    server.on("WATCH", failure(code))
    with pytest.raises(kind):
        await collect(client, [])
