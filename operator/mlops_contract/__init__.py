# SPDX-License-Identifier: Apache-2.0
"""What a workload and the operator agree on: all documents that cross between the operator and the pods, and the
environment of a run.

The only code that the control plane (`mlops_operator`) and the data plane (`mlops_workload`) share. It needs the
standard library alone, from Python 3.9 on, since it is put into images of users beside the SDK; the operator's
pydantic models of the same documents are `mlops_contract.models`.
"""

from mlops_contract.figures import DUPLICATES, UNLABELED, Count, Figure, rule_figure
from mlops_contract.result import (
    MAX_ARTIFACTS,
    MAX_RESULT_BYTES,
    RESULT_VERSION,
    Artifact,
    DataDigest,
    Report,
    Result,
    ResultInvalidError,
)

__all__ = [
    "DUPLICATES",
    "UNLABELED",
    "Count",
    "Figure",
    "rule_figure",
    "MAX_ARTIFACTS",
    "MAX_RESULT_BYTES",
    "RESULT_VERSION",
    "Artifact",
    "DataDigest",
    "Report",
    "Result",
    "ResultInvalidError",
]
