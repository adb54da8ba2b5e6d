# SPDX-License-Identifier: Apache-2.0
"""The little of a Kubernetes client that starting a cluster takes: GET and wait."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

#: Polling interval while waiting: too short to notice, and long compared with the cost of a poll.
POLL_SECONDS = 0.1


class Client:
    """Reads from the API server of a kubeconfig of this package."""

    def __init__(self, kubeconfig: Path) -> None:
        document = yaml.safe_load(kubeconfig.read_text())
        cluster = document["clusters"][0]["cluster"]
        user = document["users"][0]["user"]
        address = urlsplit(cluster["server"])
        self._host, self._port = str(address.hostname), int(address.port or 443)
        self._context = ssl.create_default_context(
            cadata=base64.b64decode(cluster["certificate-authority-data"]).decode()
        )
        # The ssl module takes client certificates from files only.
        with tempfile.NamedTemporaryFile(suffix=".pem") as pem:
            pem.write(base64.b64decode(user["client-certificate-data"]))
            pem.write(base64.b64decode(user["client-key-data"]))
            pem.flush()
            self._context.load_cert_chain(pem.name)

    def get(self, path: str) -> tuple[int, bytes]:
        """Status code and body; OSError if the server cannot be reached."""
        connection = http.client.HTTPSConnection(self._host, self._port, context=self._context, timeout=5)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read()
        except http.client.HTTPException as error:
            raise ConnectionError(f"the API server broke off: {error!r}") from error
        finally:
            connection.close()

    def read(self, path: str) -> dict[str, Any] | None:
        """The object or list at ``path``; None if it is not there (yet) or the server cannot answer (yet)."""
        try:
            status, body = self.get(path)
        except OSError:
            return None
        return dict(json.loads(body)) if status == http.client.OK else None

    def is_ready(self) -> bool:
        """Whether the API server reports ready."""
        try:
            return self.get("/readyz")[0] == http.client.OK
        except OSError:
            return False


def wait_for(condition: Callable[[], bool], *, seconds: float) -> bool:
    """Poll ``condition`` until it holds; False if it does not within ``seconds``."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True
