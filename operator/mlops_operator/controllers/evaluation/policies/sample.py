"""Whether there are rows enough to say anything."""

from mlops_operator.api.evaluation import Verdict
from mlops_operator.controllers.evaluation.policies.finding import Finding


def check_sample(n: int | None, *, min_count: int) -> Finding | None:
    """Why `n` rows do not suffice; None where they do."""
    if not n:
        return Finding(Verdict.NO_DATA, "no rows")
    if n < min_count:
        return Finding(Verdict.INCONCLUSIVE, f"{n} rows, at least {min_count} are needed")
    return None
