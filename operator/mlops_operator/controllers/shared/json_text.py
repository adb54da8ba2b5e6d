# SPDX-License-Identifier: Apache-2.0
"""JSON that stands in annotations, variables and names."""

import json
from typing import Any


def compact_json(value: Any) -> str:
    """`value` as JSON, the same text for the same value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
