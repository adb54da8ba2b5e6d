# SPDX-License-Identifier: Apache-2.0
"""Connections that cannot be made: to which host and port, and why.

A store's driver may wait for minutes where a firewall drops its packets, and may report something else in the end. So
`watched` runs it beside a watch: where nothing arrives for `QUIET_SECONDS`, or the driver fails, a plain connection to
the host and port of the last request shows whether the network is the cause.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple, Protocol, TypeVar

from mlops_workload.errors import ArtifactUnreachableError, ConnectionFailedError

Value = TypeVar("Value")

QUIET_SECONDS: Final = 15.0
"""Time without a byte from a store after which a connection to it is tried. With `PROBE_SECONDS` and the end of the pod
a closed path is in the status within a minute."""

PROBE_SECONDS: Final = 10.0
"""Time for resolving the name and connecting: where both are possible, they take less than a second."""

PAUSE_SECONDS: Final = 0.5
"""Between two tries."""

CAUSE: Final = "a NetworkPolicy that does not allow it is one possible cause"

_TIMED_OUT: Final = "connection timed out"

_WORDS: Final = {
    errno.ETIMEDOUT: _TIMED_OUT,
    errno.ECONNREFUSED: "connection refused",
    errno.EHOSTUNREACH: "no route to host",
    errno.ENETUNREACH: "network is unreachable",
}

_UNKNOWN_NAME: Final = (socket.EAI_NONAME, socket.EAI_NODATA)
"""What the resolver reports of a name that does not exist by the answer of DNS. Its other codes mean no answer."""


class Address(NamedTuple):
    """A host, by name or number, and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        """As in a URL."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Problem(NamedTuple):
    """Why a connection cannot be made.

    Attributes:
        text: the cause, with host and port.
        unknown: whether DNS answered that the name does not exist, so that no firewall is in the way.
    """

    text: str
    unknown: bool = False


def problem_of(address: Address, error: OSError, *, tried: float = 0.0) -> Problem | None:
    """Description of an error of a lookup or a connection; None if it is neither.

    Args:
        address: whose name was looked up, or that was connected to.
        error: of the last try.
        tried: seconds for which it was tried again and again.
    """
    if isinstance(error, socket.gaierror):
        return _unresolved(address, unknown=error.errno in _UNKNOWN_NAME)
    words = _TIMED_OUT if isinstance(error, TimeoutError) else _WORDS.get(error.errno or 0)
    if words is None:
        return None
    if tried and words != _TIMED_OUT:
        words = f"{_TIMED_OUT}: {words} for {tried:.0f} s"
    return Problem(f"{address}: {words}; {CAUSE}")


def _unresolved(address: Address, *, unknown: bool) -> Problem:
    why = "it does not exist in DNS" if unknown else f"DNS does not answer; {CAUSE}"
    return Problem(f"{address}: name not resolved: {why}", unknown)


def probe(address: Address, *, seconds: float = PROBE_SECONDS) -> Problem | None:
    """Connect, and return why that is not possible within `seconds`; None if it is.

    What refuses is tried again until then: a server that restarts does so for a moment.
    """
    resolved = threading.Event()
    found: list[Problem | None] = []

    def connect() -> None:
        began = time.monotonic()
        while True:
            try:
                socket.getaddrinfo(*address, type=socket.SOCK_STREAM)
                resolved.set()
                socket.create_connection(address, timeout=seconds).close()
            except OSError as error:
                tried = time.monotonic() - began
                problem = problem_of(address, error, tried=tried)
                if problem is not None and not problem.unknown and tried + PAUSE_SECONDS < seconds:
                    time.sleep(PAUSE_SECONDS)
                    continue
                found.append(problem or Problem(f"{address}: {error.strerror or error}; {CAUSE}"))
            else:
                found.append(None)
            return

    # In a thread of its own, because a lookup cannot be given a timeout.
    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    thread.join(seconds + PAUSE_SECONDS)
    if found:
        return found[0]
    if not resolved.is_set():
        return _unresolved(address, unknown=False)
    return problem_of(address, TimeoutError())


class Readable(Protocol):
    """A stream of bytes."""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes; none at the end."""
        ...


