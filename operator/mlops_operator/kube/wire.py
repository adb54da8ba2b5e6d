# SPDX-License-Identifier: Apache-2.0
"""JSON as it goes over the wire.

pydantic's own parser and writer, which are here anyway, take 0.6 and 0.4 of the instructions of the
standard library's for an object of 3 kB; docs/operations/performance.md has the figures.
"""

from typing import Any

from pydantic_core import from_json, to_json


def decode(data: bytes) -> Any:
    """The value of a JSON text.

    Raises:
        ValueError: it is none; `NaN` and infinities are none.
    """
    return from_json(data, allow_inf_nan=False)


def encode(value: Any) -> bytes:
    """A value as compact JSON in UTF-8."""
    return to_json(value)
