# SPDX-License-Identifier: Apache-2.0
"""Choose a TCP port on loopback that no other process takes in the meantime."""

from __future__ import annotations

import socket
import zlib

from localcluster.errors import PortTaken

#: Below the kernel's ephemeral range (32768 and up), so that no outgoing connection is ever given one of them.
FIRST, LAST = 21000, 31999


class ReservedPort:
    """A port held by a bound socket that does not listen.

    The program it is meant for can bind it too if it sets SO_REUSEPORT; every other program is refused.
    """

    def __init__(self, port: int, *, again: bool = False) -> None:
        """Reserve ``port``; ``again`` if this package had it before, and old connections to it may still linger."""
        self._socket = socket.socket()
        if again:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind(("127.0.0.1", port))
        except OSError as error:
            self._socket.close()
            raise PortTaken(
                f"expected TCP port {port} on 127.0.0.1 to be free: {error}",
                remedy=f"end the program that holds it (`ss -tlnp 'sport = :{port}'`), or let a port be chosen",
            ) from error
        # Set after binding: bound without it, the port is exclusive or the bind fails.
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self.port = port

    def release(self) -> None:
        """Give the port up."""
        self._socket.close()


def reserve(seed: str) -> ReservedPort:
    """A free port; the same ``seed`` begins its search at the same place."""
    count = LAST - FIRST + 1
    start = zlib.crc32(seed.encode()) % count
    for offset in range(count):
        try:
            return ReservedPort(FIRST + (start + offset) % count)
        except PortTaken:
            continue
    raise PortTaken(f"expected a free TCP port from {FIRST} to {LAST}, found none", remedy="end what holds them")
