# SPDX-License-Identifier: Apache-2.0
"""Which servers get requests, and when the Service may be moved."""

import pytest

from mlops_operator.api.modeldeployment import CandidatePhase
from mlops_operator.controllers.modeldeployment.policies.traffic import may_move, pinned_revision


@pytest.mark.parametrize(
    ("phase", "pinned"),
    [
        (None, "a"),
        (CandidatePhase.STARTING, "a"),
        (CandidatePhase.CHECKING, "a"),
        (CandidatePhase.STEPPING, None),
        (CandidatePhase.PROMOTING, None),
    ],
)
def test_a_candidate_shares_the_requests_only_after_its_checks(
    phase: CandidatePhase | None, pinned: str | None
) -> None:
    assert pinned_revision(stable="a", candidate_phase=phase) == pinned


@pytest.mark.parametrize(
    ("pinned", "wanted", "ready", "may"),
    [
        ("a", "b", {"a": 2, "b": 2}, True),
        ("a", "b", {"a": 2, "b": 0}, False),
        ("a", "b", {"a": 0, "b": 0}, True),
        ("a", "b", {"a": 2, "b": 1}, True),
        ("a", None, {"a": 2}, True),
        (None, "b", {"b": 0}, True),
        ("a", "a", {"a": 0}, True),
    ],
)
def test_requests_are_never_moved_from_servers_that_are_ready_to_ones_that_are_not(
    pinned: str | None, wanted: str | None, ready: dict[str, int], may: bool
) -> None:
    assert may_move(pinned=pinned, wanted=wanted, ready=ready) is may
