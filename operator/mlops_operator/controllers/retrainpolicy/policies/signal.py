"""Whether a monitor's metric is a reason to train: breached in k of the last n windows that could be told.

Only windows of the version that is served now count, and of these only such as ended after the
last training came to its end: evidence that has led to a decision does not lead to another.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from mlops_operator.api.conditions import Truth, parse_timestamp
from mlops_operator.api.modelmonitor import MetricVerdict, WindowStatus
from mlops_operator.api.retrainpolicy import Evidence, Signal, SignalStatus


@dataclass(frozen=True, kw_only=True)
class MonitorView:
    """A signal's monitor.

    Attributes:
        found: whether it is there.
        version: what its deployment serves; None while it serves nothing stable.
        rolling_out: the version that is on its way in, or None.
        windows: the newest last.
    """

    found: bool
    version: str | None = None
    rolling_out: str | None = None
    windows: Sequence[WindowStatus] = field(default=())


@dataclass(frozen=True, kw_only=True)
class SignalView:
    """A signal as it is now, and the breached windows it rests on, the newest last."""

    status: SignalStatus
    evidence: tuple[Evidence, ...] = ()


def look(signal: Signal, monitor: MonitorView, *, since: datetime | None) -> SignalView:
    """The signal now.

    Args:
        signal: the metric, and how many windows of how many.
        monitor: its monitor.
        since: when the last training came to its end; earlier windows do not count.
    """
    unknown = _unknown(signal, monitor)
    if unknown is not None:
        return SignalView(status=SignalStatus(name=signal.name, active=Truth.UNKNOWN, message=unknown))
    known = _known(signal, monitor, since)[-signal.windows.of :]
    breached = [(window, verdict) for window, verdict in known if verdict.breached is Truth.TRUE]
    k, n = signal.windows.breached, signal.windows.of
    message = (
        f"{signal.metric} of {monitor.version}: {len(breached)} of {len(known)} windows breached, {k} of {n} count"
    )
    status = SignalStatus(
        name=signal.name,
        active=_truth(len(breached), len(known), k),
        breached=len(breached),
        known=len(known),
        message=message,
    )
    return SignalView(status=status, evidence=tuple(_evidence(*pair) for pair in breached))


def _truth(breached: int, known: int, k: int) -> Truth:
    if breached >= k:
        return Truth.TRUE
    return Truth.UNKNOWN if known < k else Truth.FALSE


def _unknown(signal: Signal, monitor: MonitorView) -> str | None:
    if not monitor.found:
        return f"ModelMonitor {signal.monitor} does not exist"
    if monitor.version is None:
        return f"the deployment of ModelMonitor {signal.monitor} serves no stable version"
    if monitor.rolling_out is not None:
        return f"version {monitor.rolling_out} is on its way in: its windows will tell"
    return None


def _known(signal: Signal, monitor: MonitorView, since: datetime | None) -> list[tuple[WindowStatus, MetricVerdict]]:
    return [
        (window, verdict)
        for window in monitor.windows
        if window.version == monitor.version and (since is None or parse_timestamp(window.end) > since)
        for verdict in window.metrics
        if verdict.name == signal.metric and verdict.breached is not Truth.UNKNOWN
    ]


def _evidence(window: WindowStatus, verdict: MetricVerdict) -> Evidence:
    low = verdict.value is not None and verdict.lower is not None and verdict.value < verdict.lower
    return Evidence(
        window_end=window.end,
        version=window.version,
        value=verdict.value,
        limit=verdict.lower if low else verdict.upper,
        n=verdict.n,
    )
