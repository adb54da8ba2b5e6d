"""How often the rows of an Evaluation were used by gates of its Model before."""

from collections.abc import Sequence

from mlops_operator.api.model import GateDraws


def gates_before(draws: Sequence[GateDraws], rows: str | None, artifact: str) -> int:
    """Number of other artifacts that gates measured on the same rows.

    Args:
        draws: the Model's record.
        rows: digest of the rows; None where none were read.
        artifact: digest of the candidate, which does not count if it is in the record already.
    """
    entry = next((entry for entry in draws if entry.data == rows), None)
    if entry is None:
        return 0
    measured = artifact.removeprefix("sha256:")
    return entry.count - any(measured.startswith(mark) for mark in entry.artifacts)
