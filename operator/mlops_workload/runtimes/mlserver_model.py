# SPDX-License-Identifier: Apache-2.0
"""MLServer's own scikit-learn runtime, with what this project's servers promise on top.

`MLSERVER_MODEL_IMPLEMENTATION` names the class here; the rest of MLServer is as it comes. What
differs from `mlserver_sklearn.SKLearnModel`, and why:

- A model that cannot be loaded leaves `ModelLoadFailed: ...` in the termination message. MLServer
  only logs it and ends with exit code 0, so neither the failure nor its cause would be visible.
- The file of the model may have any name that `mlops_workload.formats` knows.
- A prediction of shape `[rows]` is answered as such. MLServer adds a dimension to it, and a
  client should not notice which runtime answers.
- Inputs that the model does not take are the client's mistake (400), not the server's (500).
"""

from pathlib import Path
from typing import Any

import numpy as np
from mlserver.errors import InferenceError
from mlserver.types import InferenceRequest, InferenceResponse, ResponseOutput
from mlserver.utils import get_model_uri
from mlserver_sklearn import SKLearnModel

from mlops_workload.errors import ModelLoadFailedError, WorkloadError
from mlops_workload.formats import load_model
from mlops_workload.termination import write_message


class ReportingSKLearnModel(SKLearnModel):  # type: ignore[misc]
    """A scikit-learn model at `MLSERVER_MODEL_URI`, a file or a folder with one."""

    async def load(self) -> bool:
        """Load the model.

        Raises:
            ModelLoadFailedError: it cannot be loaded; the termination message has the cause.
        """
        path = Path(await get_model_uri(self._settings))
        try:
            self._model = load_model(path, format="sklearn")
        except WorkloadError as error:
            write_message(f"{ModelLoadFailedError.reason}: {error.message}")
            raise
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Answer one request.

        Raises:
            InferenceError: the model does not take its inputs.
        """
        try:
            return await super().predict(payload)
        except ValueError as error:
            raise InferenceError(f"the model does not take this input: {error}") from error

    def encode(self, payload: Any, request_output: Any, default_codec: Any = None) -> ResponseOutput:
        """What the model returned, as an output tensor of the same shape."""
        output = super().encode(payload, request_output, default_codec=default_codec)
        if isinstance(payload, np.ndarray):
            output.shape = list(payload.shape)
        return output
