# SPDX-License-Identifier: Apache-2.0
"""The bounds of one request, each below, at and above it, before any application."""

import asyncio
import json
from typing import Any

import pytest

from mlops_workload.errors import ConfigurationInvalidError
from mlops_workload.runtimes.request_limits import (
    ENV_READ_TIMEOUT,
    MAX_CONFIGURED,
    LimitRequests,
    Limits,
    Message,
    Receive,
    Send,
)

from .asgi import DISCONNECT, ask, http, parts

MAX = 8
SOON = 0.01
LONG = 600.0
STARTED: Message = {"type": "http.response.start", "status": 200, "headers": []}


class Application:
    """Notes what reaches it, and answers with `delays`: seconds before the beginning and before the end."""

    def __init__(self, *delays: float) -> None:
        self.delays = delays or (0.0, 0.0)
        self.scopes: list[str] = []
        self.received: list[Message] = []

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        self.scopes.append(scope["type"])
        self.received.append(await receive())
        await asyncio.sleep(self.delays[0])
        await send(STARTED)
        await asyncio.sleep(self.delays[1])
        await send({"type": "http.response.body", "body": b"answer"})


def limited(application: Any, *, read: float = LONG, answer: float = LONG) -> LimitRequests:
    return LimitRequests(application, Limits(max_body=MAX, read_timeout=read, answer_timeout=answer))


def announced(length: str) -> Message:
    return http(headers=[(b"content-length", length.encode())])


def refusal(sent: list[Message]) -> tuple[int, str]:
    """Status and message of an answer that refuses."""
    assert [message["type"] for message in sent] == ["http.response.start", *["http.response.body"] * 2]
    assert (sent[1]["more_body"], sent[2].get("more_body", False)) == (True, False)
    headers = dict(sent[0]["headers"])
    assert int(headers[b"content-length"]) == len(sent[1]["body"])
    assert (b"connection" in headers) is (sent[0]["status"] == 408)
    return sent[0]["status"], json.loads(sent[1]["body"])["error"]


@pytest.mark.parametrize("sizes", [(0,), (MAX - 1,), (MAX,), (MAX - 1, 1), (3, 0, 5)])
def test_a_body_up_to_the_limit_arrives_as_one_part(sizes: tuple[int, ...]) -> None:
    application = Application()
    body = [b"x" * size for size in sizes]
    assert ask(limited(application), http(), parts(*body))[-1]["body"] == b"answer"
    assert application.received == parts(b"".join(body))


@pytest.mark.parametrize("sizes", [(MAX + 1,), (MAX, 1), (MAX, 1, 1)])
def test_a_larger_body_is_refused_and_its_rest_is_read(sizes: tuple[int, ...]) -> None:
    application = Application()
    messages = parts(*(b"x" * size for size in sizes))
    status, error = refusal(ask(limited(application), http(), messages))
    assert (status, application.scopes) == (413, [])
    assert error.endswith("at most 8 bytes (MLOPS_SERVER_MAX_BODY_BYTES), found more: send fewer rows in one request")


def test_the_rest_of_a_refused_body_is_read_up_to_its_end() -> None:
    left = parts(b"x", b"x", b"x")
    arriving = [*left, DISCONNECT]
    assert refusal(ask(limited(Application()), announced("9"), arriving))[0] == 413
    assert arriving == [DISCONNECT]


def test_the_rest_of_a_refused_body_may_take_as_long_as_a_body() -> None:
    assert refusal(ask(limited(Application(), read=SOON), announced("9"), parts(b"x", b"")[:1]))[0] == 413


@pytest.mark.parametrize(("length", "status"), [("7", 200), ("8", 200), ("9", 413), ("nine", 200)])
def test_an_announced_body_is_refused_before_it_is_read(length: str, status: int) -> None:
    sent = ask(limited(Application()), announced(length), parts(b"x"))
    assert sent[0]["status"] == status
    if status == 413:
        assert "found 9 bytes" in refusal(sent)[1]


def test_a_client_that_has_gone_gets_no_answer() -> None:
    application = Application()
    assert ask(limited(application), http(), [*parts(b"x", b"x")[:1], DISCONNECT]) == []
    assert application.scopes == []


def test_a_body_that_stops_is_refused_with_what_is_there() -> None:
    status, error = refusal(ask(limited(Application(), read=SOON), http(), parts(b"xx", b"xx", b"")[:2]))
    assert (status, error) == (
        408,
        "expected the whole request body within 0.01 s (MLOPS_SERVER_READ_TIMEOUT_SECONDS), found 4 bytes of it",
    )


def test_an_answer_that_does_not_begin_is_refused() -> None:
    status, error = refusal(ask(limited(Application(LONG, 0.0), answer=SOON), http(), parts(b"x")))
    assert (status, error) == (
        504,
        "expected an answer within 0.01 s (MLOPS_SERVER_ANSWER_TIMEOUT_SECONDS), found none: the model is slow or busy",
    )


def test_an_answer_that_has_begun_may_take_its_time() -> None:
    sent = ask(limited(Application(0.0, 3 * SOON), answer=SOON), http(), parts(b"x"))
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]


@pytest.mark.parametrize("begun", [False, True])
def test_a_timeout_of_the_application_is_its_own(begun: bool) -> None:
    async def raises(_: Message, __: Receive, send: Send) -> None:
        if begun:
            await send(STARTED)
        raise TimeoutError("of the store")

    with pytest.raises(TimeoutError, match="of the store"):
        ask(limited(raises), http(), parts(b"x"))


def test_what_the_server_reports_later_reaches_the_application() -> None:
    heard = []

    async def listens(_: Message, receive: Receive, __: Send) -> None:
        heard.extend([(await receive())["type"], (await receive())["type"]])

    ask(limited(listens), http(), [*parts(b"x"), DISCONNECT])
    assert heard == ["http.request", "http.disconnect"]


def test_what_is_no_request_has_no_limit() -> None:
    application = Application()
    ask(limited(application), {"type": "lifespan"}, [{"type": "lifespan.startup"}])
    assert (application.scopes, application.received) == (["lifespan"], [{"type": "lifespan.startup"}])


def test_the_defaults() -> None:
    assert Limits() == Limits(max_body=8_388_608, read_timeout=30, answer_timeout=60)


def test_a_limit_has_an_upper_bound() -> None:
    assert Limits.from_environment({ENV_READ_TIMEOUT: str(MAX_CONFIGURED)}).read_timeout == MAX_CONFIGURED
    with pytest.raises(ConfigurationInvalidError):
        Limits.from_environment({ENV_READ_TIMEOUT: str(MAX_CONFIGURED + 1)})
