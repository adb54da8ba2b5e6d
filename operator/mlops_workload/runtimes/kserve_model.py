# SPDX-License-Identifier: Apache-2.0
"""One loaded model behind kserve's Open Inference Protocol (V2) endpoints.

The adapter knows tensors; what a model of some format can do is `mlops_workload.formats`'
subject. Whatever a client gets wrong is an `InvalidInput`, which kserve answers with 400:
a server error must mean that the server is at fault.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final
from uuid import uuid4

import numpy as np
from kserve import InferInput, InferOutput, InferRequest, InferResponse, Model
from kserve.errors import InvalidInput
from kserve.utils.numpy_codec import from_np_dtype
from numpy.typing import NDArray

from mlops_workload.formats import Predictor, features_of
from mlops_workload.inference_protocol import INPUT_NAME, OUTPUT_NAME

MAX_ELEMENTS: Final = 64 * 1024 * 1024
"""Upper bound of a tensor's announced size (512 MB of FP64), so that a shape alone cannot exhaust the memory."""


class PredictorModel(Model):  # type: ignore[misc]
    """A `Predictor` as a kserve model; every response names the model version that answered."""

    def __init__(self, predictor: Predictor, *, name: str, version: str) -> None:
        super().__init__(name)
        self._predictor = predictor
        self._version = version
        self._features = features_of(predictor)
        self.ready = True

    def load(self) -> bool:
        """The model was loaded before the server was started: nothing is left to do."""
        return bool(self.ready)

    @property
    def features(self) -> int | None:
        """Number of features that a row must have, if the model defines it."""
        return self._features

    def get_input_types(self) -> list[dict[str, Any]]:
        """The one input tensor, for the metadata endpoint."""
        return [{"name": INPUT_NAME, "datatype": "FP64", "shape": [-1, self._features or -1]}]

    def get_output_types(self) -> list[dict[str, Any]]:
        """The one output tensor, for the metadata endpoint."""
        classes = getattr(self._predictor, "classes_", None)
        datatype = "FP64" if classes is None else from_np_dtype(np.asarray(classes).dtype)
        return [{"name": OUTPUT_NAME, "datatype": datatype, "shape": [-1]}]

    async def predict(self, payload: Any, headers: dict[str, str] | None = None) -> InferResponse:  # noqa: ARG002
        """Answer one request.

        Raises:
            InvalidInput: it is not one numeric tensor of the model's width.
        """
        if not isinstance(payload, InferRequest):
            raise InvalidInput("expected a V2 inference request: POST /v2/models/<name>/infer")
        inputs = self._array(payload)
        # In a thread: a long prediction must not keep the server from reporting that it is ready.
        outputs = await asyncio.to_thread(self._predict, inputs)
        return self._response(payload, outputs)

    def _predict(self, inputs: NDArray[np.float64]) -> NDArray[Any]:
        try:
            return np.asarray(self._predictor.predict(inputs))
        except ValueError as error:
            raise InvalidInput(f"the model does not take this input: {error}") from error

    def _array(self, request: InferRequest) -> NDArray[np.float64]:
        if len(request.inputs) != 1:
            raise InvalidInput(f"expected exactly one input tensor, found {len(request.inputs)}")
        tensor: InferInput = request.inputs[0]
        if any(size < 0 for size in tensor.shape) or np.prod(tensor.shape, dtype=np.float64) > MAX_ELEMENTS:
            raise InvalidInput(f"expected a shape of at most {MAX_ELEMENTS} elements, found {list(tensor.shape)}")
        try:
            array = np.asarray(tensor.as_numpy(), dtype=np.float64)
        except (ValueError, TypeError, OverflowError) as error:
            raise InvalidInput(f"input {tensor.name}: data, shape and datatype do not fit: {error}") from error
        if array.ndim != 2 or len(array) == 0 or self._features not in {None, array.shape[1]}:
            raise InvalidInput(
                f"input {tensor.name}: expected shape [rows, {self._features or 'features'}] with at least one row, "
                f"found {list(array.shape)}"
            )
        return array

    def _response(self, request: InferRequest, outputs: NDArray[Any]) -> InferResponse:
        # kserve encodes text from objects, not from numpy's fixed-width strings.
        encodable = outputs.astype(np.object_) if outputs.dtype.kind in "US" else outputs
        tensor = InferOutput(name=OUTPUT_NAME, shape=list(outputs.shape), datatype=from_np_dtype(encodable.dtype))
        tensor.set_data_from_numpy(encodable, binary_data=request.use_binary_outputs)
        return InferResponse(
            response_id=request.id or str(uuid4()),
            model_name=self.name,
            model_version=self._version,
            infer_outputs=[tensor],
            use_binary_outputs=request.use_binary_outputs,
            requested_outputs=request.request_outputs,
        )
