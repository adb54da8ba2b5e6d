# SPDX-License-Identifier: Apache-2.0
"""What a succeeded attempt reported, or why its success does not count.

A run that becomes a version, or that names an output, owes a result: exit code 0 without one
is `ResultInvalid`, never a success with no numbers. A plain run need not report; but what it
does report has to be right.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import ValidationError

from mlops_contract import ResultInvalidError
from mlops_contract.models.result import Result
from mlops_operator.api.common import DataRead, ReportRef
from mlops_operator.api.meta import Manifest
from mlops_operator.api.trainingjob import ArtifactStatus, TrainingJobSpec
from mlops_operator.controllers.shared import jobs
from mlops_operator.framework.specs import first_problem


def owed(spec: TrainingJobSpec) -> bool:
    """Whether the run has to report a result."""
    return spec.model is not None or spec.output is not None


def reported(spec: TrainingJobSpec, pods: Sequence[Manifest], *, uid: str) -> Result | None:
    """The result of a succeeded Job's pods; None where none is owed and none was left.

    Raises:
        ResultInvalidError: it is missing, malformed, oversized or of another attempt.
    """
    ended = jobs.termination(pods)
    if not owed(spec) and (ended is None or not ended.message.strip()):
        return None
    result = jobs.reported(pods, uid=uid)
    if isinstance(result, ResultInvalidError):
        raise result
    return result


def status_fields(result: Result) -> dict[str, Any]:
    """The result as fields of the status.

    Raises:
        ResultInvalidError: a name is there twice, or a URI is none that the API takes.
    """
    _require_distinct("artifacts", (artifact.name for artifact in result.artifacts))
    _require_distinct("data", (entry.name for entry in result.data))
    try:
        return {
            "metrics": dict(result.metrics),
            "counts": dict(result.counts),
            "artifacts": tuple(ArtifactStatus(**artifact.model_dump()) for artifact in result.artifacts),
            "data": tuple(DataRead(**entry.model_dump()) for entry in result.data),
            "report": ReportRef(**result.report.model_dump()) if result.report else None,
        }
    except ValidationError as error:
        raise ResultInvalidError(f"the result cannot be kept: {first_problem(error.title, error)}") from error


def _require_distinct(what: str, names: Iterable[str]) -> None:
    for name, count in Counter(names).items():
        if count > 1:
            raise ResultInvalidError(
                f"the result is malformed at {what}: expected each name once, found {name!r} twice"
            )
