# SPDX-License-Identifier: Apache-2.0
"""The commands by which a user asks a served model from outside the cluster; pure."""

import json
from typing import Final

from mlops_contract.serving import EXAMPLE
from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.modeldeployment import names
from mlops_operator.controllers.settings import ServerRuntime

LOCAL_PORT: Final = 8080
"""Where `kubectl port-forward` listens on the user's machine."""

BODY: Final = json.dumps({"inputs": [{"name": "input-0", "shape": [1, 2], "datatype": "FP64", "data": [0.5, 1.5]}]})
"""A request of one row with two features, for servers that give no example: it shows the form."""

_CURL: Final = "curl -s --retry 9 --retry-connrefused"
"""The first request waits for the port-forward that was started just before."""


def example(parent: Manifest, *, model: str, server: ServerRuntime) -> str:
    """Two lines for a shell. They depend on names and the runtime alone, so they do not change while it serves."""
    namespace = parent["metadata"]["namespace"]
    url = f"http://localhost:{LOCAL_PORT}/v2/models/{model}"
    forward = f"kubectl port-forward -n {namespace} service/{names.service_name(parent)}"
    forward += f" {LOCAL_PORT}:{names.SERVICE_PORT} >/dev/null &"
    if server.gives_example:
        return f"{forward}\n{_CURL} {url}/{EXAMPLE} | curl -s --data @- {url}/infer"
    return f"{forward}\n{_CURL} -H 'Content-Type: application/json' --data '{BODY}' {url}/infer"
