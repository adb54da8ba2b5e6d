# SPDX-License-Identifier: Apache-2.0
"""Whether there are enough rows to decide."""

from mlops_operator.api.evaluation import Verdict
from mlops_operator.api.metrics import METRICS
from mlops_operator.controllers.evaluation.policies.finding import Finding
from mlops_operator.controllers.evaluation.policies.measured import Measured


def check_sample(found: Measured) -> Finding | None:
    """Why the rows do not suffice; None where they do."""
    if not found.n:
        return Finding(Verdict.NO_DATA, "no rows with a label")
    least = found.rule.min_count
    if METRICS[found.rule.name].macro:
        rarest = found.rarest or 0
        if rarest < least:
            missing = least - rarest
            return Finding(
                Verdict.INCONCLUSIVE, f"{rarest} rows of the rarest class, at least {least} are needed: {missing} more"
            )
    elif found.n < least:
        return Finding(Verdict.INCONCLUSIVE, f"{found.n} rows, at least {least} are needed: {least - found.n} more")
    return None
