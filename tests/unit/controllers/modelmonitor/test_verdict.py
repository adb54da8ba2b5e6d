# SPDX-License-Identifier: Apache-2.0
"""From a run's figures to verdicts."""

import math
from typing import Any

import pytest

from mlops_contract.models.result import Result
from mlops_operator.api.conditions import Truth
from mlops_operator.api.modelmonitor import MetricVerdict, MonitoredMetric
from mlops_operator.controllers.modelmonitor.policies.verdict import Standing, judge, overall

METRIC = MonitoredMetric.model_validate({"name": "accuracy", "limit": {"min": 0.9}, "minSamples": 100})


def verdict(*, rows: int = 200, labeled: int = 200, **metrics: float) -> MetricVerdict:
    return decide({}, Result(uid="u", metrics=metrics, counts={"rows": rows, "labeled": labeled}))


def decide(metric: dict[str, Any], result: Result) -> MetricVerdict:
    monitored = METRIC.model_copy(update={"name": metric.get("name", "accuracy")})
    return judge(monitored, result, Standing(size=60, min_labeled_share=0.5))


def test_a_breach_has_its_value_limit_and_n() -> None:
    found = verdict(accuracy=0.53)
    assert (found.breached, found.value, found.lower, found.n) == (Truth.TRUE, 0.53, 0.9, 200)
    assert (found.reason, found.message) == ("BelowLimit", "0.53 is below the limit of 0.9")


def test_fewer_labels_than_wanted_are_unknown_however_bad_the_value() -> None:
    found = verdict(rows=120, labeled=99, accuracy=0.1)
    assert (found.breached, found.reason, found.value, found.n) == (Truth.UNKNOWN, "TooFewSamples", 0.1, 99)
    assert found.message == (
        "99 of 120 rows have labels, at least 100 are needed: 1 more; at this rate a window of 1m1s has enough"
    )


@pytest.mark.parametrize(
    ("name", "counts", "message"),
    [
        ("accuracy", {"rows": 60, "labeled": 50}, "100 are needed: 50 more; at this rate a window of 2m has enough"),
        ("labeled_share", {"rows": 1}, "1 rows, at least 100 are needed: 99 more; at this rate a window of 1h40m has"),
        (
            "f1_macro",
            {"rows": 900, "labeled": 900, "f1_macro.rarest": 25},
            "25 of 900 labeled rows are of the rarest class, at least 100 are needed: 75 more; at this rate a window "
            "of 4m has enough",
        ),
        ("f1_macro", {"rows": 900, "labeled": 900, "f1_macro.rarest": 0}, "100 are needed: 100 more"),
    ],
)
def test_the_message_says_how_many_rows_are_missing_and_which_window_has_them(
    name: str, counts: dict[str, int], message: str
) -> None:
    found = decide({"name": name}, Result(uid="u", counts=counts))
    assert (found.breached, found.reason) == (Truth.UNKNOWN, "TooFewSamples")
    assert message in found.message
    assert ("rate" in found.message) is ("rate" in message)


@pytest.mark.parametrize(("labeled", "reason"), [(499, "TooFewLabels"), (500, "BelowLimit"), (501, "BelowLimit")])
def test_labels_of_few_rows_are_unknown_whatever_they_say(labeled: int, reason: str) -> None:
    assert verdict(rows=1000, labeled=labeled, accuracy=0.0).reason == reason


def test_the_message_says_how_many_labels_are_missing_and_where_to_allow_fewer() -> None:
    found = verdict(rows=1000, labeled=50, accuracy=0.0)
    assert found.breached is Truth.UNKNOWN
    assert found.message == (
        "50 of 1000 rows have labels (0.05), at least a share of 0.5 is needed (spec.labels.minShare), 450 more: "
        "the rows that get labels may not be typical"
    )


@pytest.mark.parametrize(("rows", "reason"), [(99, "TooFewSamples"), (100, "WithinLimits"), (101, "WithinLimits")])
def test_min_samples_is_the_least_number_that_suffices(rows: int, reason: str) -> None:
    assert verdict(rows=rows, labeled=rows, accuracy=0.95).reason == reason


@pytest.mark.parametrize(("rarest", "reason"), [(99, "TooFewSamples"), (100, "WithinLimits"), (101, "WithinLimits")])
@pytest.mark.parametrize("name", ["balanced_accuracy", "f1_macro"])
def test_the_rarest_class_must_have_rows_enough(name: str, rarest: int, reason: str) -> None:
    counts = {"rows": 1000, "labeled": 1000, f"{name}.rarest": rarest}
    found = decide({"name": name}, Result(uid="u", metrics={name: 0.95}, counts=counts))
    assert found.reason == reason


@pytest.mark.parametrize(("labeled", "breached"), [(899, Truth.TRUE), (900, Truth.FALSE), (901, Truth.FALSE)])
def test_the_labeled_share_is_a_figure_of_its_own(labeled: int, breached: Truth) -> None:
    found = decide({"name": "labeled_share"}, Result(uid="u", counts={"rows": 1000, "labeled": labeled}))
    assert (found.breached, found.value, found.n) == (breached, labeled / 1000, 1000)


def test_a_fall_of_the_labeled_share_below_the_least_one_is_still_a_breach() -> None:
    found = decide({"name": "labeled_share"}, Result(uid="u", counts={"rows": 1000, "labeled": 10}))
    assert found.breached is Truth.TRUE


@pytest.mark.parametrize(("rows", "reason"), [(99, "TooFewSamples"), (100, "WithinLimits"), (101, "WithinLimits")])
def test_the_labeled_share_needs_rows_enough(rows: int, reason: str) -> None:
    counts = {"rows": rows, "labeled": rows}
    assert decide({"name": "labeled_share"}, Result(uid="u", counts=counts)).reason == reason


def test_what_was_not_used_is_in_the_message_of_a_window_without_a_verdict() -> None:
    note = "1,000 rows: times look like milliseconds since 1970, expected RFC 3339 or seconds (first: log.jsonl:1)"
    found = decide({}, Result(uid="u", counts={"rows": 0}, notes=(note,)))
    assert (found.reason, found.message) == ("NoData", f"no rows; not used: {note}")


def test_no_row_is_no_data() -> None:
    found = verdict(rows=0, labeled=0)
    assert (found.breached, found.reason, found.value) == (Truth.UNKNOWN, "NoData", None)


def test_a_metric_that_was_not_measured_is_no_data() -> None:
    assert verdict(f1_macro=0.9).reason == "NoData"


def test_a_value_that_is_not_finite_is_no_data() -> None:
    result = Result(uid="u", counts={"rows": 200, "labeled": 200}).model_copy(
        update={"metrics": {"accuracy": math.inf}}
    )
    found = decide({}, result)
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
