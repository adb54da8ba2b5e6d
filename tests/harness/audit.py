# SPDX-License-Identifier: Apache-2.0
"""Counts requests from the API server's audit log: exact, and from the server's side."""

import json
import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

LONGEST_LINE = 1 << 20
"""Bytes; the API server writes a line in several pieces, and one may be on its way."""

WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})


class Request(NamedTuple):
    """What is counted apart. `subresource` is empty for the object itself, `namespace` for cluster-wide requests."""

    agent: str
    verb: str
    resource: str
    subresource: str
    namespace: str
    code: int

    @property
    def is_write(self) -> bool:
        return self.verb in WRITES


class AuditLog:
    """Reads on from where it stopped.

    The API server writes a line when a request is complete (for a watch: when it begins), so a
    request whose answer has arrived may be a few milliseconds from being in the log.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self.skip()

    def skip(self) -> None:
        """Forget everything so far."""
        self._offset = self.position() if self._path.exists() else 0

    def position(self) -> int:
        """Where the last complete line ends now, for a `read` up to this moment."""
        with self._path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            tail = file.seek(max(0, size - LONGEST_LINE))
            return tail + file.read(size - tail).rfind(b"\n") + 1

    def read(self, until: int | None = None) -> Counter[Request]:
        """The requests since the last `read` or `skip`; all of them, or those before a position."""
        counts: Counter[Request] = Counter()
        with self._path.open("rb") as file:
            file.seek(self._offset)
            data = file.read() if until is None else file.read(max(0, until - self._offset))
        complete = data.rfind(b"\n") + 1
        self._offset += complete
        for line in data[:complete].splitlines():
            entry = json.loads(line)
            if (entry["stage"] == "ResponseStarted") != (entry["verb"] == "watch"):
                continue  # one line per request: a watch's first, any other's last
            reference = entry.get("objectRef") or {}
            request = Request(
                agent=entry.get("userAgent", "").split("/", 1)[0],
                verb=entry["verb"],
                resource=reference.get("resource") or entry.get("requestURI", "").split("?")[0],
                subresource=reference.get("subresource", ""),
                namespace=reference.get("namespace", ""),
                code=(entry.get("responseStatus") or {}).get("code", 0),
            )
            counts[request] += 1
        return counts


def select(
    counts: Counter[Request],
    *,
    agent: str = "mlops-operator",
    namespace: str | None = None,
    writes: bool | None = None,
    without: Iterable[str] = ("leases",),
) -> Counter[Request]:
    """The requests of one client, by default without its leases; `writes` None means reads as well."""
    left_out = frozenset(without)
    return Counter(
        {
            request: number
            for request, number in counts.items()
            if request.agent == agent
            and (namespace is None or request.namespace == namespace)
            and (writes is None or request.is_write == writes)
            and request.resource not in left_out
        }
    )
