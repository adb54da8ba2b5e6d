# SPDX-License-Identifier: Apache-2.0
"""The status that follows from what a plan found."""

from typing import Final

from mlops_operator.api.conditions import (
    MAX_MESSAGE,
    Fact,
    Outcome,
    Truth,
    ready,
    working,
)
from mlops_operator.api.modelmonitor import (
    BREACHED,
    MAX_WINDOWS,
    ModelMonitorStatus,
    MonitorPhase,
    MonitorReason,
    ReferenceStatus,
    WindowStatus,
)
from mlops_operator.controllers.modelmonitor.policies.verdict import Overall, overall
from mlops_operator.framework.finding import Finding
from mlops_operator.framework.rejections import WAIT_FOR_SPEC

ACTION: Final = "Monitor"
"""What events say the controller was doing."""

BROKEN = frozenset({MonitorReason.JOB_FAILED, MonitorReason.RESULT_INVALID, MonitorReason.CONFIGURATION_INVALID})
"""Reasons of a last window by which the monitor itself does not work."""

HELD = WAIT_FOR_SPEC | {MonitorReason.CONFIGURATION_INVALID}
"""Reasons after which nothing is tried until the spec changes."""


def with_window(
    status: ModelMonitorStatus,
    window: WindowStatus,
    references: tuple[ReferenceStatus, ...],
    collecting: tuple[ReferenceStatus, ...],
) -> ModelMonitorStatus:
    """The status after `window` was measured."""
    windows = (*status.windows, window)[-MAX_WINDOWS:]
    return status.replace(windows=windows, references=references, collecting=collecting, measuring=None)


def outcome_of(status: ModelMonitorStatus, *, suspended: bool) -> Outcome:
    """How the monitor is, by its last window, where nothing keeps it from measuring the next."""
    if suspended:
        return ready(MonitorReason.SUSPENDED, "no window is measured")
    if not status.windows:
        return ready(MonitorReason.WAITING_FOR_WINDOW, "the first window has not been measured yet")
    last = status.windows[-1]
    found = overall(last.metrics)
    message = f"{last.start} to {last.end}, {last.version}: {found.message}"
    if found.reason in BROKEN:
        return working(found.reason, message)
    if found.reason == MonitorReason.NO_PREDICTIONS_YET:
        return ready(found.reason, message)
    return ready(MonitorReason.MONITORING, message)


def finding_of(status: ModelMonitorStatus, outcome: Outcome, *, waits: bool) -> Finding:
    """The finding by the windows in `status`."""
    breached = breached_now(status)
    fact = Fact(BREACHED, breached.breached, breached.reason, breached.message[:MAX_MESSAGE])
    return Finding.of(_phase(status, outcome, breached), outcome, facts=(fact,), waits=waits)


def breached_now(status: ModelMonitorStatus) -> Overall:
    """What the last measured window says."""
    if not status.windows:
        return Overall(Truth.UNKNOWN, MonitorReason.WAITING_FOR_WINDOW, "no window was measured yet")
    return overall(status.windows[-1].metrics)


def last_value(status: ModelMonitorStatus) -> str:
    """The first metric of the last window, as a column shows it."""
    metrics = status.windows[-1].metrics if status.windows else ()
    return f"{metrics[0].value:.4g}" if metrics and metrics[0].value is not None else ""


def _phase(status: ModelMonitorStatus, outcome: Outcome, breached: Overall) -> MonitorPhase:
    if outcome.reason == MonitorReason.SUSPENDED:
        return MonitorPhase.SUSPENDED
    if not status.windows:
        return MonitorPhase.PENDING
    phases = {Truth.TRUE: MonitorPhase.BREACHED, Truth.FALSE: MonitorPhase.HEALTHY}
    return phases.get(breached.breached, MonitorPhase.UNKNOWN)
