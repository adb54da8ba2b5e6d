# SPDX-License-Identifier: Apache-2.0
"""What the windows of a ModelMonitor are compared with, over several versions, in a toy cluster."""

import pytest
from scipy import stats

from mlops_operator.api.meta import Manifest
from mlops_operator.kube.resources import MODEL_MONITORS
from tests.unit.controllers.modelmonitor.scene import NAME, breached, cluster, deployment, measure, status
from tests.unit.controllers.versions import digest_of

BUDGET = [{"name": "accuracy", "limit": {"falseAlarms": {}}, "minSamples": 100}]


def values(reference: Manifest) -> list[float]:
    return [entry["value"] for entry in reference["windows"]]


def test_a_reference_is_made_of_the_first_windows_and_then_frozen() -> None:
    toy = cluster(metrics=BUDGET, reference={"windows": 6})
    measure(toy, 0.95)
    assert breached(toy) == ("Unknown", "ReferenceIncomplete")
    measure(toy, 0.96, 0.97, 0.95, 0.96)
    assert breached(toy) == ("False", "WithinLimits")
    assert "references" not in status(toy)
    measure(toy, 0.97)
    assert breached(toy) == ("False", "WithinLimits")
    (reference,) = status(toy)["references"]
    assert (reference["complete"], reference["version"], reference["digest"]) == (
        True,
        "digits-a",
        digest_of("digits-a"),
    )
    assert values(reference) == [0.95, 0.96, 0.97, 0.95, 0.96, 0.97]
    assert reference["level"] == pytest.approx(0.96)
    assert "collecting" not in status(toy)
    measure(toy, 0.96)
    assert breached(toy) == ("False", "WithinLimits")
    measure(toy, 0.7)
    assert breached(toy) == ("True", "BelowLimit")
    measure(toy, 1.0)
    assert breached(toy) == ("False", "WithinLimits")
    assert status(toy)["references"] == [reference]


def test_a_verdict_by_the_reference_states_limit_rows_and_budget() -> None:
    toy = cluster(metrics=BUDGET, reference={"windows": 6})
    measure(toy, *[0.95] * 6, 0.7)
    verdict = status(toy)["windows"][-1]["metrics"][0]
    assert verdict["value"] < verdict["lower"] < 0.95
    assert verdict["expectedFalseAlarms"] == 0.01
    assert verdict["message"].startswith("0.7 is below the limit of 0.")
    for part in ("for 200 rows", "6 of 6 windows of digits-a, level 0.95", "2 windows before", "0.01 per 720h"):
        assert part in verdict["message"]


def test_windows_with_too_few_rows_or_below_the_minimum_are_no_reference() -> None:
    toy = cluster(metrics=[{**BUDGET[0], "limit": {"falseAlarms": {}, "min": 0.9}}])
    measure(toy, 0.95, 0.5)
    measure(toy, 0.96, rows=10)
    assert values(status(toy)["collecting"][0]) == [0.95]


def test_a_minimum_says_how_often_a_healthy_window_is_below_it() -> None:
    toy = cluster(metrics=[{**BUDGET[0], "limit": {"min": 0.93}}], reference={"windows": 6})
    measure(toy, *[0.95] * 7, rows=500)
    verdict = status(toy)["windows"][-1]["metrics"][0]
    # 465 right rows are not below 0.93; the level is known from 3,000 rows; a month has 43,200 windows of a minute.
    expected = 43200 * stats.betabinom.cdf(464, 500, 2850.5, 150.5)
    assert verdict["expectedFalseAlarms"] == pytest.approx(expected)
    assert "a model of 0.95 falls below 0.93 by chance in 1.3e+03 windows of 500 rows per 720h" in verdict["message"]


def test_another_version_is_compared_with_the_former_one_until_it_has_a_reference() -> None:
    toy = cluster(metrics=BUDGET, reference={"windows": 6})
    measure(toy, *[0.95] * 6)
    toy.world.put(deployment("digits-b"))
    measure(toy, 0.8)
    assert breached(toy) == ("True", "BelowLimit")
    assert "windows of digits-a" in status(toy)["windows"][-1]["metrics"][0]["message"]
    measure(toy, *[0.97] * 6)
    (reference,) = status(toy)["references"]
    assert (reference["version"], values(reference)) == ("digits-b", [0.97] * 6)


def test_a_bad_version_is_never_its_own_reference() -> None:
    toy = cluster(metrics=BUDGET, reference={"windows": 6})
    measure(toy, *[0.95] * 6)
    toy.world.put(deployment("digits-b"))
    measure(toy, *[0.8] * 15)
    assert breached(toy) == ("True", "BelowLimit")
    assert status(toy)["references"][0]["version"] == "digits-a"
    assert "collecting" not in status(toy)


def test_a_version_whose_windows_are_bad_only_together_is_no_reference() -> None:
    toy = cluster(metrics=BUDGET, reference={"windows": 6})
    measure(toy, *[0.95] * 6, rows=2000)
    toy.world.put(deployment("digits-b"))
    # Each is above the limit of a single window; six of them are worse beyond chance.
    measure(toy, *[0.93] * 8, rows=500)
    assert breached(toy)[0] == "False"
    assert status(toy)["references"][0]["version"] == "digits-a"


def test_a_version_replaced_early_leaves_what_is_known_of_it() -> None:
    toy = cluster(metrics=BUDGET, reference={"windows": 6})
    measure(toy, 0.95, 0.96, 0.95)
    toy.world.put(deployment("digits-b"))
    measure(toy, 0.7)
    assert breached(toy) == ("True", "BelowLimit")
    toy = cluster(metrics=BUDGET, reference={"windows": 6})
    measure(toy, 0.95, 0.96)
    toy.world.put(deployment("digits-b"))
    measure(toy, 0.7)
    assert breached(toy) == ("Unknown", "ReferenceIncomplete")


def test_a_recreated_version_is_another_version() -> None:
    toy = cluster(metrics=BUDGET, reference={"windows": 6})
    measure(toy, *[0.95] * 6)
    other = deployment("digits-a")
    other["status"]["stable"]["digest"] = digest_of("other")
    toy.world.put(other)
    measure(toy, 0.97)
    assert status(toy)["references"][0]["digest"] == digest_of("digits-a")
    assert status(toy)["collecting"][0]["digest"] == digest_of("other")


def test_a_lower_level_can_be_accepted() -> None:
    toy = cluster(metrics=BUDGET, reference={"windows": 6})
    measure(toy, *[0.95] * 6)
    toy.world.put(deployment("digits-b"))
    measure(toy, *[0.8] * 3)
    now = status(toy)["windows"][-1]["end"]
    toy.edit(MODEL_MONITORS, NAME, reference={"windows": 6, "notBefore": now})
    measure(toy, *[0.8] * 6)
    (reference,) = status(toy)["references"]
    assert (reference["version"], values(reference)) == ("digits-b", [0.8] * 6)
    assert breached(toy) == ("False", "WithinLimits")


def test_a_reference_can_be_spread_over_a_period() -> None:
    toy = cluster(metrics=BUDGET, reference={"windows": 6, "per": "1h"}, window={"size": "300s"})
    measure(toy, 0.91, 0.92, 0.93, 0.94, 0.95)
    # An hour in six parts: every second window of 5 minutes.
    assert values(status(toy)["collecting"][0]) == [0.91, 0.93, 0.95]
