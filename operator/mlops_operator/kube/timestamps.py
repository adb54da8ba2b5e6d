# SPDX-License-Identifier: Apache-2.0
"""Times as the Kubernetes API writes them."""

from datetime import UTC, datetime


def micro_time(moment: datetime) -> str:
    """`metav1.MicroTime`: RFC 3339 in UTC with microseconds, as leases and events have it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
