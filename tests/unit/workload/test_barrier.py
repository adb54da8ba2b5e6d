# SPDX-License-Identifier: Apache-2.0
"""Replica 0 lets all replicas go when each is there, whoever else speaks to its port."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from mlops_workload import barrier, barrier_client
from mlops_workload.barrier import GO, OK, OTHER, WAIT, Barrier, greeting
from mlops_workload.errors import CoordinatorUnreachableError, RanksMissingError

GANG = "5d1f7a9e-8c1b-4c55-9a53-0f6f0c2e8a11"
FORMER = "00000000-8c1b-4c55-9a53-0f6f0c2e8a11"


class Running(threading.Thread):
    """A side of the barrier at work; `end` tells how it ended."""

    def __init__(self, work: Callable[[], None]) -> None:
        super().__init__(daemon=True)
        self._work = work
        self.error: Exception | None = None
        self.start()

    def run(self) -> None:
        try:
            self._work()
        except Exception as error:
            self.error = error

    def end(self) -> None:
        self.join(10)
        assert not self.is_alive()
        if self.error is not None:
            raise self.error


class Meeting:
    """Replica 0 of a gang on a port of loopback."""

    def __init__(self, ranks: int, *, gang: str = GANG, patience: float = 10) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.port = int(self._listener.getsockname()[1])
        self._gang = gang
        self._ranks = ranks
        self._patience = patience
        self.held = Running(self._hold)

    def _hold(self) -> None:
        with Barrier(self._listener, gang=self._gang, ranks=self._ranks) as held:
            held.hold(self._patience)

    def replica(self, rank: int, *, gang: str = GANG, patience: float = 10, reach: float = 10) -> Running:
        return Running(
            lambda: barrier_client.join("127.0.0.1", self.port, gang=gang, rank=rank, patience=patience, reach=reach)
        )

    @contextmanager
    def saying(self, *lines: bytes) -> Iterator[socket.socket]:
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            for line in lines:
                connection.sendall(line)
            yield connection


def read(connection: socket.socket) -> bytes:
    """The next bytes; empty at the end of the connection, and where it is broken off."""
    try:
        return connection.recv(64)
    except ConnectionError:
        return b""


def test_all_start_when_the_last_one_is_there() -> None:
    meeting = Meeting(3)
    first = meeting.replica(1)
    first.join(0.3)
    assert first.is_alive()
    assert meeting.held.is_alive()
    for part in (meeting.replica(2), first, meeting.held):
        part.end()


def test_it_takes_no_time_when_all_are_there() -> None:
    meeting = Meeting(2)
    began = time.monotonic()
    meeting.replica(1).end()
    meeting.held.end()
    assert time.monotonic() - began < 2


def test_256_ranks_at_once() -> None:
    meeting = Meeting(256)
    ranks = [socket.create_connection(("127.0.0.1", meeting.port), timeout=10) for _ in range(255)]
    for rank, connection in enumerate(ranks, start=1):
        connection.sendall(greeting(GANG, rank))
    for connection in ranks:
        with connection:
            heard = b""
            while not heard.endswith(GO):
                heard += read(connection) or pytest.fail("closed before go")
            connection.sendall(OK)
    meeting.held.end()


@pytest.mark.parametrize(
    "garbage",
    [
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n",
        b"\n",
        b"x" * 5000,
        b"mlops-rendezvous 1\n",
        b"mlops-rendezvous 2 %s 1\n" % GANG.encode(),
        *(
            b"mlops-rendezvous 1 %s %s\n" % (GANG.encode(), rank)
            for rank in (b"0", b"2", b"-1", b"1.0", b"", b"\xd9\xa1")
        ),
        b"mlops-rendezvous 1 %s %s\n" % (GANG.encode(), b"9" * 200),
    ],
)
def test_garbage_is_dropped_and_counts_for_nobody(garbage: bytes) -> None:
    meeting = Meeting(2)
    with meeting.saying(garbage) as connection:
        while (answer := read(connection)) in (WAIT, OTHER):
            assert answer == OTHER
        assert answer == b""
    assert meeting.held.is_alive()
    meeting.replica(1).end()
    meeting.held.end()


def test_a_former_attempts_rank_is_told_so_and_not_counted() -> None:
    meeting = Meeting(2)
    with meeting.saying(greeting(FORMER, 1)) as connection:
        assert read(connection) == OTHER
        assert read(connection) == b""
    assert meeting.held.is_alive()
    meeting.replica(1).end()
    meeting.held.end()


def test_a_rank_counts_once_and_by_its_newest_connection() -> None:
    meeting = Meeting(3)
    with meeting.saying(greeting(GANG, 1)) as former, meeting.saying(greeting(GANG, 1)) as newer:
        assert read(former) == read(newer) == WAIT
        assert read(former) == b""
        assert meeting.held.is_alive()
        meeting.replica(2).end()
        assert read(newer) == GO
        newer.sendall(OK)
    meeting.held.end()


def test_a_rank_that_is_gone_again_is_waited_for_again() -> None:
    meeting = Meeting(3)
    with meeting.saying(greeting(GANG, 1)) as gone:
        assert read(gone) == WAIT
    second = meeting.replica(2)
    second.join(0.3)
    assert second.is_alive()
    meeting.replica(1).end()
    second.end()
    meeting.held.end()


def test_one_whose_connection_breaks_at_the_start_asks_again() -> None:
    meeting = Meeting(3)
    with meeting.saying(greeting(GANG, 1)) as broken:
        assert read(broken) == WAIT
        meeting.replica(2).end()
        assert read(broken) == GO
    assert meeting.held.is_alive()
    meeting.replica(1).end()
    meeting.held.end()


def test_a_greeting_may_come_in_pieces() -> None:
    meeting = Meeting(2)
    line = greeting(GANG, 1)
    with meeting.saying(line[:7]) as connection:
        time.sleep(0.1)
        connection.sendall(line[7:])
        assert read(connection).startswith(WAIT)
        connection.sendall(OK)
    meeting.held.end()


def test_silent_connections_are_bounded_in_number_and_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(barrier, "STRANGERS", 3)
    meeting = Meeting(2)
    silent = [socket.create_connection(("127.0.0.1", meeting.port), timeout=10) for _ in range(8)]
    assert [read(connection) for connection in silent[:3]] == [b""] * 3
    monkeypatch.setattr(barrier, "GREETING_TIME", 0.1)
    assert [read(connection) for connection in silent[3:]] == [b""] * 5
    for connection in silent:
        connection.close()
    meeting.replica(1).end()
    meeting.held.end()


def test_replica_0_gives_up_and_names_who_is_missing() -> None:
    meeting = Meeting(40, patience=0.3)
    there = meeting.replica(2, patience=1, reach=1)
    with pytest.raises(RanksMissingError, match=r"all 40 replicas .* missing: 1, 3, 4, .*, 21 and 18 more; "):
        meeting.held.end()
    with pytest.raises((RanksMissingError, CoordinatorUnreachableError)):
        there.end()


def test_a_replica_gives_up_where_replica_0_never_lets_it_go() -> None:
    meeting = Meeting(3)
    with pytest.raises(RanksMissingError, match=r"did not let rank 1 start within 0 s; the log of its container"):
        meeting.replica(1, patience=0.3).end()
    meeting.replica(1)
    meeting.replica(2)
    meeting.held.end()


def test_a_replica_that_nobody_answers_gives_up_and_says_what_to_do(free_port: Callable[[], int]) -> None:
    port = free_port()
    with pytest.raises(
        CoordinatorUnreachableError,
        match=rf"127.0.0.1, port {port}, .* refused; a NetworkPolicy .* MLOPS_RENDEZVOUS_PORT",
    ):
        barrier_client.join("127.0.0.1", port, gang=GANG, rank=1, patience=10, reach=0.3)


@pytest.mark.parametrize(
    ("answer", "words"),
    [(OTHER, "replica 0 of another run answers"), (b"SSH-2.0-OpenSSH_9\r\n", "something else answers")],
)
def test_a_replica_takes_nobody_else_for_its_replica_0(answer: bytes, words: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = int(listener.getsockname()[1])
        gives_up = Running(lambda: barrier_client.join("127.0.0.1", port, gang=GANG, rank=1, patience=10, reach=0.5))
        listener.settimeout(0.2)
        while gives_up.is_alive():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            with connection:
                connection.recv(256)
                connection.sendall(answer)
    with pytest.raises(CoordinatorUnreachableError, match=words):
        gives_up.end()


def test_a_replica_finds_its_replica_0_behind_another_one_of_the_same_name(monkeypatch: pytest.MonkeyPatch) -> None:
    # The pods of a Job that was made again have the former ones' names: both addresses are listed for a while.
    former, meeting = Meeting(2, gang=FORMER), Meeting(2)
    resolve = socket.getaddrinfo

    def both(host: str, *args: Any, **more: Any) -> list[Any]:
        if host != "coordinator":
            return list(resolve(host, *args, **more))
        return [(socket.AF_INET, 1, 6, "", ("127.0.0.1", port)) for port in (former.port, meeting.port)]

    monkeypatch.setattr(socket, "getaddrinfo", both)
    barrier_client.join("coordinator", meeting.port, gang=GANG, rank=1, patience=10)
    meeting.held.end()
    assert former.held.is_alive()


def test_a_replica_waits_until_replica_0_listens(free_port: Callable[[], int]) -> None:
    port = free_port()
    early = Running(lambda: barrier_client.join("127.0.0.1", port, gang=GANG, rank=1, patience=10))
    early.join(0.3)
    assert early.is_alive()
    with Barrier(barrier.listen(port), gang=GANG, ranks=2) as held:
        held.hold(10)
    early.end()


def test_the_port_is_free_at_once_for_the_run() -> None:
    meeting = Meeting(4)
    for replica in [meeting.replica(rank) for rank in (1, 2, 3)]:
        replica.end()
    meeting.held.end()
    with socket.socket() as probe:  # a framework that does not set SO_REUSEADDR
        probe.bind(("127.0.0.1", meeting.port))


def test_the_port_is_free_at_once_though_a_replica_closes_late() -> None:
    meeting = Meeting(2)
    with socket.create_connection(("127.0.0.1", meeting.port), timeout=10) as late:
        late.sendall(greeting(GANG, 1))
        lines = late.makefile("rb")
        assert [lines.readline(), lines.readline()] == [WAIT, GO]
        late.sendall(OK)
        meeting.held.end()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", meeting.port))


def test_replica_0_waits_for_its_port_and_says_when_it_cannot_have_it() -> None:
    pauses: list[float] = []
    with socket.create_server(("", 0)) as other:
        port = int(other.getsockname()[1])
        with pytest.raises(CoordinatorUnreachableError, match=rf"port {port} .* in use; set MLOPS_RENDEZVOUS_PORT"):
            barrier.listen(port, patience=3, sleep=pauses.append)
        assert pauses == [1.0] * 3
        barrier.listen(port, patience=3, sleep=lambda _: other.close()).close()
