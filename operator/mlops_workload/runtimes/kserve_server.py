# SPDX-License-Identifier: Apache-2.0
"""kserve's ModelServer with one fixed model: one process, REST only.

What differs from kserve's defaults, and why:

- The model repository cannot be changed over HTTP. By default every client that reaches the port may
  unload the model; here the Deployment decides what is served.
- A request that cannot be decoded is answered with 400. kserve 0.21.0 answers some of them (a
  binary request whose length header is no number, or that has no inputs) with 500.
- A request is bounded in size and time (`request_limits`).
- The access log is our own (`access_log`): without probes, and a request that is refused is one line.
  kserve 0.21.0 logs a traceback for each.
- `mlops_contract.serving.EXAMPLE` gives an example of a request, so that a first one needs no knowledge of the model.
- A body without a content type, or with that of `curl -d`, is JSON (`content_type`).
"""

import logging
import struct
import warnings
from copy import deepcopy
from functools import partial
from typing import Any, Final

import numpy as np
from kserve import InferRequest, ModelRepository, ModelServer
from kserve.errors import InvalidInput, ModelNotFound, ModelNotReady, UnsupportedProtocol
from kserve.logging import KSERVE_LOG_CONFIG, KSERVE_LOGGER_DATE_FORMAT, configure_logging
from kserve.model_server import app
from kserve.protocol.dataplane import DataPlane
from kserve.protocol.model_repository_extension import ModelRepositoryExtension

from mlops_contract.serving import EXAMPLE
from mlops_workload.inference_protocol import INPUT_NAME, to_tensor
from mlops_workload.runtimes import access_log
from mlops_workload.runtimes.content_type import JsonByDefault
from mlops_workload.runtimes.kserve_model import PredictorModel
from mlops_workload.runtimes.request_limits import LimitRequests, Limits

GRACE_SECONDS: Final = 25
"""How long requests in flight may take after SIGTERM: below Kubernetes' default of 30 s for the whole pod."""

KEEP_ALIVE_SECONDS: Final = 65
"""Longer than the 60 s after which common proxies give up an idle connection, so that they do it, not we."""

REFUSALS: Final = (InvalidInput, ModelNotFound, ModelNotReady, NotImplementedError, UnsupportedProtocol)
"""Exceptions by which kserve answers a request that it does not take."""

DECODING_ERRORS: Final = (ValueError, KeyError, TypeError, AttributeError, struct.error)


class FixedRepositoryExtension(ModelRepositoryExtension):  # type: ignore[misc]
    """The load and unload endpoints, refused."""

    async def load(self, model_name: str) -> None:
        """Refuse.

        Raises:
            InvalidInput: always.
        """
        raise InvalidInput(f"model {model_name} cannot be loaded over HTTP: the deployment decides what is served")

    async def unload(self, model_name: str) -> None:
        """Refuse.

        Raises:
            InvalidInput: always.
        """
        raise InvalidInput(f"model {model_name} cannot be unloaded over HTTP: the deployment decides what is served")


class StrictDataPlane(DataPlane):  # type: ignore[misc]
    """kserve's data plane, with every undecodable request answered as the client's mistake."""

    def decode(self, body: Any, headers: dict[str, str], *args: Any, **kwargs: Any) -> tuple[InferRequest, Any]:
        """Decode a request.

        Raises:
            InvalidInput: it cannot be decoded.
        """
        try:
            decoded: tuple[InferRequest, Any] = super().decode(body, headers, *args, **kwargs)
        except InvalidInput:
            raise
        except DECODING_ERRORS as error:
            raise InvalidInput(f"the request cannot be decoded: {type(error).__name__}: {error}") from error
        return decoded


def serve_forever(model: PredictorModel, *, port: int, limits: Limits) -> None:
    """Serve until SIGTERM or SIGINT, then finish what is in flight and return."""
    configure_logging(_log_configuration())
    # kserve 0.21.0 uses a response class that newer fastapi versions remark upon with every request.
    warnings.filterwarnings("ignore", message="ORJSONResponse is deprecated")
    repository = ModelRepository()
    server = ModelServer(
        http_port=port,
        workers=1,
        registered_models=repository,
        enable_grpc=False,
        enable_latency_logging=False,
        grace_period=GRACE_SECONDS,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
    )
    server.dataplane = StrictDataPlane(model_registry=repository)
    server.model_repository_extension = FixedRepositoryExtension(model_registry=repository)
    app.add_api_route(f"/v2/models/{{model_name}}/{EXAMPLE}", partial(_example, repository), methods=["GET"])
    # The one added last is outermost: refusals for size or time are in the log too.
    app.add_middleware(JsonByDefault)
    app.add_middleware(LimitRequests, limits=limits)
    app.add_middleware(access_log.AccessLog)
    server.start([model])


def _example(repository: ModelRepository, model_name: str) -> dict[str, Any]:
    """A request that the model takes.

    Raises:
        ModelNotFound: there is no such model.
    """
    model = repository.get_model(model_name)
    if model is None:
        raise ModelNotFound(model_name)
    return {"inputs": [to_tensor(INPUT_NAME, np.zeros((1, model.features or 1)))]}


def _log_configuration() -> dict[str, Any]:
    configuration: dict[str, Any] = deepcopy(KSERVE_LOG_CONFIG)
    for name in ("kserve.trace", "uvicorn.access"):
        configuration["loggers"][name]["level"] = logging.getLevelName(logging.WARNING)
    configuration["filters"] = {"refusals": {"()": lambda: access_log.RefusalsWithoutTraceback(*REFUSALS)}}
    configuration["handlers"]["kserve"]["filters"] = ["refusals"]
    configuration["formatters"]["access"] = {
        "()": "logging.Formatter",
        "fmt": "%(asctime)s.%(msecs)03d %(message)s",
        "datefmt": KSERVE_LOGGER_DATE_FORMAT,
    }
    configuration["handlers"]["access"] = {
        "formatter": "access",
        "class": "logging.StreamHandler",
        "stream": "ext://sys.stdout",
    }
    configuration["loggers"][access_log.LOGGER] = {"handlers": ["access"], "level": "INFO", "propagate": False}
    return configuration
