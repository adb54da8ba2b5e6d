# SPDX-License-Identifier: Apache-2.0
"""A barrier over the replicas of a run: replica 0 counts the others on a TCP port, and releases all when each is
connected.

A replica connects and sends one line, `mlops-rendezvous 1 <gang> <rank>`. Replica 0 answers `wait`, or `other` where it
belongs to another gang. When every rank has a connection it sends `go` on each; the replica answers `ok` and closes.
A connection is the proof that its replica is there: one that ends is counted no more, and of two with the same rank the
newer one counts. What is no such line is dropped, so scanners and probes do no harm.

This module has replica 0's side; `barrier_client` has the others'.
"""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import selectors
import socket
import struct
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from mlops_contract import environment
from mlops_workload.errors import CoordinatorUnreachableError, RanksMissingError

GREETING: Final = b"mlops-rendezvous 1"
WAIT: Final = b"wait\n"
OTHER: Final = b"other\n"
GO: Final = b"go\n"
OK: Final = b"ok\n"

LONGEST_LINE: Final = 256
"""Bytes of a line; a greeting has some 60, for a gang is named by a UID."""

GREETING_TIME: Final = 10.0
"""Time limit for the greeting of a connection, in seconds."""

STRANGERS: Final = 64
"""Connections without a greeting that are kept beside one for each rank; one more displaces the oldest."""

ACKNOWLEDGEMENT_TIME: Final = 5.0
"""Seconds for which replica 0 goes on listening after `go`: one whose connection broke meanwhile asks again."""

PORT_TIME: Final = 120.0
"""Seconds for which replica 0 tries to get its port: another gang's replica 0 on the same host (`hostNetwork`) has it
for some seconds, a program for ever."""

SILENCE: Final = 15
"""Seconds after which the kernel asks whether the other end still lives; it gives up after as many again."""


def listen(port: int, *, patience: float = PORT_TIME, sleep: Callable[[float], None] = time.sleep) -> socket.socket:
    """The socket on which replica 0 hears the others.

    Raises:
        CoordinatorUnreachableError: something else has the port.
    """
    waited = 0
    while True:
        try:
            return _bound(port)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or waited >= patience:
                raise CoordinatorUnreachableError(
                    f"replica 0 cannot listen on port {port} for the others: {os.strerror(error.errno or 0)}; set "
                    f"{environment.RENDEZVOUS_PORT} in spec.env to a port that is free"
                ) from error
        sleep(1.0)
        waited += 1


def _bound(port: int) -> socket.socket:
    # All ranks may connect while replica 0 still asks for its own name.
    if socket.has_dualstack_ipv6():
        with contextlib.suppress(OSError):  # a kernel that knows IPv6 and has it switched off
            return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=1024)
    return socket.create_server(("", port), backlog=1024)


