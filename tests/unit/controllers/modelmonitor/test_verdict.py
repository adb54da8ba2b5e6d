"""From a run's figures to verdicts."""

import math

import pytest

from mlops_contract import Result
from mlops_operator.api.conditions import Truth
from mlops_operator.api.modelmonitor import MetricVerdict, MonitoredMetric, ReferenceStatus
from mlops_operator.controllers.modelmonitor.policies.verdict import judge, overall

METRIC = MonitoredMetric.model_validate({"name": "accuracy", "limit": {"min": 0.9}, "minSamples": 100})
NO_REFERENCE = ReferenceStatus(metric="accuracy", version="digits-a")


def verdict(*, rows: int = 200, labelled: int = 200, **metrics: float) -> MetricVerdict:
    result = Result(uid="u", metrics=metrics, counts={"rows": rows, "labelled": labelled})
    return judge(METRIC, result, NO_REFERENCE, windows=10)


def test_a_breach_has_its_value_limit_and_n() -> None:
    found = verdict(accuracy=0.53)
    assert (found.breached, found.value, found.lower, found.n) == (Truth.TRUE, 0.53, 0.9, 200)
    assert (found.reason, found.message) == ("BelowLimit", "0.53 is below 0.9")


def test_fewer_labels_than_wanted_are_unknown_however_bad_the_value() -> None:
    found = verdict(rows=120, labelled=99, accuracy=0.1)
    assert (found.breached, found.reason, found.value, found.n) == (Truth.UNKNOWN, "TooFewSamples", 0.1, 99)
    assert found.message == "99 of 120 rows have labels, at least 100 are needed"


def test_no_row_is_no_data() -> None:
    found = verdict(rows=0, labelled=0)
    assert (found.breached, found.reason, found.value) == (Truth.UNKNOWN, "NoData", None)


def test_a_metric_that_was_not_measured_is_no_data() -> None:
    assert verdict(f1_macro=0.9).reason == "NoData"


def test_a_value_that_is_not_finite_is_no_data() -> None:
    result = Result(uid="u", counts={"rows": 200, "labelled": 200}).model_copy(
        update={"metrics": {"accuracy": math.inf}}
    )
    found = judge(METRIC, result, NO_REFERENCE, windows=10)
    assert (found.breached, found.reason, found.value) == (Truth.UNKNOWN, "NoData", None)


@pytest.mark.parametrize(
    ("truths", "expected"),
    [
        ((Truth.FALSE, Truth.FALSE), Truth.FALSE),
        ((Truth.FALSE, Truth.UNKNOWN), Truth.UNKNOWN),
        ((Truth.UNKNOWN, Truth.TRUE), Truth.TRUE),
        ((), Truth.UNKNOWN),
    ],
)
def test_several_metrics_make_one_verdict(truths: tuple[Truth, ...], expected: Truth) -> None:
    verdicts = [
        MetricVerdict(name=f"m{i}", breached=truth, reason=truth.value, message=f"said {i}")
        for i, truth in enumerate(truths)
    ]
    found = overall(verdicts)
    assert found.breached is expected
    assert all(f"said {i}" in found.message for i, truth in enumerate(truths) if truth is expected)
