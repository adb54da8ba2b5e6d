"""Tensors of the Open Inference Protocol (V2) as JSON, to and from numpy, and requests over HTTP.

https://github.com/kserve/open-inference-protocol: a tensor is `{"name", "shape", "datatype",
"data"}` with the data flat, in row-major order.
"""

import json
import urllib.error
import urllib.request
from typing import Any, Final, NamedTuple

from numpy.typing import NDArray

from mlops_workload.errors import DataInvalidError

INPUT_NAME: Final = "input-0"
OUTPUT_NAME: Final = "predict"
"""Name of the one output tensor: what MLServer's scikit-learn runtime calls it too."""

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
    """Where `model` says whether it is ready."""
    return f"{base.rstrip('/')}/v2/models/{model}/ready"


def exchange(url: str, *, body: dict[str, Any] | None = None, timeout: float) -> HttpReply:
    """One request on a connection of its own: POST of `body` as JSON, or GET. Any status is a reply.

    Raises:
        OSError: no reply: refused, reset or timed out (`timeout` in seconds per network step).
        http.client.HTTPException: what came back is no HTTP response.
    """
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers={"Content-Type": "application/json"})
    try:
        with _OPENER.open(request, timeout=timeout) as response:
            return HttpReply(response.status, response.read())
    except urllib.error.HTTPError as error:
        with error:
            return HttpReply(error.code, error.read())


# Requests go to a Service of the cluster: a proxy from the environment has no business there.
_OPENER: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))
