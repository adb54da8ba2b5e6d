# SPDX-License-Identifier: Apache-2.0
"""The triggers that fire now: the manual one first, then in the order of the spec."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from mlops_operator.api.conditions import Truth, parse_timestamp, timestamp
from mlops_operator.api.retrainpolicy import TRIGGER_ANNOTATION, DecisionReason, RetrainPolicyStatus, ScheduleStatus
from mlops_operator.api.retraintrigger import MANUAL, CronTrigger
from mlops_operator.controllers.retrainpolicy.observed import Observed
from mlops_operator.controllers.retrainpolicy.policies import schedule
from mlops_operator.controllers.retrainpolicy.policies.firing import Firing
from mlops_operator.controllers.retrainpolicy.policies.manual import pending_value
from mlops_operator.controllers.retrainpolicy.policies.signal import SignalView


@dataclass(frozen=True, kw_only=True)
class Fired:
    """What fires, and how far the schedules have been looked at by it."""

    firings: tuple[Firing, ...]
    schedules: tuple[ScheduleStatus, ...]


def fired(obs: Observed, status: RetrainPolicyStatus, signals: Mapping[str, SignalView], now: datetime) -> Fired:
    """All triggers that fire now.

    Args:
        obs: the policy.
        status: its status as far as this plan has come.
        signals: by name, as they are now.
        now: the time.
    """
    firings = [_manual(obs, status)]
    schedules = []
    for trigger in obs.spec.triggers:
        if trigger.signal is not None:
            firings.append(_signal(trigger.name, signals.get(trigger.signal)))
        elif trigger.cron is not None:
            firing, looked_at = _cron(obs, trigger.name, trigger.cron, status, now)
            firings.append(firing)
            schedules.append(looked_at)
    return Fired(firings=tuple(firing for firing in firings if firing is not None), schedules=tuple(schedules))


def _manual(obs: Observed, status: RetrainPolicyStatus) -> Firing | None:
    value = pending_value(obs.annotation, handled=status.handled_trigger)
    if value is None:
        return None
    return Firing(
        trigger=MANUAL,
        moment=value,
        reason=DecisionReason.MANUAL_TRIGGER,
        message=f"annotation {TRIGGER_ANNOTATION}: {value}",
        occasion=status.last_started or "",
    )


def _signal(trigger: str, view: SignalView | None) -> Firing | None:
    if view is None or (view.status.active is not Truth.TRUE and not view.stale):
        return None
    return Firing(
        trigger=trigger,
        moment=view.evidence[-1].window_end,
        reason=DecisionReason.SIGNAL_ACTIVE,
        message=view.status.message,
        evidence=view.evidence,
        stale=view.status.message if view.stale else "",
    )


def _cron(
    obs: Observed, trigger: str, cron: CronTrigger, status: RetrainPolicyStatus, now: datetime
) -> tuple[Firing | None, ScheduleStatus]:
    known = next((entry for entry in status.schedules if entry.trigger == trigger), None)
    unchanged = obs.generation == 1
    after = schedule.looked_at(
        known,
        cron,
        created=parse_timestamp(obs.obj["metadata"]["creationTimestamp"]) if unchanged else None,
        now=now,
    )
    due = schedule.due_moment(cron, after=after, now=now)
    if due is None:
        return None, schedule.looked_at_status(trigger, cron, after)
    firing = Firing(
        trigger=trigger,
        moment=timestamp(due),
        reason=DecisionReason.SCHEDULE_DUE,
        message=f"{cron.schedule} ({cron.time_zone}) was due at {timestamp(due)}",
    )
    return firing, schedule.looked_at_status(trigger, cron, due)
