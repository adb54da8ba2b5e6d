# SPDX-License-Identifier: Apache-2.0
"""Artifacts of a run that have a meaning for the operator or for other commands: their names and formats."""

from typing import Final

ENVIRONMENT: Final = "environment"
"""The packages that the run had."""

ENVIRONMENT_FORMAT: Final = "python-environment-v1"
"""A JSON object `{"v": 1, "python", "implementation", "system", "machine", "packages"}`; `packages` is an object of
versions by the names of all installed distributions."""

GOLDEN_NAME: Final = "golden"
GOLDEN_FORMAT: Final = "golden-v1"
"""Golden requests (`mlops_contract.serving`)."""

ROWS_NAME: Final = "training-rows"
"""The hashes of the rows that a training was given."""

ROWS_FORMAT: Final = "row-hashes-v1"
"""`mlops_workload.row_hashes` describes it."""
