"""What an object waits for, and since when."""

from datetime import datetime

from mlops_operator.api.common import Waiting
from mlops_operator.api.conditions import MAX_MESSAGE, timestamp


def waiting_for(previous: Waiting | None, reason: str, message: str, *, now: datetime) -> Waiting:
    """A wait with this reason; one that goes on keeps its beginning."""
    goes_on = previous is not None and previous.reason == reason
    since = previous.since if previous is not None and goes_on else timestamp(now)
    return Waiting(reason=reason, message=message[:MAX_MESSAGE], since=since)
