# SPDX-License-Identifier: Apache-2.0
"""Whether a value breaches its limits."""

from typing import Any

import pytest

from mlops_operator.api.conditions import Truth
from mlops_operator.api.modelmonitor import FalseAlarms, Limit, ReferenceStatus, ReferenceWindow
from mlops_operator.controllers.modelmonitor.policies.budget import probability_per_window
from mlops_operator.controllers.modelmonitor.policies.level import level_of
from mlops_operator.controllers.modelmonitor.policies.limit import (
    LimitVerdict,
    Sample,
    check_limit,
    false_breach_probability,
    lower_limit,
)

SIZE = 300
BUDGET = FalseAlarms()
WINDOW = ReferenceWindow(start="2026-01-01T12:00:00Z", value=0.95, n=500, effective=500)
REFERENCE = ReferenceStatus(metric="accuracy", version="digits-a", windows=(WINDOW,) * 10, complete=True)


def check(
    value: float, reference: ReferenceStatus | None = REFERENCE, *before: float, n: int = 500, **limit: Any
) -> LimitVerdict:
    samples = [Sample(entry, n) for entry in before]
    return check_limit(Limit.model_validate(limit), Sample(value, n), samples, reference, size=SIZE)


@pytest.mark.parametrize(
    ("value", "breached", "reason"),
    [
        (0.898, Truth.TRUE, "BelowLimit"),
        (0.9, Truth.FALSE, "WithinLimits"),
        (0.902, Truth.FALSE, "WithinLimits"),
        (0.988, Truth.FALSE, "WithinLimits"),
        (0.99, Truth.FALSE, "WithinLimits"),
        (0.992, Truth.TRUE, "AboveLimit"),
    ],
)
@pytest.mark.parametrize("reference", [None, REFERENCE])
def test_minimum_and_maximum(value: float, breached: Truth, reason: str, reference: ReferenceStatus | None) -> None:
    found = check(value, reference, min=0.9, max=0.99)
    assert (found.breached, found.reason, found.lower, found.upper) == (breached, reason, 0.9, 0.99)


@pytest.mark.parametrize("before", [(), (0.95,), (0.95, 0.95), (0.91, 0.91)])
def test_a_window_at_the_prediction_limit_is_within_it(before: tuple[float, ...]) -> None:
    lower = check(0.95, REFERENCE, *before, falseAlarms={}).lower
    assert lower is not None
    assert [check(lower + step, REFERENCE, *before, falseAlarms={}).breached for step in (-0.001, 0.0, 0.001)] == [
        Truth.TRUE,
        Truth.FALSE,
        Truth.FALSE,
    ]


def test_a_window_within_its_limits_says_which_loss_it_finds() -> None:
    found = [check(0.95, n=n, falseAlarms={}).message.rpartition("; ")[2] for n in (500, 5000)]
    assert found == ["4 of 5 such windows find a loss to 0.882", "4 of 5 such windows find a loss to 0.924"]
    assert check(0.8, n=3, falseAlarms={}).message.endswith("; it has too few rows to find any loss")


def test_a_breach_says_nothing_of_losses_that_it_would_find() -> None:
    assert "find a loss" not in check(0.5, falseAlarms={}).message


def test_an_improvement_is_no_breach() -> None:
    low = REFERENCE.model_copy(update={"windows": (WINDOW.model_copy(update={"value": 0.8}),) * 10})
    assert check(1.0, low, falseAlarms={}).breached is Truth.FALSE


def test_without_any_reference_the_answer_is_unknown_unless_the_minimum_is_breached() -> None:
    found = check(0.95, None, falseAlarms={})
    assert (found.breached, found.reason) == (Truth.UNKNOWN, "ReferenceIncomplete")
    assert check(0.95, None, min=0.9, falseAlarms={}).breached is Truth.UNKNOWN
    assert check(0.1, None, min=0.9, falseAlarms={}).breached is Truth.TRUE


def test_the_tighter_limit_is_in_force() -> None:
    assert check(0.93, min=0.94, falseAlarms={}).lower == 0.94
    lower = check(0.95, min=0.5, falseAlarms={}).lower
    assert lower is not None
    assert 0.88 < lower < 0.91


def test_a_small_loss_shows_in_three_windows_together_and_ends_with_the_first_good_one() -> None:
    assert check(0.91, REFERENCE, 0.95, 0.95, falseAlarms={}).breached is Truth.FALSE
    found = check(0.91, REFERENCE, 0.91, 0.91, falseAlarms={})
    assert found.breached is Truth.TRUE
    assert found.lower is not None
    assert found.lower > 0.91
    assert check(0.95, REFERENCE, 0.91, 0.91, falseAlarms={}).breached is Truth.FALSE


def test_a_perfect_reference_is_not_degenerate() -> None:
    perfect = REFERENCE.model_copy(update={"windows": (WINDOW.model_copy(update={"value": 1.0}),) * 10})
    assert check(0.5, perfect, falseAlarms={}).breached is Truth.TRUE
    assert check(0.998, perfect, falseAlarms={}).breached is Truth.FALSE


def test_more_rows_have_a_tighter_limit_and_fewer_a_wider_one() -> None:
    level = level_of(REFERENCE.windows)
    limits = [lower_limit(level, Sample(0.95, n), (), 1e-6) for n in (100, 500, 5000)]
    assert limits == sorted(limits)
    assert limits[2] - limits[0] > 0.05


@pytest.mark.parametrize(("size", "windows"), [(300, 8640), (3600, 720), (86400, 30)])
def test_the_budget_is_shared_by_the_windows_of_its_period(size: int, windows: int) -> None:
    each = probability_per_window(BUDGET, size=size)
    assert 1 - (1 - each) ** windows == pytest.approx(0.01)


@pytest.mark.parametrize(("size", "expected"), [(3599, 0.5), (3600, 0.5), (3601, 0.5)])
def test_a_window_longer_than_the_period_has_the_whole_budget(size: int, expected: float) -> None:
    budget = FalseAlarms(probability=0.5, per="1h")
    assert probability_per_window(budget, size=size) == pytest.approx(expected, rel=1e-3)


def test_the_figure_of_a_gate_has_half_the_probability_of_a_false_breach() -> None:
    of_windows = false_breach_probability(BUDGET, size=300, of_gate=False)
    assert of_windows == probability_per_window(BUDGET, size=300)
    assert false_breach_probability(BUDGET, size=300, of_gate=True) == of_windows / 2
