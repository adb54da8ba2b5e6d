# SPDX-License-Identifier: Apache-2.0
"""Connections that cannot be made: the status names host, port and cause, within a minute, whatever the driver does."""

import errno
import json
import socket
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from mlops_contract.messages import CONNECTION_FAILED_EXIT_CODE
from mlops_contract.requests.golden import GoldenCheck
from mlops_workload import store
from mlops_workload.connections import Address, Problem, Watch, probe, problem_of, watched
from mlops_workload.errors import (
    ArtifactNotFoundError,
    ArtifactUnreachableError,
    ConnectionFailedError,
    EndpointUnavailableError,
)
from mlops_workload.fetch import main
from mlops_workload.golden import UNREACHABLE_SECONDS, check, wait_ready

from .conftest import RunEnvironment

DIGEST = "sha256:" + "0" * 64
HOST = Address("store.example", 9000)
CAUSE = "a NetworkPolicy that does not allow it is one possible cause"


@pytest.fixture
def silent() -> Iterator[Address]:
    """An address that drops what is sent to it, as behind a firewall: the queue of its listener is full."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        address = Address("127.0.0.1", server.getsockname()[1])
        waiting = []
        for _ in range(4):
            client = socket.socket()
            client.setblocking(False)
            client.connect_ex(address)
            waiting.append(client)
        yield address
        for client in waiting:
            client.close()


@pytest.fixture
def closed() -> Address:
    """An address that refuses connections."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return Address("127.0.0.1", server.getsockname()[1])


@pytest.mark.parametrize(
    ("error", "text", "unknown"),
    [
        (TimeoutError("timed out"), f"connection timed out; {CAUSE}", False),
        (OSError(errno.ETIMEDOUT, "Connection timed out"), f"connection timed out; {CAUSE}", False),
        (ConnectionRefusedError(errno.ECONNREFUSED, "refused"), f"connection refused; {CAUSE}", False),
        (OSError(errno.EHOSTUNREACH, "No route to host"), f"no route to host; {CAUSE}", False),
        (OSError(errno.ENETUNREACH, "unreachable"), f"network is unreachable; {CAUSE}", False),
        (socket.gaierror(socket.EAI_AGAIN, "x"), f"name not resolved: DNS does not answer; {CAUSE}", False),
        (socket.gaierror(socket.EAI_NONAME, "x"), "name not resolved: it does not exist in DNS", True),
        (socket.gaierror(socket.EAI_NODATA, "x"), "name not resolved: it does not exist in DNS", True),
    ],
)
def test_the_cause_is_told_with_host_and_port(error: OSError, text: str, unknown: bool) -> None:
    assert problem_of(HOST, error) == Problem(f"store.example:9000: {text}", unknown)


def test_what_refused_for_a_while_timed_out() -> None:
    refused = ConnectionRefusedError(errno.ECONNREFUSED, "refused")
    text = f"store.example:9000: connection timed out: connection refused for 21 s; {CAUSE}"
    assert problem_of(HOST, refused, tried=20.6) == Problem(text)
    assert problem_of(HOST, TimeoutError(), tried=20.6) == problem_of(HOST, TimeoutError())


def test_a_server_that_restarts_is_waited_for(closed: Address) -> None:
    servers = list[socket.socket]()
    start = threading.Timer(0.2, lambda: servers.append(socket.create_server(closed)))
    start.start()
    assert probe(closed) is None
    start.join()
    servers[0].close()


def test_other_errors_are_not_the_networks() -> None:
    assert problem_of(HOST, OSError(errno.EIO, "input/output error")) is None
    assert problem_of(HOST, OSError("no number")) is None
    assert str(Address("fd00::1", 80)) == "[fd00::1]:80"


def test_a_probe_tells_a_silent_host_from_one_that_refuses_and_one_that_answers(
    silent: Address, closed: Address
) -> None:
    assert probe(silent, seconds=0.2) == Problem(f"{silent}: connection timed out; {CAUSE}")
    assert probe(closed, seconds=1.0) == Problem(f"{closed}: connection timed out: connection refused for 1 s; {CAUSE}")
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert probe(Address("127.0.0.1", server.getsockname()[1])) is None


def test_a_lookup_without_an_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = threading.Event()

    def look_up(*_: object, **__: object) -> None:
        asked.wait(30)
        raise OSError("too late")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    assert probe(HOST, seconds=0.1) == Problem(f"{HOST}: name not resolved: DNS does not answer; {CAUSE}")
    asked.set()


def test_a_driver_that_waits_for_a_silent_host_is_left_behind(silent: Address) -> None:
    with pytest.raises(ConnectionFailedError, match=rf"s3://b/m: {silent}: connection timed out; "):
        watched(
            "s3://b/m",
            lambda _: socket.create_connection(silent),
            quiet=0.1,
            reach=partial(probe, seconds=0.1),
        )


def test_a_driver_that_receives_is_not_disturbed() -> None:
    def work(watch: Watch) -> str:
        watch.note("socket.connect", (None, HOST))
        for _ in range(6):
            time.sleep(0.05)
            watch.arrived()
        return "content"

    def never(_: Address) -> Problem:
        raise AssertionError("expected no probe while content arrives")

    assert watched("s3://b/m", work, quiet=2.0, reach=never) == "content"


