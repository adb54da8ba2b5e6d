# SPDX-License-Identifier: Apache-2.0
"""Whether there are enough rows, or enough of the rarest class."""

import pytest

from mlops_operator.api.evaluation import MetricRule, Verdict
from mlops_operator.controllers.evaluation.policies.measured import Measured
from mlops_operator.controllers.evaluation.policies.sample import check_sample


@pytest.mark.parametrize(("rows", "enough"), [(199, False), (200, True), (201, True)])
@pytest.mark.parametrize("name", ["accuracy", "log_loss"])
def test_rows_are_counted(name: str, rows: int, enough: bool) -> None:
    rule = MetricRule.model_validate({"name": name, "min": 0.9})
    finding = check_sample(Measured(rule=rule, n=rows, rarest=0))
    assert (finding is None) is enough
    if finding is not None:
        assert (finding.verdict, finding.message) == (
            Verdict.INCONCLUSIVE,
            "199 rows, at least 200 are needed: 1 more",
        )


@pytest.mark.parametrize(("rows", "enough"), [(199, False), (200, True), (201, True)])
@pytest.mark.parametrize("name", ["balanced_accuracy", "f1_macro"])
def test_a_mean_over_classes_counts_rows_of_the_rarest(name: str, rows: int, enough: bool) -> None:
    rule = MetricRule.model_validate({"name": name, "min": 0.9})
    finding = check_sample(Measured(rule=rule, n=100_000, rarest=rows))
    assert (finding is None) is enough
    if finding is not None:
        assert finding.message == "199 rows of the rarest class, at least 200 are needed: 1 more"


@pytest.mark.parametrize("rows", [None, 0])
def test_no_rows_are_no_data(rows: int | None) -> None:
    finding = check_sample(Measured(rule=MetricRule(min=0.9), n=rows))
    assert finding is not None
    assert finding.verdict is Verdict.NO_DATA
