# SPDX-License-Identifier: Apache-2.0
"""What the answers to the golden requests mean."""

import pytest

from mlops_contract.models.result import Result
from mlops_operator.controllers.modeldeployment.policies.golden import judge, judge_recheck, unanswered


def result(**counts: int) -> Result:
    return Result(uid="u", counts=counts, metrics={"latency_p99": 0.25})


def test_all_answered_as_recorded_is_a_pass() -> None:
    verdict = judge(result(requests=20, mismatches=0, errors=0, slow=0))
    assert verdict.passed
    assert verdict.message == "20 requests: 0 mismatches, 0 errors, 0 slow; p99 latency 0.250 s"


@pytest.mark.parametrize("wrong", ["mismatches", "errors", "slow"])
def test_one_wrong_answer_is_a_failure(wrong: str) -> None:
    verdict = judge(result(**{"requests": 20, "mismatches": 0, "errors": 0, "slow": 0, wrong: 1}))
    assert not verdict.passed
    assert verdict.reason == "GoldenRequestsFailed"


@pytest.mark.parametrize(
    "counts",
    [{}, {"requests": 0, "mismatches": 0, "errors": 0}, {"requests": 5, "errors": 0}, {"requests": 5, "mismatches": 0}],
)
def test_missing_figures_are_no_pass(counts: dict[str, int]) -> None:
    verdict = judge(result(**counts))
    assert not verdict.passed
    assert verdict.reason == "GoldenCheckFailed"
    assert verdict.message.endswith(f", found: {', '.join(sorted(counts)) if counts else 'none'}")


def test_a_recheck_passes_when_as_many_servers_as_the_step_has_answered_rightly() -> None:
    figures = {"requests": 20, "mismatches": 0, "errors": 0, "slow": 0}
    assert judge_recheck(result(**figures, endpoints=3), golden=True, replicas=3).passed
    assert judge_recheck(result(**figures, endpoints=4), golden=True, replicas=3).passed
    assert judge_recheck(result(endpoints=3), golden=False, replicas=3).message == "3 servers answered"
    for golden in (True, False):
        short = judge_recheck(result(**figures, endpoints=2), golden=golden, replicas=3)
        assert (short.passed, short.reason) == (False, "CandidateUnavailable")
        assert short.message == "expected answers of 3 servers, found 2"
    assert not judge_recheck(result(**figures), golden=True, replicas=1).passed
    assert judge_recheck(result(endpoints=3), golden=True, replicas=3).reason == "GoldenCheckFailed"


def test_a_check_that_failed_itself_says_why() -> None:
    verdict = unanswered("ArtifactNotFound", "nothing at pvc://store/golden")
    assert verdict.reason == "GoldenCheckFailed"
    assert verdict.message.endswith("ArtifactNotFound: nothing at pvc://store/golden")
