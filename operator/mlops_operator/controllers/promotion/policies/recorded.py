"""Whether the result of an Evaluation is recorded, so that it outlives the objects it came from."""

from collections.abc import Iterable
from typing import Final

from mlops_operator.api.evaluation import Verdict
from mlops_operator.controllers.shared.gates import RECORDED, RecordedResult

QUIET: Final = 10.0
"""Seconds for which a wait for the record is not reported: it usually takes less than one."""


def is_recorded(verdict: Verdict, results: Iterable[RecordedResult], *, evaluation_uid: str) -> bool:
    """Whether the Promotion may become final by this verdict of its Evaluation."""
    return verdict not in RECORDED or any(result.evaluation_uid == evaluation_uid for result in results)