def keep_alive(connection: socket.socket) -> None:
    """Let the kernel end the connection when the node of the other end has failed."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_KEEPIDLE"):  # Linux
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, SILENCE)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, SILENCE // 3)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)


def greeting(gang: str, rank: int) -> bytes:
    """The line that a replica sends."""
    return b"%s %s %d\n" % (GREETING, gang.encode(), rank)


@dataclass(eq=False)
class _Peer:
    """A connection: of a rank of this gang, or of a client that has not sent its greeting yet."""

    connection: socket.socket
    since: float
    heard: bytes = b""
    rank: int | None = None


class Barrier:
    """Replica 0's side of the barrier of one gang, on a socket that listens, which it closes in the end."""

    def __init__(self, listener: socket.socket, *, gang: str, ranks: int) -> None:
        self._listener = listener
        self._gang = gang.encode()
        self._ranks = ranks
        self._strangers: dict[_Peer, None] = {}
        self._there: dict[int, _Peer] = {}
        self._released = False
        self._let_go: set[int] = set()
        listener.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(listener, selectors.EVENT_READ)
        _allow_files(2 * ranks + STRANGERS)

    def __enter__(self) -> Barrier:
        return self

    def __exit__(self, *_: object) -> None:
        for peer in [*self._strangers, *self._there.values()]:
            self._drop(peer)
        self._selector.close()
        self._listener.close()

    @property
    def missing(self) -> list[int]:
        """The ranks that are not there, in order."""
        return [rank for rank in range(1, self._ranks) if rank not in self._there]

    def hold(self, patience: float) -> None:
        """Wait until every rank is there, and let all go.

        Raises:
            RanksMissingError: some were not there within `patience` seconds.
        """
        deadline = time.monotonic() + patience
        while missing := self.missing:
            if time.monotonic() > deadline:
                raise RanksMissingError(
                    f"expected all {self._ranks} replicas at the same time within {patience:.0f} s, missing: "
                    f"{_listed(missing)}; there was no room for their pods, or their containers did not start, or they "
                    "had ended before the run was suspended"
                )
            self._look(min(1.0, patience))
        self._released = True
        for peer in list(self._there.values()):
            self._send(peer, GO)
        deadline = time.monotonic() + ACKNOWLEDGEMENT_TIME
        while len(self._let_go) < self._ranks - 1 and time.monotonic() < deadline:
            self._look(0.1)

    def _look(self, timeout: float) -> None:
        """Handle the events on the connections. Waits for at most `timeout` seconds for one."""
        for key, _ in self._selector.select(timeout):
            if key.fileobj is self._listener:
                self._accept()
            elif key.data in self._strangers or key.data.rank is not None:  # else it was dropped by one before it
                self._read(key.data)
        too_old = time.monotonic() - GREETING_TIME
        for peer in [peer for peer in self._strangers if peer.since < too_old]:
            self._drop(peer)

    def _accept(self) -> None:
        if len(self._strangers) >= self._ranks + STRANGERS:
            self._drop(next(iter(self._strangers)))
        try:
            connection, _ = self._listener.accept()
        except OSError:  # already closed
            return
        connection.setblocking(False)
        keep_alive(connection)
        peer = _Peer(connection, since=time.monotonic())
        self._strangers[peer] = None
        self._selector.register(connection, selectors.EVENT_READ, peer)

    def _read(self, peer: _Peer) -> None:
        try:
            heard = peer.connection.recv(LONGEST_LINE)
        except BlockingIOError:
            return
        except OSError:
            heard = b""
        peer.heard += heard
        if not heard or len(peer.heard) > LONGEST_LINE:
            self._drop(peer)
        elif b"\n" in peer.heard:
            line, _, peer.heard = peer.heard.partition(b"\n")
            self._hear(peer, line)

    def _hear(self, peer: _Peer, line: bytes) -> None:
        if peer.rank is not None:
            if self._released and line + b"\n" == OK:
                self._let_go.add(peer.rank)
                # Who closes first keeps the port busy for a minute. The replica does as a rule; if it is late, the
                # connection is reset, which loses nothing: all data were sent.
                peer.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self._drop(peer)
            return
        rank = self._rank_in(line)
        if rank is None:
            if line.startswith(GREETING):
                self._send(peer, OTHER)
            self._drop(peer)
            return
        if (former := self._there.get(rank)) is not None:
            self._drop(former)
        del self._strangers[peer]
        peer.rank = rank
        self._there[rank] = peer
        self._send(peer, WAIT + GO if self._released else WAIT)

    def _rank_in(self, line: bytes) -> int | None:
        """The rank that a greeting of this gang names; None for anything else."""
        start, _, rank = line.rpartition(b" ")
        if start != b"%s %s" % (GREETING, self._gang) or not rank.isdigit() or len(rank) > len(str(self._ranks)):
            return None
        return int(rank) if 0 < int(rank) < self._ranks else None

    def _send(self, peer: _Peer, line: bytes) -> None:
        # A few bytes on a connection that had nothing to carry: they fit, or it is dead.
        try:
            peer.connection.send(line)
        except OSError:
            self._drop(peer)

    def _drop(self, peer: _Peer) -> None:
        self._strangers.pop(peer, None)
        if peer.rank is not None and self._there.get(peer.rank) is peer:
            del self._there[peer.rank]
        peer.rank = None
        if peer.connection.fileno() >= 0:
            self._selector.unregister(peer.connection)
            peer.connection.close()


def _listed(ranks: Iterable[int], most: int = 20) -> str:
    """Ranks as text, the first of them where there are many."""
    ranks = list(ranks)
    named = ", ".join(map(str, ranks[:most]))
    return f"{named} and {len(ranks) - most} more" if len(ranks) > most else named


def _allow_files(wanted: int) -> None:
    """Raise the number of open files, as far as one may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = wanted + 64 if hard == resource.RLIM_INFINITY else min(wanted + 64, hard)
    if soft != resource.RLIM_INFINITY and soft < limit:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
