# SPDX-License-Identifier: Apache-2.0
"""Whether there are enough recent rows, and enough new ones where the same artifact was measured before."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from mlops_contract.gate_rows import RecentCount
from mlops_operator.api.conditions import parse_timestamp, timestamp
from mlops_operator.api.evaluation import EvaluationSpec, MetricRule, Recent, RecentRows, Verdict
from mlops_operator.api.schema import seconds
from mlops_operator.controllers.evaluation.policies.finding import Finding
from mlops_operator.controllers.evaluation.policies.floor import asks_absolute

_LAST_MILLISECOND: Final = 253_402_300_799_000
"""End of the year 9999: later times cannot be written as RFC 3339."""


def recent_window(recent: Recent, created: str) -> tuple[datetime, datetime]:
    """Start and end of the window of an Evaluation that was created at `created`."""
    end = parse_timestamp(created)
    return end - timedelta(seconds=seconds(recent.window)), end


def recent_rows(recent: Recent, created: str, counts: Mapping[str, int]) -> RecentRows:
    """What the run reported about the recent rows."""
    start, end = recent_window(recent, created)
    newest = counts.get(RecentCount.NEWEST, 0)
    return RecentRows(
        start=timestamp(start),
        end=timestamp(end),
        rows=counts.get(RecentCount.ROWS, 0),
        new=counts.get(RecentCount.NEW),
        newest=_rounded_up(newest) if 0 < newest <= _LAST_MILLISECOND else None,
        unlabeled=counts.get(RecentCount.UNLABELED, 0),
        unfit=counts.get(RecentCount.UNFIT, 0),
        unidentified=counts.get(RecentCount.UNIDENTIFIED, 0),
    )


def check_new_rows(spec: EvaluationSpec, found: RecentRows) -> Finding | None:
    """Why this measurement would be a second one of the same artifact on the same rows; None where it is not."""
    if spec.recent is None or spec.recent_after is None or (found.new or 0) >= spec.recent.min_count:
        return None
    return Finding(
        Verdict.NO_DATA,
        f"this artifact was measured by this gate before: {found.new or 0} labeled recent rows are newer than "
        f"{spec.recent_after}, at least {spec.recent.min_count} are needed for another measurement",
    )


def check_recent(spec: EvaluationSpec, found: RecentRows) -> Finding | None:
    """Why the recent rows do not suffice for the rules that use them; None where they do."""
    if spec.recent is None or found.rows >= spec.recent.min_count:
        return None
    if not any(_uses_recent(rule, spec.recent, with_baseline=spec.baseline is not None) for rule in spec.metrics):
        return None
    unused = {
        "without a label": found.unlabeled,
        "without usable inputs": found.unfit,
        "of all requests without group and id": found.unidentified,
    }
    words = "".join(f"; {count} {what}" for what, count in unused.items() if count)
    return Finding(
        Verdict.INCONCLUSIVE if found.rows else Verdict.NO_DATA,
        f"{found.rows} labeled recent rows from {found.start} to {found.end}, at least {spec.recent.min_count} are "
        f"needed{words}",
    )


def _uses_recent(rule: MetricRule, recent: Recent, *, with_baseline: bool) -> bool:
    """Whether the rule decides now, and recent rows are among its rows."""
    asked = asks_absolute(rule) or (rule.change is not None and with_baseline)
    return asked and rule.slice in (None, recent.slice)


def _rounded_up(milliseconds: int) -> str:
    return timestamp(datetime.fromtimestamp(-(-milliseconds // 1000), tz=UTC))
