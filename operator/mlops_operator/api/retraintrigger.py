# SPDX-License-Identifier: Apache-2.0
"""Signals and triggers of a RetrainPolicy."""

from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from mlops_operator.api.modelmonitor import MIN_WINDOW, MonitoredName
from mlops_operator.api.retrainguard import MAX_PERIOD, check_period
from mlops_operator.api.schema import CelRule, Duration, ObjectName, ShortName, SpecModel

MANUAL: Final = "manual"
"""Name under which a trigger by annotation is recorded."""


class ForWindows(SpecModel):
    """Number of breached windows, among the last known ones, that makes a signal active.

    Not called `k` and `n`: YAML 1.1 reads an unquoted `n` as false.
    """

    rules = (
        CelRule("self.breached <= self.of", "for: breached must not exceed of"),
        CelRule(
            f"!has(self.within) || (duration(self.within) >= duration('{MIN_WINDOW}')"
            f" && duration(self.within) <= duration('{MAX_PERIOD}'))",
            f"for.within: at least {MIN_WINDOW}, at most {MAX_PERIOD}",
        ),
    )

    breached: Annotated[int, Field(ge=1, le=20)] = 2
    """Number of breached windows that makes the signal active."""
    of: Annotated[int, Field(ge=1, le=20)] = 3
    """Number of the last known windows that count."""
    within: Duration | None = None
    """Maximum age of evidence: windows that ended longer ago do not count. Default: twice `of` windows of the
    monitor plus its `labelDelay`, so that as many windows may be unknown as count."""

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.within is not None:
            check_period("within", self.within, least=MIN_WINDOW)
        return self


class Signal(SpecModel):
    """A metric of a ModelMonitor that triggers a training when enough of its last known windows are breached.

    Windows with the verdict `Unknown`, and windows older than `for.within`, do not count, neither way.
    """

    name: ShortName
    monitor: ObjectName
    metric: MonitoredName = MonitoredName.ACCURACY
    """Metric, one of the monitor's `metrics`."""
    windows: Annotated[ForWindows, Field(alias="for")] = ForWindows()


class CronTrigger(SpecModel):
    """A schedule in cron format."""

    schedule: Annotated[str, Field(min_length=9, max_length=128)]
    """Five fields: minute, hour, day of month, month, day of week. Of several missed times only the latest counts.
    Times that pass while the policy is suspended do not count."""
    time_zone: Annotated[str, Field(max_length=64)] = "Etc/UTC"
    """Name in the IANA time zone database."""


class Trigger(SpecModel):
    """An event that starts a training: a signal or a schedule."""

    rules = (
        CelRule("has(self.signal) != has(self.cron)", "triggers: set exactly one of signal and cron"),
        CelRule(f"self.name != '{MANUAL}'", f"triggers: the name {MANUAL} stands for the annotation"),
    )

    name: ShortName
    signal: ShortName | None = None
    """Name of one of `signals`."""
    cron: CronTrigger | None = None