class Watch:
    """What this process connected to since the watch began, and when something last arrived."""

    def __init__(self) -> None:
        self._named: Address | None = None
        self._connected: Address | None = None
        self._arrived = time.monotonic()

    @property
    def address(self) -> Address | None:
        """The host that was looked up last, else the address of the last connection; None before the first one."""
        return self._named or self._connected

    @property
    def quiet_seconds(self) -> float:
        """Seconds since something arrived."""
        return time.monotonic() - self._arrived

    def arrived(self) -> None:
        """Note that something arrived."""
        self._arrived = time.monotonic()

    def noting(self, stream: Readable) -> _Noted:
        """`stream`, whose content is noted as it arrives."""
        return _Noted(stream, self)

    def note(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Note an audit event of `socket`, whichever library and thread it comes from."""
        if event == "socket.getaddrinfo":
            self._named = _address(arguments[:2]) or self._named
        elif event == "socket.connect":
            self._connected = _address(arguments[1]) or self._connected


class _Noted:
    def __init__(self, stream: Readable, watch: Watch) -> None:
        self._stream, self._watch = stream, watch

    def read(self, size: int, /) -> bytes:
        content = self._stream.read(size)
        self._watch.arrived()
        return content


def _address(given: Any) -> Address | None:
    if not isinstance(given, tuple) or len(given) < 2:
        return None
    host, port = given[:2]
    host = host.decode(errors="replace") if isinstance(host, bytes) else host
    number = int(port) if isinstance(port, int) or (isinstance(port, str) and port.isdecimal()) else 0
    return Address(host, number) if isinstance(host, str) and host and number else None


_watches: Final[list[Watch]] = []


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if event.startswith("socket."):
        for watch in tuple(_watches):
            watch.note(event, arguments)


@contextlib.contextmanager
def _recorded(watch: Watch) -> Iterator[None]:
    _install_audit_hook()
    _watches.append(watch)
    try:
        yield
    finally:
        _watches.remove(watch)


@functools.cache
def _install_audit_hook() -> None:
    """Once: a hook cannot be removed."""
    sys.addaudithook(_audit)


def watched(
    uri: str,
    work: Callable[[Watch], Value],
    *,
    quiet: float = QUIET_SECONDS,
    reach: Callable[[Address], Problem | None] = probe,
) -> Value:
    """The value of `work`, which talks to a store and notes on the watch what arrives.

    It runs in a thread of its own, which is left behind where the store cannot be reached.

    Args:
        uri: what errors are about.
        work: whose own errors are raised where the store can be reached.
        quiet: seconds without a byte after which a connection is tried.
        reach: tries a connection.

    Raises:
        ConnectionFailedError: the store cannot be reached.
        ArtifactUnreachableError: its name does not exist.
    """
    watch, ended = Watch(), threading.Event()
    values, errors = list[Value](), list[BaseException]()

    def run() -> None:
        try:
            values.append(work(watch))
        except BaseException as error:  # raised in the thread that waits
            errors.append(error)
        ended.set()

    with _recorded(watch):
        threading.Thread(target=run, daemon=True).start()
        while not ended.wait(max(0.0, quiet - watch.quiet_seconds)):
            if watch.quiet_seconds >= quiet:
                _require_reachable(uri, watch.address, reach, cause=None)
                watch.arrived()  # the host answers: the driver waits for something else
        if errors:
            _require_reachable(uri, watch.address, reach, cause=errors[0])
            raise errors[0]
    return values[0]


def _require_reachable(
    uri: str,
    address: Address | None,
    reach: Callable[[Address], Problem | None],
    *,
    cause: BaseException | None,
) -> None:
    found = reach(address) if address is not None else None
    if found is not None:
        kind = ArtifactUnreachableError if found.unknown else ConnectionFailedError
        raise kind(f"{uri}: {found.text}") from cause