def test_a_driver_that_waits_for_a_host_that_answers_is_waited_for() -> None:
    probes = list[Address]()

    def work(watch: Watch) -> str:
        watch.note("socket.getaddrinfo", ("store.example", "9000", 0, 0, 0))
        while len(probes) < 2:
            time.sleep(0.01)
        return "content"

    assert watched("s3://b/m", work, quiet=0.01, reach=probes.append) == "content"
    assert probes[:2] == [HOST, HOST]


@pytest.mark.parametrize("error", [FileNotFoundError("s3://b/m"), ArtifactNotFoundError("nothing"), RuntimeError("x")])
def test_what_a_driver_makes_of_a_closed_path_is_not_believed(closed: Address, error: Exception) -> None:
    """Drivers report a connection that failed as a file that is missing, or as an error of their own."""

    def work(watch: Watch) -> None:
        watch.note("socket.connect", (None, closed))
        raise error

    with pytest.raises(ConnectionFailedError, match=f"s3://b/m: {closed}: connection timed out"):
        watched("s3://b/m", work, reach=partial(probe, seconds=0.6))


def test_the_drivers_own_error_counts_where_the_host_answers_or_none_was_asked() -> None:
    def work(watch: Watch) -> None:
        watch.note("socket.connect", (None, HOST))
        raise ArtifactNotFoundError("nothing there")

    with pytest.raises(ArtifactNotFoundError, match="nothing there"):
        watched("s3://b/m", work, reach=lambda _: None)
    with pytest.raises(ZeroDivisionError):
        watched("memory://m", lambda _: 1 / 0, reach=lambda _: Problem("never"))


def test_a_name_that_does_not_exist_is_no_closed_path() -> None:
    def work(watch: Watch) -> None:
        watch.note("socket.connect", (None, HOST))
        raise OSError("no such name")

    with pytest.raises(ArtifactUnreachableError, match="s3://b/m: the name"):
        watched("s3://b/m", work, reach=lambda _: Problem("the name", unknown=True))


def test_a_host_is_told_by_its_name_and_what_is_no_address_is_left_out() -> None:
    watch = Watch()
    for event, arguments in (
        ("socket.connect", (None, "/run/socket")),
        ("socket.getaddrinfo", ("store.example", None, 0, 0, 0)),
        ("socket.getaddrinfo", (None, 80, 0, 0, 0)),
        ("socket.bind", (None, ("0.0.0.0", 80))),
    ):
        watch.note(event, arguments)
    assert watch.address is None
    watch.note("socket.connect", (None, ("fd00::1", 9000, 0, 0)))
    assert watch.address == ("fd00::1", 9000)
    watch.note("socket.getaddrinfo", (b"store.example", 9000, 0, 0, 0))
    watch.note("socket.connect", (None, ("192.0.2.1", 9000)))
    assert watch.address == HOST


def test_a_fetch_from_a_silent_store_ends_with_its_own_exit_code(
    tmp_path: Path, run_environment: RunEnvironment, monkeypatch: pytest.MonkeyPatch, silent: Address
) -> None:
    quick = partial(watched, quiet=0.2, reach=partial(probe, seconds=0.2))
    monkeypatch.setattr(store, "watched", quick)
    code = main(["--uri", f"ftp://{silent}/model.joblib", "--digest", DIGEST, "--to", str(tmp_path / "to")])
    error = json.loads(run_environment.message)
    assert (code, error["reason"]) == (CONNECTION_FAILED_EXIT_CODE, "ConnectionFailed")
    assert error["message"] == f"ftp://{silent}/model.joblib: {silent}: connection timed out; {CAUSE}"
    assert list((tmp_path / "to").iterdir()) == []


def test_a_store_that_refuses_is_told(
    run_environment: RunEnvironment, monkeypatch: pytest.MonkeyPatch, closed: Address
) -> None:
    monkeypatch.setattr(store, "watched", partial(watched, reach=partial(probe, seconds=1.0)))
    assert main(["--uri", f"ftp://{closed}/m", "--digest", DIGEST, "--verify-only"]) == CONNECTION_FAILED_EXIT_CODE
    message = f"ftp://{closed}/m: {closed}: connection timed out: connection refused for 1 s; {CAUSE}"
    assert json.loads(run_environment.message)["message"] == message


class Clock:
    """Seconds that pass with each look at it."""

    now = 0.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


def test_golden_requests_to_a_closed_service_end_before_their_time(tmp_path: Path, closed: Address) -> None:
    clock = Clock()
    configuration = GoldenCheck(url=f"http://{closed}", model="plus", ready_timeout_seconds=60)
    with pytest.raises(
        ConnectionFailedError, match=f"model plus: {closed}: connection timed out: connection refused for"
    ):
        check(configuration, uid="u", scratch=tmp_path, environ={}, clock=clock)
    assert clock.now < 30


@pytest.mark.parametrize(
    ("timeout", "error"),
    [(UNREACHABLE_SECONDS, EndpointUnavailableError), (UNREACHABLE_SECONDS + 1, ConnectionFailedError)],
    ids=["its time is over first", "its time goes on"],
)
def test_golden_requests_wait_for_a_connection_exactly_so_long(
    closed: Address, timeout: float, error: type[Exception]
) -> None:
    now = 0.0

    def sleep(_: float) -> None:
        nonlocal now
        now += 1.0

    with pytest.raises(error):
        wait_ready(f"http://{closed}", "plus", timeout=timeout, clock=lambda: now, sleep=sleep)
    assert now == UNREACHABLE_SECONDS
