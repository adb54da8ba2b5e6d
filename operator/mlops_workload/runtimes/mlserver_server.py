# SPDX-License-Identifier: Apache-2.0
"""MLServer as it comes, with this project's bounds on one HTTP request: size of the body, and time to send it.

    python3 -m mlops_workload.runtimes.mlserver_server start /app

The bounds are those of `request_limits`, with its variables. Predictions of MLServer run on the event loop of its one
process, so its time to answer is not bounded: a request that waits for a long prediction is refused only after that.
Requests by gRPC are bounded by gRPC's own 4 MiB or `MLSERVER_GRPC_MAX_MESSAGE_LENGTH`.
"""

import os
import sys
from typing import Any

import mlserver.server
from mlserver.cli import main
from mlserver.rest import RESTServer

from mlops_workload.errors import WorkloadError
from mlops_workload.runtimes.request_limits import LimitRequests, Limits
from mlops_workload.termination import write_message


class BoundedRESTServer(RESTServer):  # type: ignore[misc]
    """MLServer's HTTP server behind `LimitRequests`."""

    limits = Limits()

    def _get_config(self) -> Any:
        """uvicorn's configuration: MLServer has no public way to add a middleware."""
        config = super()._get_config()
        config.app = LimitRequests(config.app, self.limits)
        return config


def start() -> None:
    """MLServer's own command line."""
    try:
        BoundedRESTServer.limits = Limits.from_environment(os.environ)
    except WorkloadError as error:
        line = f"{error.reason}: {error.message}"
        print(line, file=sys.stderr)
        write_message(line)
        raise SystemExit(error.exit_code) from error
    mlserver.server.RESTServer = BoundedRESTServer
    main()


if __name__ == "__main__":
    start()
