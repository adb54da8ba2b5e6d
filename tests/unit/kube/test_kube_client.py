# SPDX-License-Identifier: Apache-2.0
"""The client against answers that a healthy API server never gives."""

from collections.abc import AsyncIterator
from contextlib import nullcontext

import pytest

from mlops_operator.kube import errors
from mlops_operator.kube.client import THROTTLED_ATTEMPTS, THROTTLED_LONGEST, Client
from mlops_operator.kube.errors import ApiError, StatusError
from mlops_operator.kube.resources import JOBS, PODS
from tests.harness.stub_server import StubServer, failure, hang_up, json_answer, listing, slow, stream, stub_server


@pytest.fixture
async def server() -> AsyncIterator[StubServer]:
    async with stub_server() as server:
        yield server


@pytest.fixture
async def client(server: StubServer) -> AsyncIterator[Client]:
    async with Client(server.config()) as client:
        yield client


def pod(name: str) -> dict[str, object]:
    return {"metadata": {"name": name, "namespace": "ns"}}


@pytest.mark.parametrize(
    ("code", "reason", "kind"),
    [
        (400, "BadRequest", errors.BadRequest),
        (401, "Unauthorized", errors.Unauthorized),
        (403, "Forbidden", errors.Forbidden),
        (404, "NotFound", errors.NotFound),
        (409, "AlreadyExists", errors.AlreadyExists),
        (409, "Conflict", errors.Conflict),
        (410, "Expired", errors.Expired),
        (410, "Gone", errors.Expired),
        (422, "Invalid", errors.Invalid),
        (500, "InternalError", errors.ServerError),
        (503, "ServiceUnavailable", errors.ServerError),
        (413, "RequestEntityTooLarge", StatusError),
    ],
)
async def test_a_failure_has_its_own_type(
    server: StubServer, client: Client, code: int, reason: str, kind: type[StatusError]
) -> None:
    server.on("GET", failure(code, reason, "the server's words"))
    with pytest.raises(StatusError) as caught:
        await client.get(PODS, namespace="ns", name="a")
    assert type(caught.value) is kind
    assert (caught.value.code, caught.value.reason, caught.value.message) == (code, reason, "the server's words")


async def test_a_failure_that_is_no_status_shows_its_body(server: StubServer, client: Client) -> None:
    server.on("GET", stream(b"upstream broke", status=502))
    with pytest.raises(errors.ServerError, match="upstream broke"):
        await client.get(PODS, namespace="ns", name="a")


async def test_an_answer_that_is_cut_off_is_no_answer(server: StubServer, client: Client) -> None:
    server.on("GET", stream(b'{"metadata": {', then="cut"))
    with pytest.raises(errors.Unreachable):
        await client.get(PODS, namespace="ns", name="a")


async def test_an_answer_that_is_half_json_is_no_answer(server: StubServer, client: Client) -> None:
    server.on("GET", stream(b'{"metadata": {'))
    with pytest.raises(errors.Unreachable, match="not JSON"):
        await client.get(PODS, namespace="ns", name="a")


async def test_nobody_there_is_no_answer() -> None:
    async with stub_server() as server:
        config = server.config()
    async with Client(config) as client:
        with pytest.raises(errors.Unreachable):
            await client.get(PODS, namespace="ns", name="a")


async def test_no_answer_in_time_is_no_answer(
    server: StubServer, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.on("POST", slow(5))
    import aiohttp

    monkeypatch.setattr(client.session, "_timeout", aiohttp.ClientTimeout(total=0.1))
    with pytest.raises(errors.Unreachable):
        await client.create(PODS, pod("a"))
    assert server.names() == ["POST"], "a write whose fate is unknown is not repeated"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "POST"])
async def test_a_connection_that_ends_without_an_answer_is_no_answer_and_nothing_is_repeated(
    server: StubServer, client: Client, method: str
) -> None:
    server.on(method, hang_up)
    with pytest.raises(errors.Unreachable):
        await client.request(method, PODS.path(namespace="ns", name="a"))
    assert server.names() == [method]


async def test_429_is_waited_out_as_long_as_asked(server: StubServer, client: Client) -> None:
    import time

    server.on("POST", failure(429, "TooManyRequests", retryAfterSeconds=1), json_answer({"kind": "Pod"}, 201))
    started = time.monotonic()
    assert await client.create(PODS, pod("a")) == {"kind": "Pod"}
    assert time.monotonic() - started >= 1.0
    assert server.names() == ["POST", "POST"]


@pytest.mark.parametrize(
    ("refusals", "attempts", "succeeds"),
    [
        (THROTTLED_ATTEMPTS - 2, THROTTLED_ATTEMPTS - 1, True),
        (THROTTLED_ATTEMPTS - 1, THROTTLED_ATTEMPTS, True),
        (THROTTLED_ATTEMPTS, THROTTLED_ATTEMPTS, False),
    ],
)
async def test_429_is_met_with_three_attempts_and_no_more(
    server: StubServer, client: Client, refusals: int, attempts: int, succeeds: bool
) -> None:
    refused = [failure(429, "TooManyRequests", retryAfterSeconds=0)] * refusals
    server.on("POST", *refused, json_answer({"kind": "Pod"}, 201))
    if succeeds:
        assert await client.create(PODS, pod("a")) == {"kind": "Pod"}
    else:
        with pytest.raises(errors.TooManyRequests):
            await client.create(PODS, pod("a"))
    assert server.names() == ["POST"] * attempts
    assert THROTTLED_ATTEMPTS == 3


