# SPDX-License-Identifier: Apache-2.0
"""How the rules' verdicts add up."""

import itertools

import pytest

from mlops_operator.api.evaluation import Verdict
from mlops_operator.controllers.evaluation.policies.combine import combine

PASS, FAIL, UNSURE, NONE, ERROR = Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.NO_DATA, Verdict.ERROR


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ((PASS, PASS), PASS),
        ((PASS, UNSURE), UNSURE),
        ((UNSURE, NONE), NONE),
        ((NONE, FAIL), FAIL),
        ((FAIL, ERROR), ERROR),
        ((), NONE),
    ],
)
def test_the_most_serious_counts(verdicts: tuple[Verdict, ...], expected: Verdict) -> None:
    for order in itertools.permutations(verdicts):
        assert combine(order) is expected


def test_only_all_passes_pass() -> None:
    for verdicts in itertools.product(Verdict, repeat=3):
        assert (combine(verdicts) is PASS) == (set(verdicts) == {PASS})
