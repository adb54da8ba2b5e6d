# SPDX-License-Identifier: Apache-2.0
"""Bounds and defaults that the CRDs and the documents of the contract have in common."""

from typing import Final

MAX_DATA_INPUTS: Final = 16
"""Data inputs of a run."""

MAX_GATE_DATA: Final = 8
"""Data inputs of an evaluation."""

MAX_RULES: Final = 12
"""Rules of one evaluation: the figures of all must fit into a run's result."""

MAX_MONITORED: Final = 8
"""Metrics of one monitor."""

MIN_COUNT: Final = 200
"""Rows below which a rule or recent rows decide nothing, unless the object specifies another value."""

MAX_MIN_COUNT: Final = 10**9

CONFIDENCE: Final = 0.95
MIN_CONFIDENCE: Final = 0.5
MAX_CONFIDENCE: Final = 0.999

MIN_SHARE: Final = 0.01
MAX_SHARE: Final = 0.9
"""Of the ids or groups that a hold-out has."""

MAX_BOUND: Final = 1e9
"""Of a metric's minimum, maximum and change, on either side of 0."""

SEED: Final = 0
"""Seed of a run where none was asked for: such runs are repeatable, too."""
MAX_SEED: Final = 2**31 - 1

MAX_NAME: Final = 63
"""Characters of the name of a data input or a slice."""
MAX_URI: Final = 1024
MAX_COLUMN: Final = 128
"""Characters of a column's name."""
MAX_VERSION_NAME: Final = 253
"""Characters of the name of a ModelVersion, which is that of an object."""
MAX_TOLERANCE: Final = 1.0
"""Of golden requests."""
TOLERANCE: Final = 1e-6
"""The same model on another processor may differ in the last bits of a floating-point sum, not by more."""

RECENT_SLICE: Final = "recent"
"""Slice of recent rows, unless the object specifies another value."""

DIGEST_PATTERN: Final = r"^sha256:[0-9a-f]{64}$"
