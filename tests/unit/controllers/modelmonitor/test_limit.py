"""Whether a value breaches its limits."""

from typing import Any

import pytest

from mlops_operator.api.conditions import Truth
from mlops_operator.api.modelmonitor import Limit, ReferenceStatus
from mlops_operator.controllers.modelmonitor.policies.limit import LimitVerdict, check_limit

INCOMPLETE = ReferenceStatus(metric="accuracy", version="digits-a", values=(0.95, 0.97))
COMPLETE = INCOMPLETE.model_copy(update={"mean": 0.95, "std": 0.01, "complete": True})
FLAT = COMPLETE.model_copy(update={"std": 0.0})


def check(value: float, reference: ReferenceStatus = INCOMPLETE, **limit: Any) -> LimitVerdict:
    return check_limit(Limit(**limit), value, reference, windows=10)


@pytest.mark.parametrize(
    ("value", "breached", "reason"),
    [
        (0.89, Truth.TRUE, "BelowLimit"),
        (0.9, Truth.FALSE, "WithinLimits"),
        (0.99, Truth.FALSE, "WithinLimits"),
        (0.991, Truth.TRUE, "AboveLimit"),
    ],
)
def test_floor_and_ceiling(value: float, breached: Truth, reason: str) -> None:
    found = check(value, min=0.9, max=0.99)
    assert (found.breached, found.reason, found.lower, found.upper) == (breached, reason, 0.9, 0.99)


@pytest.mark.parametrize(
    ("value", "breached"), [(0.919, Truth.TRUE), (0.921, Truth.FALSE), (0.979, Truth.FALSE), (0.981, Truth.TRUE)]
)
def test_standard_deviations_from_what_is_usual_both_ways(value: float, breached: Truth) -> None:
    found = check(value, COMPLETE, sigmas=3)
    assert found.breached is breached
    assert found.lower == pytest.approx(0.92)
    assert found.upper == pytest.approx(0.98)


def test_an_incomplete_reference_is_unknown() -> None:
    found = check(0.1, sigmas=3)
    assert (found.breached, found.reason) == (Truth.UNKNOWN, "ReferenceIncomplete")
    assert found.message == "the reference has 2 of 10 windows"


def test_a_breached_floor_decides_without_a_reference() -> None:
    found = check(0.1, min=0.5, sigmas=3)
    assert (found.breached, found.reason) == (Truth.TRUE, "BelowLimit")


def test_a_kept_floor_does_not_decide_for_an_incomplete_reference() -> None:
    assert check(0.9, min=0.5, sigmas=3).breached is Truth.UNKNOWN


def test_a_reference_without_variation_is_unknown() -> None:
    assert check(0.94, FLAT, sigmas=3).reason == "ReferenceDegenerate"


def test_the_tighter_limit_is_in_force() -> None:
    found = check(0.925, COMPLETE, min=0.93, sigmas=3)
    assert (found.breached, found.lower) == (Truth.TRUE, 0.93)
    assert check(0.915, COMPLETE, min=0.9, sigmas=3).lower == pytest.approx(0.92)
