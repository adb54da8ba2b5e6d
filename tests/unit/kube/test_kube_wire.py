# SPDX-License-Identifier: Apache-2.0
"""What is read and written as JSON is what the standard library makes of it."""

import json
from typing import Any

import pytest

from mlops_operator.kube import wire

VALUES: list[Any] = [
    {"name": "a", "list": [1, 2.5, True, None, '\u00e9\u2028\n"'], "empty": {}},
    {"big": 2**63 - 1, "small": -(2**63), "beyond": 10**25, "figure": 0.1, "exponent": 1e-9},
]


@pytest.mark.parametrize("value", VALUES)
def test_values_go_there_and_back(value: Any) -> None:
    assert json.loads(wire.encode(value)) == value
    assert wire.decode(json.dumps(value).encode()) == value


@pytest.mark.parametrize("text", [b"", b"{", b'{"a":1', b"\xff", b'{"a":NaN}', b'{"a":Infinity}', b"{} {}"])
def test_what_is_no_json_is_an_error(text: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the parser's own words
        wire.decode(text)
