# SPDX-License-Identifier: Apache-2.0
"""How long a candidate may take to become ready in its present phase or step."""

from datetime import datetime

from mlops_operator.api.conditions import parse_timestamp


def seconds_left(*, since: str, allowed: int, now: datetime) -> float:
    """Seconds until the deadline; 0 or less where it has passed.

    Args:
        since: when the phase or step began, by the operator's own clock.
        allowed: the length of the deadline in seconds.
    """
    return allowed - (now - parse_timestamp(since)).total_seconds()
