# SPDX-License-Identifier: Apache-2.0
"""The model formats that the operator's own workload image loads, by which it evaluates versions.

The functions are in `mlops_workload.formats`, which a test compares with this list. A ModelVersion may have any format:
servers and images of a user's own may know it.
"""

from typing import Final

FORMATS: Final = ("sklearn",)
