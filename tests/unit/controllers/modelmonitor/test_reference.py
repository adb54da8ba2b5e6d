"""What is usual for a version."""

import pytest

from mlops_operator.api.modelmonitor import ReferenceStatus
from mlops_operator.controllers.modelmonitor.policies.reference import band, extended, reference_for

EMPTY = ReferenceStatus(metric="accuracy", version="digits-a", size="5m")


def filled(*values: float, windows: int = 6) -> ReferenceStatus:
    reference = EMPTY
    for value in values:
        reference = extended(reference, value, windows=windows)
    return reference


def test_it_is_complete_with_as_many_windows_as_were_asked_for() -> None:
    reference = filled(0.90, 0.92, 0.94, 0.96, 0.98)
    assert (reference.complete, reference.mean, reference.std) == (False, None, None)
    reference = extended(reference, 1.0, windows=6)
    assert reference.complete
    assert reference.mean == pytest.approx(0.95)
    assert reference.std == pytest.approx(0.0374165739)  # n - 1 in the denominator


def test_it_is_frozen_once_complete() -> None:
    reference = filled(0.9, 0.92, 0.94, 0.96, 0.98, 1.0)
    assert extended(reference, 0.1, windows=6) == reference


def test_the_band_is_the_mean_and_so_many_standard_deviations() -> None:
    limits = band(filled(0.9, 0.92, 0.94, 0.96, 0.98, 1.0), sigmas=3)
    assert limits is not None
    assert limits.lower == pytest.approx(0.95 - 3 * 0.0374165739)
    assert limits.upper == pytest.approx(0.95 + 3 * 0.0374165739)


def test_values_that_do_not_vary_make_no_band() -> None:
    assert band(filled(*[0.97] * 6), sigmas=3) is None


@pytest.mark.parametrize("other", [{"version": "digits-b"}, {"size": "10m"}, {"metric": "f1_macro"}])
def test_another_version_size_or_metric_has_a_reference_of_its_own(other: dict[str, str]) -> None:
    known = (filled(0.9, 0.92),)
    wanted = {"metric": "accuracy", "version": "digits-a", "size": "5m"}
    assert reference_for(known, **wanted) == known[0]
    assert reference_for(known, **{**wanted, **other}).values == ()
