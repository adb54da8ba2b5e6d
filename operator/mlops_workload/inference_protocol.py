# SPDX-License-Identifier: Apache-2.0
"""Tensors of the Open Inference Protocol (V2) as JSON, to and from numpy, and requests over HTTP.

https://github.com/kserve/open-inference-protocol: a tensor is `{"name", "shape", "datatype",
"data"}` with the data flat, in row-major order.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from typing import IO, Any, Final, NamedTuple

from numpy.typing import NDArray

from mlops_workload.connections import Address, Problem, problem_of
from mlops_workload.errors import DataInvalidError

INPUT_NAME: Final = "input-0"
OUTPUT_NAME: Final = "predict"
"""Name of the one output tensor: what MLServer's scikit-learn runtime calls it too."""

MAX_REPLY_BYTES: Final = 64 * 1024 * 1024
"""Largest reply that is read: a server must not be able to fill the memory of the one that asks."""

DATATYPES: Final = {
    "b1": "BOOL",
    "i1": "INT8",
    "i2": "INT16",
    "i4": "INT32",
    "i8": "INT64",
    "u1": "UINT8",
    "u2": "UINT16",
    "u4": "UINT32",
    "u8": "UINT64",
    "f4": "FP32",
    "f8": "FP64",
}


class HttpReply(NamedTuple):
    """Status and body of an HTTP response."""

    status: int
    body: bytes


def to_tensor(name: str, array: NDArray[Any]) -> dict[str, Any]:
    """`array` as a JSON tensor; text becomes `BYTES`.

    Raises:
        DataInvalidError: an array of something the protocol has no datatype for.
    """
    datatype = "BYTES" if array.dtype.kind in "US" else DATATYPES.get(f"{array.dtype.kind}{array.dtype.itemsize}")
    if datatype is None:
        raise DataInvalidError(f"expected an array of numbers, truth values or text, found dtype {array.dtype}")
    return {"name": name, "shape": list(array.shape), "datatype": datatype, "data": array.ravel().tolist()}


def infer_url(base: str, model: str) -> str:
    """Where requests for `model` go."""
    return f"{base.rstrip('/')}/v2/models/{model}/infer"


def ready_url(base: str, model: str) -> str:
    """Path of the readiness of `model`."""
    return f"{base.rstrip('/')}/v2/models/{model}/ready"


def exchange(url: str, *, body: dict[str, Any] | None = None, timeout: float) -> HttpReply:
    """One request on a connection of its own: POST of `body` as JSON, or GET. Any status is a reply.

    A redirection is a reply too and is not followed: what answers is the server that was asked.

    Raises:
        OSError: no reply: refused, reset or timed out (`timeout` in seconds per network step).
        http.client.HTTPException: what came back is no HTTP response.
        ValueError: the reply has more than `MAX_REPLY_BYTES`.
    """
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers={"Content-Type": "application/json"})
    try:
        with _OPENER.open(request, timeout=timeout) as response:
            return HttpReply(response.status, _read(response))
    except urllib.error.HTTPError as error:
        with error:
            return HttpReply(error.code, _read(error))


def connection_problem(url: str, error: Exception, *, tried: float = 0.0) -> Problem | None:
    """Why `exchange` had no connection to the server of `url`, by its error; None where it had one.

    Args:
        url: what was asked.
        error: of the last try.
        tried: seconds for which it was tried again and again.
    """
    # urllib wraps the errors of connecting; those of an answer come as they are.
    cause = error.reason if isinstance(error, urllib.error.URLError) else None
    return problem_of(_address(url), cause, tried=tried) if isinstance(cause, OSError) else None


def _address(url: str) -> Address:
    parts = urllib.parse.urlsplit(url)
    return Address(parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))


def _read(response: IO[bytes]) -> bytes:
    body = response.read(MAX_REPLY_BYTES + 1)
    if len(body) > MAX_REPLY_BYTES:
        raise ValueError(f"expected a reply of at most {MAX_REPLY_BYTES} bytes, found more")
    return body


class _NoRedirection(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """No request follows."""


# Requests go to a Service of the cluster: a proxy from the environment has no business there.
_OPENER: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirection)
