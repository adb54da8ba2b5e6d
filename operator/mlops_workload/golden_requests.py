"""Golden requests: what a model answered when it was trained, to be asked again before it serves.

The document is `{"v": 1, "requests": [{"inputs": [tensor], "outputs": [tensor]}]}` with JSON
tensors of the Open Inference Protocol.
"""

import math
from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from mlops_workload.errors import DataInvalidError
from mlops_workload.inference_protocol import INPUT_NAME, OUTPUT_NAME, to_tensor

GOLDEN_FORMAT: Final = "golden-v1"
GOLDEN_NAME: Final = "golden"

FLOAT_DATATYPES: Final = frozenset({"FP16", "FP32", "FP64"})


class Tensor(BaseModel):
    """A JSON tensor; `data` may be nested in what a server sends."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    name: str
    shape: tuple[int, ...]
    datatype: str
    data: list[Any]


class GoldenRequest(BaseModel):
    """Inputs to send and the outputs that are expected."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    inputs: Annotated[tuple[Tensor, ...], Field(min_length=1)]
    outputs: Annotated[tuple[Tensor, ...], Field(min_length=1)]


class GoldenDocument(BaseModel):
    """All golden requests of a model."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    v: Literal[1] = 1
    requests: Annotated[tuple[GoldenRequest, ...], Field(min_length=1)]


def golden_document(inputs: NDArray[Any], outputs: NDArray[Any]) -> GoldenDocument:
    """One request per row of `inputs`, expecting the same row of `outputs`.

    Raises:
        DataInvalidError: they do not have the same number of rows, or have none.
    """
    if len(inputs) == 0 or len(inputs) != len(outputs):
        raise DataInvalidError(
            f"expected as many outputs as inputs and at least one, found {len(outputs)} and {len(inputs)}"
        )
    requests = tuple(
        GoldenRequest(
            inputs=(Tensor(**to_tensor(INPUT_NAME, inputs[row : row + 1])),),
            outputs=(Tensor(**to_tensor(OUTPUT_NAME, outputs[row : row + 1])),),
        )
        for row in range(len(inputs))
    )
    return GoldenDocument(requests=requests)


class Answer(BaseModel):
    """A server's reply to one request. Its parser bounds the depth, so that no reply exhausts the stack."""

    model_config = ConfigDict(extra="ignore", frozen=True, protected_namespaces=())

    model_version: str | None = None
    outputs: tuple[Tensor, ...]


def outputs_match(expected: Sequence[Tensor], found: Sequence[Tensor], *, tolerance: float) -> bool:
    """Whether every expected output is among the `found` ones, by name.

    Floating-point data may differ by `tolerance`, absolutely or relative to what is expected;
    everything else must be equal.
    """
    answers = {tensor.name: tensor for tensor in found}
    return all(
        tensor.name in answers and _tensor_matches(tensor, answers[tensor.name], tolerance=tolerance)
        for tensor in expected
    )


def _tensor_matches(expected: Tensor, found: Tensor, *, tolerance: float) -> bool:
    wanted, answered = _flat(expected.data), _flat(found.data)
    if found.shape != expected.shape or len(wanted) != len(answered):
        return False
    if expected.datatype not in FLOAT_DATATYPES:
        return wanted == answered
    return all(_close(want, value, tolerance) for want, value in zip(wanted, answered, strict=True))


def _close(want: Any, value: Any, tolerance: float) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    try:
        return math.isclose(want, value, rel_tol=tolerance, abs_tol=tolerance)
    except OverflowError:  # an integer beyond every float
        return False


def _flat(data: Any) -> list[Any]:
    if not isinstance(data, list):
        return [data]
    return [value for entry in data for value in _flat(entry)]