@pytest.mark.parametrize(
    ("after", "waited"),
    [
        (THROTTLED_LONGEST - 1, True),
        (THROTTLED_LONGEST, True),
        (THROTTLED_LONGEST + 1, False),
    ],
)
async def test_429_is_waited_out_up_to_the_longest_wait(
    server: StubServer, client: Client, monkeypatch: pytest.MonkeyPatch, after: float, waited: bool
) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr("mlops_operator.kube.client.asyncio.sleep", sleep)
    server.on("POST", failure(429, "TooManyRequests", retryAfterSeconds=int(after)), json_answer({"kind": "Pod"}, 201))
    with nullcontext() if waited else pytest.raises(errors.TooManyRequests):
        await client.create(PODS, pod("a"))
    assert len(waits) == waited
    assert all(after <= wait <= after * 1.25 for wait in waits), "never sooner than asked"


async def test_a_long_retry_after_is_told_to_the_caller(server: StubServer, client: Client) -> None:
    server.on("POST", failure(429, "TooManyRequests", retryAfterSeconds=60))
    with pytest.raises(errors.TooManyRequests) as caught:
        await client.create(PODS, pod("a"))
    assert caught.value.retry_after == 60
    assert server.names() == ["POST"]


async def test_a_list_is_read_page_by_page(server: StubServer, client: Client) -> None:
    server.on("GET", listing(7, pod("a"), more="next"), listing(7, pod("b")))
    found = await client.list(PODS, label_selector="app=x", page_size=1)
    assert [item["metadata"]["name"] for item in found.items] == ["a", "b"]
    assert [item["kind"] for item in found.items] == ["Pod", "Pod"]
    assert found.resource_version == "7"
    assert [path for _, path in server.requests] == [
        "/api/v1/pods?labelSelector=app%3Dx&limit=1",
        "/api/v1/pods?labelSelector=app%3Dx&limit=1&continue=next",
    ]


async def test_a_list_that_took_too_long_says_so(server: StubServer, client: Client) -> None:
    server.on("GET", listing(7, pod("a"), more="next"), failure(410, "Expired"))
    with pytest.raises(errors.Expired):
        await client.list(PODS)


async def test_a_delete_carries_its_preconditions(server: StubServer, client: Client) -> None:
    server.on("DELETE", json_answer({"kind": "Status", "status": "Success"}))
    await client.delete(JOBS, namespace="ns", name="a", uid="u", resource_version="5")
    assert server.bodies[-1]["preconditions"] == {"uid": "u", "resourceVersion": "5"}
    assert server.bodies[-1]["propagationPolicy"] == "Background"


class Rotating:
    """A token that was rotated after it was read."""

    def __init__(self) -> None:
        self.token = "old"

    def current(self) -> str:
        return f"Bearer {self.token}"

    def copy(self) -> "Rotating":
        return self

    async def refresh(self) -> str:
        self.token = "new"
        return self.current()


async def test_401_is_tried_once_more_with_a_fresh_token(server: StubServer) -> None:
    server.on("GET", failure(401, "Unauthorized"), json_answer({"kind": "Pod"}))
    async with Client(server.config(Rotating())) as client:
        await client.get(PODS, namespace="ns", name="a")
    assert [headers["Authorization"] for headers in server.headers] == ["Bearer old", "Bearer new"]


async def test_401_for_good_is_an_error(server: StubServer) -> None:
    server.on("GET", failure(401, "Unauthorized"))
    async with Client(server.config(Rotating())) as client:
        with pytest.raises(errors.Unauthorized):
            await client.get(PODS, namespace="ns", name="a")
    assert len(server.requests) == 2


async def test_requests_in_flight_are_bounded(server: StubServer) -> None:
    import asyncio

    at_once = 0
    most = 0

    async def count(request: object) -> object:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0.01)
        at_once -= 1
        return await json_answer({})(request)  # type: ignore[arg-type]

    server.on("GET", count)  # type: ignore[arg-type]
    async with Client(server.config(), max_in_flight=3) as client:
        await asyncio.gather(*(client.get(PODS, namespace="ns", name=f"p{n}") for n in range(20)))
    assert most == 3


def test_every_error_is_an_api_error() -> None:
    assert issubclass(StatusError, ApiError)
    assert issubclass(errors.Unreachable, ApiError)
    assert issubclass(errors.WatchBroken, ApiError)


def test_a_terminating_namespace_is_recognised() -> None:
    status = {"reason": "Forbidden", "details": {"causes": [{"reason": "NamespaceTerminating"}]}}
    error = errors.from_status(status, code=403)
    assert isinstance(error, errors.Forbidden)
    assert error.namespace_terminating
