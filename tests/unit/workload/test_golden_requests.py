# SPDX-License-Identifier: Apache-2.0
"""Golden requests: recording them, and comparing answers with them."""

from typing import Any

import numpy as np
import pytest

from mlops_contract.serving import Tensor
from mlops_workload.errors import DataInvalidError
from mlops_workload.golden_requests import golden_document, outputs_match
from mlops_workload.inference_protocol import to_tensor


def tensor(values: Any, name: str = "predict", **changes: Any) -> Tensor:
    return Tensor(**{**to_tensor(name, np.asarray(values)), **changes})


def match(expected: Any, found: Any, tolerance: float = 1e-6) -> bool:
    return outputs_match([tensor(expected)], [tensor(found)], tolerance=tolerance)


def test_there_is_one_request_per_row() -> None:
    document = golden_document(np.arange(6.0).reshape(3, 2), np.array([7, 8, 9]))
    assert [request.inputs[0].data for request in document.requests] == [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]
    assert [request.inputs[0].shape for request in document.requests] == [(1, 2)] * 3
    assert [request.outputs[0].data for request in document.requests] == [[7], [8], [9]]
    assert document.requests[0].outputs[0].datatype == "INT64"


def test_no_rows_or_different_numbers_of_rows_are_refused() -> None:
    for inputs, outputs in ((0, 0), (2, 1)):
        with pytest.raises(DataInvalidError, match="at least one"):
            golden_document(np.zeros((inputs, 1)), np.zeros(outputs))


def test_classes_must_be_equal() -> None:
    assert match([3], [3])
    assert not match([3], [4])
    assert match(["cat"], ["cat"])
    assert not match(["3"], [3])


def test_floats_may_differ_by_the_tolerance() -> None:
    assert match([1.0, 1e6], [1.0 + 5e-7, 1e6 + 0.5])
    assert not match([1.0], [1.0 + 5e-6])
    assert match([1.0], [1.05], tolerance=0.1)
    assert not match([1.0], [float("nan")])


def test_another_shape_or_another_name_is_no_match() -> None:
    assert not match([[1], [2]], [1, 2])
    assert not outputs_match([tensor([1])], [tensor([1], name="other")], tolerance=0)


def test_nested_data_of_a_server_are_compared_flat() -> None:
    found = tensor([[1, 2], [3, 4]], data=[[1, 2], [3, 4]])
    assert outputs_match([tensor([[1, 2], [3, 4]])], [found], tolerance=0)


def test_numbers_that_no_float_holds_are_no_match() -> None:
    assert not outputs_match([tensor([1.0])], [tensor([1.0], data=[10**400])], tolerance=1.0)
    assert not outputs_match([tensor([1.0])], [tensor([1.0], data=[True])], tolerance=1.0)
    assert not outputs_match([tensor([1.0])], [tensor([1.0], data=[None])], tolerance=1.0)
