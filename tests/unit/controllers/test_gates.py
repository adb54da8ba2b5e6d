"""The digest of a gate's rows."""

from mlops_operator.api.common import DataRead
from mlops_operator.controllers.shared.gates import rows_digest
from tests.unit.controllers.versions import digest_of


def test_the_rows_are_their_content_whatever_the_inputs_are_called() -> None:
    def rows(**inputs: str) -> str | None:
        return rows_digest([DataRead(name=name, digest=digest_of(text)) for name, text in inputs.items()])

    assert rows(a="x") == digest_of("x")
    assert rows(a="x", b="y") == rows(c="y", d="x") != rows(a="x")
    assert rows() is None
