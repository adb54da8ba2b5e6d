"""How often the rows of an Evaluation were used before, by the Model's record."""

import pytest

from mlops_operator.api.model import GateDraws
from mlops_operator.controllers.evaluation.policies.reuse import gates_before

ROWS, OTHER = "sha256:" + "1" * 64, "sha256:" + "2" * 64
DRAWS = (
    GateDraws.model_validate(
        {"data": ROWS, "count": 3, "last": "2026-01-01T00:00:00Z", "artifacts": ["aaaaaaaaaaaa", "bbbbbbbbbbbb"]}
    ),
)


@pytest.mark.parametrize(
    ("rows", "artifact", "expected"), [(ROWS, "c", 3), (ROWS, "b", 2), (OTHER, "c", 0), (None, "c", 0)]
)
def test_other_artifacts_on_the_same_rows_count(rows: str | None, artifact: str, expected: int) -> None:
    assert gates_before(DRAWS, rows, "sha256:" + artifact * 64) == expected


def test_a_model_without_a_record_has_had_no_gate() -> None:
    assert gates_before((), ROWS, "sha256:" + "c" * 64) == 0
