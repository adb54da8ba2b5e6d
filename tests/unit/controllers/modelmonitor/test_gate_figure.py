# SPDX-License-Identifier: Apache-2.0
"""The figure of a version's gate, as what its first windows are compared with."""

from typing import Any

import pytest

from mlops_operator.api.conditions import timestamp
from mlops_operator.api.meta import Manifest
from mlops_operator.api.modelmonitor import WindowStatus
from mlops_operator.api.modelversion import GateFigure, GateResult
from mlops_operator.controllers.modelmonitor.policies.gate import gate_reference
from mlops_operator.controllers.modelmonitor.policies.level import level_of
from mlops_operator.kube.resources import MODEL_MONITORS
from tests.unit.controllers.builders import NOW, ToyCluster
from tests.unit.controllers.modelmonitor.scene import NAME, breached, cluster, deployment, measure, status
from tests.unit.controllers.versions import digest_of, model_version

BUDGET = [{"name": "accuracy", "limit": {"falseAlarms": {}}, "minSamples": 100}]
REFERENCE = {"windows": 6}


def passed(
    value: float, n: int = 899, *, number: int = 1, version: str = "digits-a", verdict: str = "Pass", **figure: Any
) -> Manifest:
    """A gate result that a ModelVersion has recorded."""
    return {
        "gate": "g",
        "alias": "champion",
        "digest": digest_of(version),
        "verdict": verdict,
        "evaluation": f"evaluation-{number}",
        "evaluationUid": f"e-{number}",
        "promotion": f"promotion-{number}",
        "promotionUid": f"p-{number}",
        "time": timestamp(NOW),
        "figures": [{"name": "accuracy", "value": value, "n": n, **figure}],
    }


def version(*gates: Manifest, name: str = "digits-a") -> Manifest:
    obj = model_version(name)
    obj["status"]["gates"] = list(gates)
    return obj


def served(*gates: Manifest, **spec: Any) -> ToyCluster:
    """A monitor of the first version, which has passed these gates."""
    return cluster(deployment(), version(*gates), **{"metrics": BUDGET, "reference": REFERENCE, **spec})


@pytest.mark.parametrize("rows", [200, 899, 5000])
def test_a_first_version_that_is_worse_than_at_its_gate_is_breached_from_the_first_window(rows: int) -> None:
    toy = served(passed(0.95, rows))
    measure(toy, 0.8, rows=500)
    assert breached(toy) == ("True", "BelowLimit")
    verdict = status(toy)["windows"][-1]["metrics"][0]
    assert verdict["value"] < verdict["lower"] < 0.95
    assert f"0.95 over {rows} rows in the gate of digits-a, evaluation-1" in verdict["message"]
    measure(toy, *[0.8] * 8, rows=500)
    assert breached(toy) == ("True", "BelowLimit")
    assert "collecting" not in status(toy)


def test_a_first_version_as_good_as_at_its_gate_is_well_and_gets_its_own_reference() -> None:
    toy = served(passed(0.95))
    measure(toy, 0.95, rows=500)
    assert breached(toy) == ("False", "WithinLimits")
    (reference,) = status(toy)["references"]
    assert (reference["evaluation"], reference["level"]) == ("evaluation-1", 0.95)
    assert [entry["n"] for entry in reference["windows"]] == [899]
    measure(toy, *[0.95] * 5, rows=500)
    (reference,) = status(toy)["references"]
    assert ("evaluation" in reference, len(reference["windows"])) == (False, 6)
    assert "collecting" not in status(toy)


def test_fewer_rows_in_the_gate_make_a_wider_limit() -> None:
    lower = []
    for rows in (200, 899, 5000):
        toy = served(passed(0.95, rows))
        measure(toy, 0.95, rows=500)
        lower.append(status(toy)["windows"][-1]["metrics"][0]["lower"])
    assert lower == sorted(lower)
    assert lower[2] - lower[0] > 0.03


def test_a_perfect_gate_is_not_degenerate() -> None:
    toy = served(passed(1.0))
    measure(toy, 0.99, rows=500)
    assert breached(toy) == ("False", "WithinLimits")
    measure(toy, 0.9, rows=500)
    assert breached(toy) == ("True", "BelowLimit")


