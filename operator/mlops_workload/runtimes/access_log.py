# SPDX-License-Identifier: Apache-2.0
"""The access log of a model server: one line for each request, as ASGI middleware.

    2026-01-01 00:00:00.000 127.0.0.1:40312 "POST /v2/models/digits/infer" 200 2.1 ms
    2026-01-01 00:00:01.000 127.0.0.1:40312 "POST /v2/models/digits/infer" 400 0.6 ms: expected exactly one input tensor

The line of a refused request ends with the cause, and there is no traceback: the server is not at fault. Probes and
scrapes that succeed have no line, since they would drown the rest.
"""

from __future__ import annotations

import json
import logging
import time
from contextvars import ContextVar
from typing import Final

from mlops_workload.runtimes.request_limits import Application, Message, Receive, Send

LOGGER: Final = "mlops_workload.access"

MAX_TEXT: Final = 512
"""Characters of a path or a cause that are logged."""

FAILED: Final = 400
"""The least status code of a failure."""

logger = logging.getLogger(LOGGER)
_causes: ContextVar[list[str] | None] = ContextVar("causes", default=None)


class AccessLog:
    """Logs the requests that an application answers."""

    def __init__(self, app: Application) -> None:
        self._app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request, then log it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # An application that raises is answered for with 500 by the server around it.
        status = 500

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        causes: list[str] = []
        token = _causes.set(causes)
        begin = time.monotonic()
        try:
            await self._app(scope, receive, noting)
        finally:
            _causes.reset(token)
            if status >= FAILED or not _is_routine(scope):
                logger.info("%s", _line(scope, status, time.monotonic() - begin, causes))


class RefusalsWithoutTraceback(logging.Filter):
    """Drops the record of an exception that the client caused, and leaves its text to the line of the access log.

    Args:
        errors: the exceptions that are answered with a status of 4xx.
    """

    def __init__(self, *errors: type[Exception]) -> None:
        super().__init__()
        self._errors = errors

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is logged."""
        error = record.exc_info[1] if record.exc_info else None
        causes = _causes.get()
        if causes is None or not isinstance(error, self._errors):
            return True
        causes.append(str(error))
        return False


def _is_routine(scope: Message) -> bool:
    """Whether a request is a probe or a scrape."""
    path = scope["path"]
    return scope["method"] == "GET" and (path in {"/", "/metrics"} or path.endswith(("/ready", "/live")))


def _line(scope: Message, status: int, seconds: float, causes: list[str]) -> str:
    client = ":".join(map(str, scope.get("client") or ("-",)))
    # As it was sent, still percent-encoded, and without its query.
    path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
    cause = f": {_on_one_line('; '.join(causes))}" if causes else ""
    return f'{client} "{scope["method"]} {_on_one_line(path)}" {status} {seconds * 1000:.1f} ms{cause}'


def _on_one_line(text: str) -> str:
    """`text`, cut, with control characters and quotes escaped: a client must not be able to write a line of its own."""
    return json.dumps(text[:MAX_TEXT], ensure_ascii=not text.isprintable())[1:-1]
