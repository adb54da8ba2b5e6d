# SPDX-License-Identifier: Apache-2.0
"""Which windows become part of a reference, and for how many rows each of them counts."""

import pytest

from mlops_contract.models.result import Result
from mlops_operator.api.conditions import Truth
from mlops_operator.api.modelmonitor import (
    Limit,
    MetricVerdict,
    MonitorReason,
    Reference,
    ReferenceStatus,
    ReferenceWindow,
    WindowStatus,
)
from mlops_operator.controllers.modelmonitor.policies.collect import collect, part_of_reference
from mlops_operator.controllers.modelmonitor.policies.reference import References

WINDOW = WindowStatus(start="2026-01-01T12:00:00Z", end="2026-01-01T13:00:00Z", version="a")
OWN = References(None, ReferenceStatus(metric="accuracy", version="a"))
PART = ReferenceWindow(start=WINDOW.start, value=0.9, n=99, effective=99)


def verdict(name: str = "f1_macro", value: float = 0.9) -> MetricVerdict:
    reason = MonitorReason.REFERENCE_INCOMPLETE
    return MetricVerdict(name=name, value=value, n=99, breached=Truth.UNKNOWN, reason=reason)


@pytest.mark.parametrize(
    ("name", "error", "effective"),
    [
        # v = (0.9 * 99 + 0.5) / 100 = 0.896 and v (1 - v) = 0.093184
        ("f1_macro", 0.05, 37.2736),
        ("f1_macro", 0.03, 99.0),  # 103.5 by the formula, but never more than its rows
        ("f1_macro", 0.4, 1.0),  # 0.58 by the formula, but at least one
        ("f1_macro", 2.0, 1.0),
        ("f1_macro", 0.0, 99.0),
        ("f1_macro", None, 99.0),
        ("accuracy", 0.05, 99.0),
        ("labeled_share", 0.05, 99.0),
    ],
)
def test_a_window_counts_for_the_rows_that_its_standard_error_says(
    name: str, error: float | None, effective: float
) -> None:
    result = Result(uid="run", metrics={} if error is None else {f"{name}.se": error})
    part = part_of_reference(verdict(name), WINDOW, result)
    assert part is not None
    assert part.effective == pytest.approx(effective)


@pytest.mark.parametrize(("value", "counts"), [(0.799, False), (0.8, True), (0.801, True)])
def test_a_first_window_counts_from_the_minimum_on(value: float, counts: bool) -> None:
    assert (collect(OWN, verdict(value=value), PART, Limit(min=0.8), Reference()) != OWN) is counts


@pytest.mark.parametrize(("value", "counts"), [(0.949, True), (0.95, True), (0.951, False)])
def test_a_first_window_counts_up_to_the_maximum(value: float, counts: bool) -> None:
    assert (collect(OWN, verdict(value=value), PART, Limit(max=0.95), Reference()) != OWN) is counts
