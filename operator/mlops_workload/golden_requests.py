# SPDX-License-Identifier: Apache-2.0
"""Golden requests: what a model answered when it was trained, to be asked again before it serves."""

import math
from collections.abc import Sequence
from typing import Any, Final

from numpy.typing import NDArray

from mlops_contract.serving import GoldenDocument, GoldenRequest, Tensor
from mlops_workload.errors import DataInvalidError
from mlops_workload.inference_protocol import INPUT_NAME, OUTPUT_NAME, to_tensor

FLOAT_DATATYPES: Final = frozenset({"FP16", "FP32", "FP64"})


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
    return all(_close(want, value, tolerance) for want, value in zip(wanted, answered))


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
