# SPDX-License-Identifier: Apache-2.0
"""Whether a monitor's metric is a reason to train: breached in k of the last n known windows.

Only windows of the version that is served now count, and of these only such as ended after the
last training came to its end: evidence that has led to a decision does not lead to another.
Evidence has a maximum age, so breaches that are far apart never add up.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from mlops_operator.api.conditions import Truth, parse_timestamp
from mlops_operator.api.modelmonitor import MetricVerdict, Window, WindowStatus
from mlops_operator.api.retrainpolicy import Evidence, SignalReason, SignalStatus
from mlops_operator.api.retraintrigger import ForWindows, Signal
from mlops_operator.api.schema import duration_of, seconds


@dataclass(frozen=True, kw_only=True)
class MonitorView:
    """A signal's monitor.

    Attributes:
        found: whether it exists.
        version: the stable version of its deployment; None where there is none.
        rolling_out: the version that replaces it, or None.
        window: size and label delay of its windows; None where they do not fit their definition.
        windows: the newest last.
    """

    found: bool
    version: str | None = None
    rolling_out: str | None = None
    window: Window | None = None
    windows: Sequence[WindowStatus] = field(default=())


@dataclass(frozen=True, kw_only=True)
class SignalView:
    """A signal as it is now.

    Attributes:
        evidence: the breached windows, the newest last.
        stale: whether it would be active but for the age of its evidence.
        changes_at: when a window that counts becomes too old; None where none counts.
    """

    status: SignalStatus
    evidence: tuple[Evidence, ...] = ()
    stale: bool = False
    changes_at: datetime | None = None


_Known = tuple[WindowStatus, MetricVerdict]


def look(signal: Signal, monitor: MonitorView, *, since: datetime | None, now: datetime) -> SignalView:
    """The signal now.

    Args:
        signal: the metric, and k of n windows.
        monitor: its monitor.
        since: when the last training came to its end; earlier windows do not count.
        now: the time, from which the age of a window is counted.
    """
    unknown = _unknown(signal, monitor)
    if unknown is not None:
        reason, message = unknown
        status = SignalStatus(name=signal.name, active=Truth.UNKNOWN, reason=reason, message=message)
        return SignalView(status=status)
    assert monitor.window is not None
    within = max_age(signal.windows, monitor.window)
    candidates = _candidates(signal, monitor, since)
    known = [entry for entry in candidates if entry[1].breached is not Truth.UNKNOWN]
    fresh = [entry for entry in known if now - parse_timestamp(entry[0].end) <= within][-signal.windows.of :]
    active = _truth(fresh, signal.windows)
    stale = active is not Truth.TRUE and _truth(known[-signal.windows.of :], signal.windows) is Truth.TRUE
    breached = _breached(known[-signal.windows.of :] if stale else fresh)
    return SignalView(
        status=SignalStatus(
            name=signal.name,
            active=active,
            reason=SignalReason.STALE_EVIDENCE if stale else _REASONS[active],
            breached=len(_breached(fresh)),
            known=len(fresh),
            message=_message(signal, monitor, fresh, candidates, within=within, stale=stale),
        ),
        evidence=tuple(_evidence(*pair) for pair in breached),
        stale=stale,
        changes_at=parse_timestamp(fresh[0][0].end) + within if fresh else None,
    )


def max_age(windows: ForWindows, window: Window) -> timedelta:
    """Maximum age of a window's end: `within`, or twice `of` windows plus the label delay.

    The newest `of` windows span `of` times their size; the other half leaves room for as many unknown ones.
    """
    if windows.within is not None:
        return timedelta(seconds=seconds(windows.within))
    return timedelta(seconds=2 * windows.of * seconds(window.size) + seconds(window.label_delay))


_REASONS = {
    Truth.TRUE: SignalReason.BREACHED,
    Truth.FALSE: SignalReason.NOT_BREACHED,
    Truth.UNKNOWN: SignalReason.TOO_FEW_WINDOWS,
}


def _truth(known: Sequence[_Known], windows: ForWindows) -> Truth:
    if len(_breached(known)) >= windows.breached:
        return Truth.TRUE
    return Truth.UNKNOWN if len(known) < windows.breached else Truth.FALSE


def _breached(known: Sequence[_Known]) -> list[_Known]:
    return [entry for entry in known if entry[1].breached is Truth.TRUE]


def _unknown(signal: Signal, monitor: MonitorView) -> tuple[SignalReason, str] | None:
    if not monitor.found:
        return SignalReason.MONITOR_NOT_FOUND, f"ModelMonitor {signal.monitor} does not exist"
    if monitor.window is None:
        message = f"ModelMonitor {signal.monitor} has an invalid window: see its conditions"
        return SignalReason.MONITOR_INVALID, message
    least = (signal.windows.breached - 1) * seconds(monitor.window.size) + seconds(monitor.window.label_delay)
    if max_age(signal.windows, monitor.window) < timedelta(seconds=least):
        message = (
            f"for.within is {signal.windows.within}, expected at least {least} s: {signal.windows.breached} windows of"
            f" {monitor.window.size} with a label delay of {monitor.window.label_delay}"
        )
        return SignalReason.WITHIN_TOO_SHORT, message
    if monitor.version is None:
        message = f"the deployment of ModelMonitor {signal.monitor} has no stable version"
        return SignalReason.NOTHING_SERVED, message
    if monitor.rolling_out is not None:
        message = f"version {monitor.rolling_out} replaces {monitor.version}: the windows of the new version decide"
        return SignalReason.ROLLING_OUT, message
    return None


def _candidates(signal: Signal, monitor: MonitorView, since: datetime | None) -> list[_Known]:
    return [
        (window, verdict)
        for window in monitor.windows
        if window.version == monitor.version and (since is None or parse_timestamp(window.end) > since)
        for verdict in window.metrics
        if verdict.name == signal.metric
    ]


def _message(
    signal: Signal,
    monitor: MonitorView,
    fresh: Sequence[_Known],
    candidates: Sequence[_Known],
    *,
    within: timedelta,
    stale: bool,
) -> str:
    k, n, age = signal.windows.breached, signal.windows.of, duration_of(int(within.total_seconds()))
    message = (
        f"{signal.metric} of {monitor.version}: {len(_breached(fresh))} of {len(fresh)} known windows breached,"
        f" a training needs {k} of {n} within {age}"
    )
    if stale:
        message += f"; further breached windows ended more than {age} ago and do not count"
    newest = candidates[-1][1] if candidates else None
    if newest is not None and newest.breached is Truth.UNKNOWN:
        message += f"; the verdict of the latest window is Unknown: {newest.reason}"
    return message


def _evidence(window: WindowStatus, verdict: MetricVerdict) -> Evidence:
    low = verdict.value is not None and verdict.lower is not None and verdict.value < verdict.lower
    return Evidence(
        window_end=window.end,
        version=window.version,
        value=verdict.value,
        limit=verdict.lower if low else verdict.upper,
        n=verdict.n,
    )
