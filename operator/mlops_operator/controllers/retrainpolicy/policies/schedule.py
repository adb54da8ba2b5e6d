# SPDX-License-Identifier: Apache-2.0
"""When a schedule fires: at most once for all the moments that have passed since it was looked at."""

from datetime import UTC, datetime, tzinfo
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from mlops_operator.api.conditions import parse_timestamp, timestamp
from mlops_operator.api.retrainpolicy import ScheduleStatus
from mlops_operator.api.retraintrigger import CronTrigger

FIELDS: Final = 5
"""Minute to day of week. A sixth field, seconds, is not cron's."""

_UTC_NAMES: Final = ("UTC", "Etc/UTC")
"""Known without a time zone database."""


class InvalidScheduleError(ValueError):
    """A schedule or time zone that cannot be read."""


def schedule_text(cron: CronTrigger) -> str:
    """The schedule with its zone: what makes two schedules the same."""
    return f"{cron.schedule} {cron.time_zone}"


def check(cron: CronTrigger) -> None:
    """Read the schedule.

    Raises:
        InvalidScheduleError: what is wrong with it.
    """
    found = len(cron.schedule.split())
    if found != FIELDS:
        raise InvalidScheduleError(f"schedule {cron.schedule!r}: expected {FIELDS} fields, found {found}")
    try:
        CronSim(cron.schedule, datetime(2000, 1, 1, tzinfo=UTC))
    except CronSimError as error:
        raise InvalidScheduleError(f"schedule {cron.schedule!r}: {error}") from error
    _zone(cron.time_zone)


def latest_moment(cron: CronTrigger, now: datetime) -> datetime | None:
    """The latest moment up to and with `now`; None where there was none in fifty years."""
    # Going back, a time with a fraction begins at its whole second; so `now` itself counts.
    start = now.astimezone(_zone(cron.time_zone)).replace(microsecond=1)
    return _first(CronSim(cron.schedule, start, reverse=True))


def next_moment(cron: CronTrigger, now: datetime) -> datetime | None:
    """The first moment after `now`; None where there is none in fifty years."""
    return _first(CronSim(cron.schedule, now.astimezone(_zone(cron.time_zone))))


def looked_at(known: ScheduleStatus | None, cron: CronTrigger, *, created: datetime | None, now: datetime) -> datetime:
    """Up to when the schedule is done with.

    Args:
        known: what the status says, or None.
        cron: the schedule.
        created: when the policy was made, if its spec has not changed since; else None.
        now: the time; a schedule that is new begins here.
    """
    if known is not None and known.schedule == schedule_text(cron):
        return parse_timestamp(known.last)
    return created if created is not None and known is None else now


def due_moment(cron: CronTrigger, *, after: datetime, now: datetime) -> datetime | None:
    """The moment to fire for: the latest after `after`, or None."""
    latest = latest_moment(cron, now)
    return latest if latest is not None and latest > after else None


def looked_at_status(trigger: str, cron: CronTrigger, last: datetime) -> ScheduleStatus:
    """The status of a schedule that is done with up to `last`."""
    return ScheduleStatus(trigger=trigger, schedule=schedule_text(cron), last=timestamp(last))


def _first(moments: CronSim) -> datetime | None:
    found = next(moments, None)
    return found.astimezone(UTC) if found is not None else None


def _zone(name: str) -> tzinfo:
    if name in _UTC_NAMES:
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # OSError: the name of a folder of zones
        raise InvalidScheduleError(f"time zone {name!r}: {error}") from error
