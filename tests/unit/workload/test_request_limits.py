# SPDX-License-Identifier: Apache-2.0
"""What one request may cost the real model server: bytes, time to send them, time to answer."""

import http.client
import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import joblib
import numpy as np
import pytest

from mlops_workload.errors import ConfigurationInvalidError
from mlops_workload.runtimes.request_limits import ENV_ANSWER_TIMEOUT, ENV_MAX_BODY, ENV_READ_TIMEOUT, Limits

from .conftest import Digits, SavedModel
from .slow_model import SlowModel
from .test_serve import INFER, READY_SECONDS, Server, Start, launch, request_of

MAX_BODY = 4096
HEAD = f"POST {INFER} HTTP/1.1\r\nHost: server\r\nContent-Type: application/json\r\n"


@pytest.fixture(scope="module")
def limited(start: Start, server_python: str, free_port: Callable[[], int], good_model: SavedModel) -> Server:
    """A server with a small body and little time to send it."""
    limits = {ENV_MAX_BODY: str(MAX_BODY), ENV_READ_TIMEOUT: "0.5"}
    server = launch(start, server_python, free_port(), good_model.path.parent, **limits)
    server.wait_ready("digits")
    return server


def connect(server: Server) -> socket.socket:
    host, _, port = server.url.removeprefix("http://").partition(":")
    return socket.create_connection((host, int(port)), timeout=READY_SECONDS)


def answer(connection: socket.socket) -> tuple[int, str]:
    """Status and error of the response on a connection."""
    response = http.client.HTTPResponse(connection)
    response.begin()
    return response.status, json.loads(response.read()).get("error", "")


def padded(digits: Digits, size: int) -> bytes:
    """A good request of exactly `size` bytes."""
    body = json.dumps(request_of(digits.test_x[:1])).encode()
    return body + b" " * (size - len(body))


def test_a_body_of_the_limit_is_taken(limited: Server, digits: Digits) -> None:
    assert limited.post(INFER, padded(digits, MAX_BODY), Content_Type="application/json") == 200


def test_a_body_over_the_limit_is_refused_with_the_limit_named(limited: Server, digits: Digits) -> None:
    body = padded(digits, MAX_BODY + 1)
    with connect(limited) as connection:
        connection.sendall(f"{HEAD}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        status, error = answer(connection)
    assert status == 413
    assert error.startswith("expected a request body of at most 4096 bytes (MLOPS_SERVER_MAX_BODY_BYTES), found 4097")
    assert limited.ask("/v2/models/digits/ready").status == 200


def test_a_body_that_announces_no_length_is_refused_where_it_exceeds_the_limit(limited: Server) -> None:
    with connect(limited) as connection:
        connection.sendall(f"{HEAD}Transfer-Encoding: chunked\r\n\r\n".encode())
        for _ in range(5):
            connection.sendall(b"400\r\n" + b" " * 1024 + b"\r\n")
        assert answer(connection)[0] == 413


def test_a_connection_goes_on_after_a_refused_body(limited: Server, digits: Digits) -> None:
    with connect(limited) as connection:
        for size, status in ((MAX_BODY + 1, 413), (MAX_BODY, 200)):
            body = padded(digits, size)
            connection.sendall(f"{HEAD}Content-Length: {size}\r\n\r\n".encode() + body)
            assert answer(connection)[0] == status


def test_a_body_that_does_not_come_is_given_up(limited: Server, digits: Digits) -> None:
    # Given a client that stops in the middle of its body
    with connect(limited) as connection:
        connection.sendall(f"{HEAD}Content-Length: 1000\r\n\r\n".encode() + b" " * 10)
        # Then others are answered meanwhile
        assert limited.ask(INFER, request_of(digits.test_x[:1])).status == 200
        # And it is refused and cut off
        status, error = answer(connection)
        assert status == 408
        assert "within 0.5 s (MLOPS_SERVER_READ_TIMEOUT_SECONDS), found 10 bytes" in error
        assert connection.recv(1) == b""


def test_by_default_60_mb_in_one_request_are_refused_without_being_decoded(
    start: Start, server_python: str, free_port: Callable[[], int], good_model: SavedModel
) -> None:
    server = launch(start, server_python, free_port(), good_model.path.parent)
    server.wait_ready("digits")
    before = peak_memory(server)
    assert server.post(INFER, b" " * 60_000_000, Content_Type="application/json") == 413
    assert peak_memory(server) - before < 20_000_000
    assert server.ask("/v2/models/digits/ready").status == 200


def peak_memory(server: Server) -> int:
    """The most bytes that the server's process has had in memory."""
    lines = Path(f"/proc/{server.process.popen.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


@pytest.fixture
def slow(start: Start, server_python: str, free_port: Callable[[], int], tmp_path: Path) -> Iterator[Server]:
    """A server that may take less time than its model does."""
    joblib.dump(SlowModel(), tmp_path / "model.joblib")
    root = Path(__file__).parents[3]
    environ = {"PYTHONPATH": f"{root / 'operator'}:{root}", ENV_ANSWER_TIMEOUT: "0.1"}
    server = launch(start, server_python, free_port(), tmp_path, **environ)
    server.wait_ready("digits")
    yield server
    assert server.process.end() == 0


def test_an_answer_that_takes_too_long_is_given_up(slow: Server) -> None:
    reply = slow.ask(INFER, request_of(np.zeros((1, 3))))
    assert reply.status == 504
    assert b"within 0.1 s (MLOPS_SERVER_ANSWER_TIMEOUT_SECONDS)" in reply.body
    assert slow.ask("/v2/models/digits/ready").status == 200


@pytest.mark.parametrize("name", [ENV_MAX_BODY, ENV_READ_TIMEOUT, ENV_ANSWER_TIMEOUT])
@pytest.mark.parametrize("value", ["8Mi", "0", "-1", "nan", "inf", "1e30"])
def test_a_limit_that_is_no_positive_number_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(ConfigurationInvalidError, match=f"{name}: expected .* more than 0, found '{value}'"):
        Limits.from_environment({name: value})


def test_limits_are_the_defaults_unless_set() -> None:
    assert Limits.from_environment({ENV_MAX_BODY: ""}) == Limits()
    assert Limits.from_environment({ENV_MAX_BODY: "1000", ENV_READ_TIMEOUT: "0.5"}) == Limits(1000, read_timeout=0.5)
    with pytest.raises(ConfigurationInvalidError, match=f"{ENV_MAX_BODY}: expected a whole number"):
        Limits.from_environment({ENV_MAX_BODY: "1.5"})


def test_a_server_with_a_bad_limit_ends_and_says_why(
    start: Start, server_python: str, good_model: SavedModel, tmp_path: Path
) -> None:
    message = tmp_path / "message"
    environ = {ENV_MAX_BODY: "8Mi", "MLOPS_RESULT_PATH": str(message)}
    server = launch(start, server_python, 1, good_model.path.parent, **environ)
    assert server.process.popen.wait(READY_SECONDS) == 2
    assert message.read_text().startswith("ConfigurationInvalid: MLOPS_SERVER_MAX_BODY_BYTES: expected a whole number")
