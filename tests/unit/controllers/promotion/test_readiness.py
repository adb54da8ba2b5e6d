# SPDX-License-Identifier: Apache-2.0
"""Nothing is promoted that is not Ready, whichever way it would pass its gate."""

from collections.abc import Callable

import pytest

from mlops_operator.api.meta import Manifest
from mlops_operator.kube.resources import MODEL_VERSIONS
from tests.unit.controllers.builders import ToyCluster
from tests.unit.controllers.promotion.scene import (
    cluster,
    gate_passed,
    judge,
    model,
    point,
    promotion,
    ready,
    settle,
    status,
)
from tests.unit.controllers.versions import model_version

Way = Callable[[], ToyCluster]


def without_gate() -> ToyCluster:
    return cluster(model(None), promotion())


def former_version() -> ToyCluster:
    toy = cluster(model(), promotion())
    point(toy, "digits-b", by="earlier")
    point(toy, "digits-a", by="undo")
    return toy


def by_its_gate() -> ToyCluster:
    return cluster(model(), promotion())


WAYS: list[Way] = [without_gate, former_version, by_its_gate]
NOT_READY: list[Manifest] = [
    model_version("digits-b", ready=False),
    model_version("digits-b", ready=False, stalled=True),
]


def unreadable() -> Manifest:
    obj = model_version("digits-b")
    obj["spec"] = {"artifact": 7}
    return obj


@pytest.mark.parametrize("version", [*NOT_READY, unreadable()], ids=["waiting", "stalled", "unreadable"])
@pytest.mark.parametrize("way", WAYS)
def test_a_version_that_is_not_ready_passes_no_way(way: Way, version: Manifest) -> None:
    toy = way()
    toy.world.put(version)
    settle(toy)
    assert gate_passed(toy) == "Unknown"
    assert (status(toy)["phase"], ready(toy)["reason"]) == ("Pending", "ModelVersionNotReady")
    toy.world.put(model_version("digits-b"))
    settle(toy)
    if way is by_its_gate:
        judge(toy, "Pass")
        settle(toy)
    assert gate_passed(toy) == "True"


@pytest.mark.parametrize("version", NOT_READY, ids=["waiting", "stalled"])
@pytest.mark.parametrize("way", WAYS)
def test_one_that_passed_and_is_not_ready_any_more_is_held_back_until_it_is(way: Way, version: Manifest) -> None:
    toy = way()
    settle(toy)
    if way is by_its_gate:
        judge(toy, "Pass")
        settle(toy)
    assert gate_passed(toy) == "True"
    passed = toy.get(MODEL_VERSIONS, "digits-b")
    conditions = version["status"]["conditions"]
    toy.world.put({**passed, "status": {**passed["status"], "conditions": conditions}})
    settle(toy)
    assert gate_passed(toy) == "Unknown", "the Model would move the alias"
    toy.world.put(passed)
    settle(toy)
    assert gate_passed(toy) == "True"


@pytest.mark.parametrize("way", WAYS)
def test_a_version_whose_artifact_was_removed_is_rejected(way: Way) -> None:
    toy = way()
    version = model_version("digits-b", ready=False, stalled=True)
    ready_condition = next(entry for entry in version["status"]["conditions"] if entry["type"] == "Ready")
    ready_condition |= {"reason": "ArtifactRemoved", "message": "train again"}
    toy.world.put(version)
    settle(toy)
    assert (status(toy)["phase"], ready(toy)["reason"]) == ("Rejected", "ArtifactRemoved")
    assert ready(toy)["message"] == "ModelVersion digits-b is not Ready: ArtifactRemoved: train again"
