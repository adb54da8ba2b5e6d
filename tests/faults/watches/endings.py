# SPDX-License-Identifier: Apache-2.0
"""The ways in which a watch ends badly."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tests.harness.stub_server import Answer, failure, status, stream


@dataclass(frozen=True)
class Ending:
    """One way.

    Attributes:
        answer: makes the answer to a watch request; None where the connection is dropped without one.
        end: how the running watches end: their last bytes, or None for a connection cut inside a line.
        fatal: whether kopf ends as a whole on it, once its own tries are over.
        listed: whether an informer lists after it, which is as good as a watch for a while.
    """

    answer: Answer | None
    end: bytes | None
    fatal: bool
    listed: bool = False


_HALF: Final = b'{"type": "MODIFIED", "obje'


def _error(code: int, reason: str, *, fatal: bool = True) -> Ending:
    line = json.dumps({"type": "ERROR", "object": status(code, reason)}).encode() + b"\n"
    return Ending(stream(line), line, fatal, listed=code == 410)


def _refused(code: int, reason: str = "", *, fatal: bool = True) -> Ending:
    return Ending(failure(code, reason), None, fatal, listed=code == 410)


ENDINGS: Final[Mapping[str, Ending]] = {
    "ended cleanly": Ending(stream(), b"", fatal=False),
    "cut inside a line": Ending(stream(_HALF, then="cut"), None, fatal=False),
    "ended inside a line": Ending(stream(_HALF), _HALF, fatal=True),
    "no answer": Ending(None, None, fatal=False),
    "ERROR 410": _error(410, "Expired", fatal=False),
    "ERROR 500": _error(500, "InternalError"),
    "ERROR 429": _error(429, "TooManyRequests"),
    "ERROR 403": _error(403, "Forbidden"),
    "404": _refused(404, "NotFound"),
    "410": _refused(410, "Expired"),
    "500": _refused(500, "InternalError"),
    "504": _refused(504, "Timeout"),
    "403": _refused(403, "Forbidden"),
    "429": _refused(429, "TooManyRequests", fatal=False),
}
