# SPDX-License-Identifier: Apache-2.0
"""A replica's side of the barrier: connect to replica 0, and wait until all replicas have. See `barrier`."""

import contextlib
import socket
import time
from enum import Enum, auto
from typing import Final, NamedTuple

from mlops_contract import environment
from mlops_workload.barrier import GO, LONGEST_LINE, OK, OTHER, WAIT, greeting, keep_alive
from mlops_workload.errors import CoordinatorUnreachableError, RanksMissingError

REACH: Final = 300.0
"""Seconds for which replica 0 may not answer, though it has an address: its node may pull the image of its init
container in that time. It does not answer where the port is closed to the replicas, or where it has started already."""

ANSWER_TIME: Final = 10.0
"""Seconds for a connection, and again for the answer to the greeting."""

FIRST_PAUSE: Final = 0.2
LONGEST_PAUSE: Final = 2.0
"""Seconds between two tries, which grow."""


class _End(Enum):
    """How a conversation with replica 0 ended."""

    RELEASED = auto()
    LOST = auto()
    """After it had answered the replica with `wait`."""
    UNANSWERED = auto()


class _Talk(NamedTuple):
    end: _End
    problem: str = ""


def join(name: str, port: int, *, gang: str, rank: int, patience: float, reach: float = REACH) -> None:
    """Wait until replica 0 lets this one go.

    Args:
        name: DNS name of replica 0.
        port: where it listens.
        gang: identity of the replicas that start together.
        rank: of this replica, from 1.
        patience: seconds in all; longer than replica 0's own, which knows who is missing.
        reach: seconds in which replica 0 has to answer.

    Raises:
        CoordinatorUnreachableError: it did not answer.
        RanksMissingError: it did not let this one go in time.
    """
    began = heard = time.monotonic()
    pause, told = FIRST_PAUSE, ""
    while True:
        talk = _try(name, port, greeting(gang, rank), until=began + patience)
        if talk.end is _End.RELEASED:
            return
        if talk.problem != told:
            print(f"waiting for replica 0: {name}, port {port}: {talk.problem}")
            told = talk.problem
        now = time.monotonic()
        if talk.end is _End.LOST:
            heard, pause = now, FIRST_PAUSE
        if now - began > patience:
            raise RanksMissingError(
                f"replica 0 did not let rank {rank} start within {patience:.0f} s; the log of its container "
                "wait-for-coordinator lists the ranks it waited for"
            )
        if now - heard > reach:
            raise CoordinatorUnreachableError(
                f"expected replica 0 at {name}, port {port}, to answer rank {rank} within {reach:.0f} s, found: "
                f"{talk.problem}; a NetworkPolicy or a service mesh closes that port to the replicas, or replica 0 has "
                f"started without this one; {environment.RENDEZVOUS_PORT} in spec.env sets another port, 0 for none"
            )
        time.sleep(pause)
        pause = min(LONGEST_PAUSE, pause * 1.5)


def _try(name: str, port: int, line: bytes, *, until: float) -> _Talk:
    """Talk to whatever `name` stands for: a former replica 0 may still be listed beside the one that counts."""
    try:
        found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    except OSError as error:
        return _Talk(_End.UNANSWERED, _text(error))
    talk = _Talk(_End.UNANSWERED, "no address")
    for *_, address in found:
        talk = _talk((str(address[0]), int(address[1])), line, until=until)
        if talk.end is not _End.UNANSWERED:
            break
    return talk


def _talk(address: tuple[str, int], line: bytes, *, until: float) -> _Talk:
    waiting = False
    try:
        with socket.create_connection(address, ANSWER_TIME) as connection:
            keep_alive(connection)
            connection.sendall(line)
            lines = connection.makefile("rb")
            answer = lines.readline(LONGEST_LINE)
            if waiting := answer == WAIT:
                connection.settimeout(max(0.1, until - time.monotonic()))
                answer = lines.readline(LONGEST_LINE)
            if answer == GO and waiting:
                with contextlib.suppress(OSError):
                    connection.sendall(OK)
                return _Talk(_End.RELEASED)
    except OSError as error:
        return _Talk(_End.LOST if waiting else _End.UNANSWERED, _text(error))
    if waiting:
        return _Talk(_End.LOST, "replica 0 closed the connection")
    return _Talk(_End.UNANSWERED, "replica 0 of another run answers" if answer == OTHER else "something else answers")


def _text(error: OSError) -> str:
    return error.strerror or str(error) or type(error).__name__
