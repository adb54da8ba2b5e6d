# SPDX-License-Identifier: Apache-2.0
"""Rows that a gate and a training have in common: what is known, and what it decides."""

import pytest

from mlops_operator.api.conditions import Truth
from mlops_operator.api.evaluation import Overlap, Verdict
from mlops_operator.controllers.evaluation.policies.overlap import check_overlap, row_overlap

CLEAN = {"overlap.rows": 400, "overlap.candidate": 0, "overlap.baseline": 0}


def without(name: str) -> dict[str, int]:
    return {key: count for key, count in CLEAN.items() if key != name}


@pytest.mark.parametrize(
    ("count", "overlap", "share"), [(0, Truth.FALSE, 0.0), (1, Truth.TRUE, 0.0025), (400, Truth.TRUE, 1.0)]
)
def test_the_status_has_count_and_share(count: int, overlap: Truth, share: float) -> None:
    candidate, baseline = row_overlap(CLEAN | {"overlap.candidate": count}, with_baseline=True)
    assert (candidate.role, candidate.overlap, candidate.rows, candidate.share) == ("candidate", overlap, count, share)
    assert (baseline.role, baseline.overlap) == ("baseline", Truth.FALSE)


def test_without_hashes_it_is_unknown() -> None:
    (candidate,) = row_overlap({}, with_baseline=False)
    assert (candidate.overlap, candidate.rows, candidate.share) == (Truth.UNKNOWN, None, None)


@pytest.mark.parametrize("mode", [Overlap.REFUSE, Overlap.REQUIRE])
@pytest.mark.parametrize(("count", "fails"), [(0, False), (1, True), (2, True)])
def test_a_candidate_that_was_trained_on_a_row_of_the_gate_fails(mode: Overlap, count: int, fails: bool) -> None:
    finding = check_overlap(mode, row_overlap(CLEAN | {"overlap.candidate": count}, with_baseline=True))
    assert (finding is not None) is fails
    if finding is not None:
        assert finding.verdict is Verdict.FAIL
        assert (
            finding.message == f"overlap: the candidate was trained on {count} of the gate's rows ({count / 400:.2%})"
        )


@pytest.mark.parametrize("mode", [Overlap.REFUSE, Overlap.REQUIRE])
@pytest.mark.parametrize(("count", "held"), [(0, False), (1, True), (2, True)])
def test_a_baseline_that_was_trained_on_them_decides_nothing(mode: Overlap, count: int, held: bool) -> None:
    finding = check_overlap(mode, row_overlap(CLEAN | {"overlap.baseline": count}, with_baseline=True))
    assert (finding is not None) is held
    if finding is not None:
        assert finding.verdict is Verdict.INCONCLUSIVE
        assert "the baseline was trained on" in finding.message


@pytest.mark.parametrize("role", ["candidate", "baseline"])
def test_missing_hashes_are_refused_only_where_they_are_required(role: str) -> None:
    found = row_overlap(without(f"overlap.{role}"), with_baseline=True)
    assert check_overlap(Overlap.REFUSE, found) is None
    finding = check_overlap(Overlap.REQUIRE, found)
    assert finding is not None
    assert finding.verdict is Verdict.NO_DATA
    assert f"Unknown, because there are no hashes of all training rows of the {role}" in finding.message


def test_a_known_overlap_of_the_candidate_counts_more_than_a_missing_one_of_the_baseline() -> None:
    found = row_overlap(without("overlap.baseline") | {"overlap.candidate": 3}, with_baseline=True)
    finding = check_overlap(Overlap.REQUIRE, found)
    assert finding is not None
    assert finding.verdict is Verdict.FAIL


def test_report_decides_nothing() -> None:
    for counts in ({}, CLEAN | {"overlap.candidate": 400, "overlap.baseline": 400}):
        assert check_overlap(Overlap.REPORT, row_overlap(counts, with_baseline=True)) is None
