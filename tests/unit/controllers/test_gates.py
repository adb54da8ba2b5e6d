"""What a gate's rows have decided before."""

import pytest

from mlops_operator.api.common import DataRead
from mlops_operator.api.model import GateDraws
from mlops_operator.controllers.shared.gates import artifact_mark, gates_before, rows_digest
from tests.unit.controllers.versions import digest_of

SINCE = "2026-01-01T00:00:00Z"
DRAWS = (
    GateDraws(
        data=digest_of("rows"),
        count=3,
        last=SINCE,
        artifacts=tuple(artifact_mark(digest_of(name)) for name in ("v1", "v2", "v3")),
    ),
)


@pytest.mark.parametrize(
    ("data", "artifact", "before"),
    [("rows", "v4", 3), ("rows", "v3", 2), ("other rows", "v4", 0), (None, "v4", 0)],
)
def test_other_artifacts_that_were_measured_on_the_same_rows_count(
    data: str | None, artifact: str, before: int
) -> None:
    assert gates_before(DRAWS, digest_of(data) if data else None, digest_of(artifact)) == before


def test_the_rows_are_their_content_whatever_the_inputs_are_called() -> None:
    def rows(**inputs: str) -> str | None:
        return rows_digest([DataRead(name=name, digest=digest_of(text)) for name, text in inputs.items()])

    assert rows(a="x") == digest_of("x")
    assert rows(a="x", b="y") == rows(c="y", d="x") != rows(a="x")
    assert rows() is None
