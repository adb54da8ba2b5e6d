"""Times as the Kubernetes API writes them."""

from datetime import UTC, datetime


def micro_time(moment: datetime) -> str:
    """`metav1.MicroTime`: RFC 3339 in UTC with microseconds, as leases and events have it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_time(text: str) -> datetime:
    """`metav1.Time` or `metav1.MicroTime` as an aware datetime.

    Raises:
        ValueError: the text is neither.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"expected an RFC 3339 time with an offset, found {text!r}")
    return moment