@pytest.mark.parametrize(
    "gates",
    [
        [],
        [passed(0.95, verdict="Inconclusive")],
        [passed(0.95, version="another artifact")],
        [{**passed(0.95), "figures": []}],
        [{**passed(0.95), "figures": [{"name": "f1_macro", "value": 0.95, "n": 899}]}],
    ],
)
def test_without_a_figure_of_a_passed_gate_the_first_window_is_unknown(gates: list[Manifest]) -> None:
    toy = served(*gates)
    measure(toy, 0.8, rows=500)
    assert breached(toy) == ("Unknown", "ReferenceIncomplete")


def test_the_latest_gate_that_was_passed_counts() -> None:
    toy = served(passed(0.99), passed(0.95, number=2), passed(0.5, number=3, verdict="Fail"))
    measure(toy, 0.95, rows=500)
    assert status(toy)["references"][0]["evaluation"] == "evaluation-2"


def test_windows_of_a_former_version_come_before_the_gate() -> None:
    toy = served(passed(0.95))
    measure(toy, *[0.95] * 6, rows=500)
    toy.world.put(version(passed(0.8, version="digits-b"), name="digits-b"))
    toy.world.put(deployment("digits-b"))
    measure(toy, 0.8, rows=500)
    assert breached(toy) == ("True", "BelowLimit")
    assert "windows of digits-a" in status(toy)["windows"][-1]["metrics"][0]["message"]


@pytest.mark.parametrize(("windows", "source"), [(2, "gate of digits-b"), (3, "3 of 3 windows of digits-a")])
def test_a_version_replaced_early_leaves_windows_or_gives_way_to_the_gate(windows: int, source: str) -> None:
    toy = served(passed(0.95))
    measure(toy, *[0.95] * windows, rows=500)
    toy.world.put(version(passed(0.9, version="digits-b"), name="digits-b"))
    toy.world.put(deployment("digits-b"))
    measure(toy, 0.9, rows=500)
    assert source in status(toy)["windows"][-1]["metrics"][0]["message"]


def test_a_version_without_a_gate_is_compared_with_that_of_the_former_one() -> None:
    toy = served(passed(0.95))
    measure(toy, 0.95, rows=500)
    toy.world.put(deployment("digits-b"))
    measure(toy, 0.8, rows=500)
    assert breached(toy) == ("True", "BelowLimit")
    assert "gate of digits-a" in status(toy)["windows"][-1]["metrics"][0]["message"]


def test_a_level_below_the_gate_can_be_accepted() -> None:
    toy = served(passed(0.95))
    measure(toy, 0.8, rows=500)
    now = status(toy)["windows"][-1]["end"]
    toy.edit(MODEL_MONITORS, NAME, reference={**REFERENCE, "notBefore": now})
    measure(toy, *[0.8] * 6, rows=500)
    assert breached(toy) == ("False", "WithinLimits")
    assert "evaluation" not in status(toy)["references"][0]


def test_the_figure_outlives_the_deletion_of_the_version() -> None:
    toy = served(passed(0.95))
    measure(toy, 0.95, rows=500)
    toy.world.remove(version())
    measure(toy, 0.8, rows=500)
    assert breached(toy) == ("True", "BelowLimit")


@pytest.mark.parametrize(("rarest", "rows"), [(None, 900), (300, 300), (0, 1)])
def test_a_mean_over_classes_is_as_certain_as_the_rows_of_the_rarest_class(rarest: int | None, rows: int) -> None:
    result = GateResult.model_validate(passed(0.9))
    figure = GateFigure(name="f1_macro", value=0.9, n=900, rarest_class=rarest)
    window = WindowStatus(start=timestamp(NOW), end=timestamp(NOW), version="digits-a", digest=digest_of("digits-a"))
    found = gate_reference("f1_macro", window, [result.model_copy(update={"figures": (figure,)})])
    assert found is not None
    assert level_of(found.windows).rows == rows
