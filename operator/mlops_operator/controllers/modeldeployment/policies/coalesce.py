# SPDX-License-Identifier: Apache-2.0
"""When counts of replicas that still rise are worth a write.

Pods become ready one after another. Each of them would cost a status write of which nobody reads
more than the last, so counts that only rise wait until the servers have settled, and no longer
than `SETTLE_SECONDS` after the newest pod was made. Whatever falls is written at once.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from mlops_operator.api.conditions import parse_timestamp
from mlops_operator.controllers.modeldeployment.servers import Servers

SETTLE_SECONDS: Final = 10.0
"""Longest lag of the counts in status: a server that takes longer to load is news by itself."""


def settles_in(servers: Iterable[Servers], now: datetime) -> float | None:
    """Seconds to wait for counts that are still rising; None where they have settled, or took too long to."""
    waits = [wait for entry in servers if (wait := _settles_in(entry, now)) is not None]
    return max(waits) if waits else None


def _settles_in(servers: Servers, now: datetime) -> float | None:
    wanted = servers.scaled_to
    if wanted is None or (servers.seen and servers.ready == servers.replicas == wanted):
        return None
    made = [pod["metadata"].get("creationTimestamp") for pod in (servers.deployment or {}, *servers.pods) if pod]
    newest = max((parse_timestamp(moment) for moment in made if moment), default=now)
    left = SETTLE_SECONDS - (now - newest).total_seconds()
    return left if 0 < left <= SETTLE_SECONDS else None
