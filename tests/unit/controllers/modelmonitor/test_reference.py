# SPDX-License-Identifier: Apache-2.0
"""Which windows a reference is made of."""

import pytest

from mlops_operator.api.modelmonitor import Reference, ReferenceStatus, ReferenceWindow, WindowStatus
from mlops_operator.controllers.modelmonitor.policies.reference import admits, references_for
from tests.unit.controllers.versions import digest_of

DIGEST = digest_of("a")
PART = ReferenceWindow(start="2026-01-01T12:00:00Z", value=0.95, n=500, effective=500)
COMPLETE = ReferenceStatus(metric="accuracy", version="a", digest=DIGEST, windows=(PART,) * 6, complete=True)
WINDOW = WindowStatus(start="2026-01-02T12:00:00Z", end="2026-01-02T13:00:00Z", version="a", digest=DIGEST)


def test_the_own_reference_is_in_force() -> None:
    found = references_for("accuracy", WINDOW, (COMPLETE,), (), Reference())
    assert (found.in_force, found.collecting) == (COMPLETE, None)


@pytest.mark.parametrize("other", [{"version": "b"}, {"digest": digest_of("b")}])
def test_another_version_or_digest_collects_its_own_under_the_former_one(other: dict[str, str]) -> None:
    window = WINDOW.model_copy(update=other)
    found = references_for("accuracy", window, (COMPLETE,), (), Reference())
    assert found.compared == found.in_force == COMPLETE
    assert found.collecting is not None
    assert (found.collecting.version, found.collecting.digest) == (window.version, window.digest)


def test_another_metric_has_a_reference_of_its_own() -> None:
    found = references_for("f1_macro", WINDOW, (COMPLETE,), (), Reference())
    assert (found.in_force, found.compared) == (None, None)


@pytest.mark.parametrize(
    ("not_before", "used"),
    [("2026-01-01T11:59:59Z", True), ("2026-01-01T12:00:00Z", True), ("2026-01-01T12:00:01Z", False)],
)
def test_windows_before_a_given_time_are_in_no_reference(not_before: str, used: bool) -> None:
    spec = Reference(not_before=not_before)
    assert (references_for("accuracy", WINDOW, (COMPLETE,), (), spec).in_force is not None) is used
    begun = COMPLETE.model_copy(update={"complete": False})
    assert (references_for("accuracy", WINDOW, (), (begun,), spec).compared is not None) is used
    assert admits(ReferenceStatus(metric="accuracy", version="a"), PART.start, spec) is used


@pytest.mark.parametrize(
    ("start", "admitted"),
    [("2026-01-01T12:09:59Z", False), ("2026-01-01T12:10:00Z", True), ("2026-01-01T12:10:01Z", True)],
)
def test_windows_of_a_spread_reference_lie_apart(start: str, admitted: bool) -> None:
    begun = ReferenceStatus(metric="accuracy", version="a", windows=(PART,))
    assert admits(begun, start, Reference(windows=6, per="1h")) is admitted
    assert admits(begun, start, Reference(windows=6))


@pytest.mark.parametrize("text", ["yesterday", "2026-01-01T12:00:00"])
def test_a_time_without_an_offset_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"yesterday|offset from UTC"):
        Reference(not_before=text)
