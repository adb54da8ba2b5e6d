"""What a workload and the operator agree on: the result document and the environment of a run.

The only code that the control plane (`mlops_operator`) and the data plane
(`mlops_workload`) share. It depends on pydantic alone, so it costs either side
nothing it does not have already.
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
    parse_result,
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
    "parse_result",
]
