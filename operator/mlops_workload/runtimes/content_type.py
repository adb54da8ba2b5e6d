# SPDX-License-Identifier: Apache-2.0
"""ASGI middleware for requests whose client does not declare them as JSON.

`curl -d` names a form, and other clients nothing. In the Open Inference Protocol a body is JSON, or else it has the
header `Inference-Header-Content-Length`; so a body of any other type without that header is read as JSON.
"""

from typing import Final

from mlops_workload.runtimes.request_limits import Application, Message, Receive, Send

BINARY_HEADER: Final = b"inference-header-content-length"
BINARY: Final = b"application/octet-stream"
JSON: Final = b"application/json"


class JsonByDefault:
    """Passes requests on with the content type JSON, unless they are JSON already or binary."""

    def __init__(self, app: Application) -> None:
        self._app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http" and scope["method"] == "POST":
            headers = [(name.lower(), value) for name, value in scope["headers"]]
            kind = dict(headers).get(b"content-type", b"").partition(b";")[0].strip().lower()
            binary = kind == BINARY or BINARY_HEADER in dict(headers)
            if not binary and not kind.endswith(b"json"):
                others = [(name, value) for name, value in headers if name != b"content-type"]
                scope = {**scope, "headers": [*others, (b"content-type", JSON)]}
        await self._app(scope, receive, send)
