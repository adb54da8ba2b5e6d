# SPDX-License-Identifier: Apache-2.0
"""An Evaluation that waits for a version while its Promotion is decided without it."""

import pytest

from mlops_operator.controllers.evaluation.observed import waiting_for_decided
from mlops_operator.kube.resources import EVALUATIONS, JOBS, PROMOTIONS
from tests.unit.controllers.builders import ToyCluster, ToyWorld, condition, make
from tests.unit.controllers.evaluation.test_plan import CONTROLLER, NAME, evaluation, status
from tests.unit.controllers.versions import model_version

ASKED = {"model": "digits", "alias": "champion", "version": "digits-b"}
UNDECIDED = make(PROMOTIONS, "to-b", spec=ASKED, status={"phase": "Evaluating"})


def waiting(*versions: str) -> ToyCluster:
    """The Evaluation of an undecided Promotion, where only these versions exist."""
    made = evaluation()
    made["metadata"]["ownerReferences"] = make(EVALUATIONS, "e", owner=UNDECIDED)["metadata"]["ownerReferences"]
    toy = ToyCluster(ToyWorld(made, UNDECIDED, *map(model_version, versions)))
    toy.settle(CONTROLLER, NAME)
    return toy


@pytest.mark.parametrize("phase", ["Rejected", "Superseded", "Promoted"])
def test_it_ends_when_the_promotion_is_decided(phase: str) -> None:
    toy = waiting("digits-b")
    assert status(toy)["phase"] == "Pending"
    decided = {**UNDECIDED, "status": {"phase": phase}}
    toy.store(decided)
    assert [key.name for key in waiting_for_decided(UNDECIDED, decided, toy.world)] == [NAME]
    toy.settle(CONTROLLER, NAME)
    assert (status(toy)["phase"], status(toy)["verdict"]) == ("Failed", "Error")
    found = condition(toy.get(EVALUATIONS, NAME), "Ready")
    assert found["reason"] == "PromotionDecided"
    assert found["message"] == (
        "Promotion to-b was decided while this Evaluation waited: ModelVersionNotFound: ModelVersion digits-a does not"
        " exist"
    )
    assert list(waiting_for_decided(UNDECIDED, decided, toy.world)) == []


def test_one_that_measures_goes_on_so_that_its_result_is_recorded() -> None:
    toy = waiting("digits-a", "digits-b")
    toy.only(JOBS)
    decided = {**UNDECIDED, "status": {"phase": "Superseded"}}
    toy.store(decided)
    assert list(waiting_for_decided(UNDECIDED, decided, toy.world)) == []
    toy.settle(CONTROLLER, NAME)
    assert status(toy)["phase"] == "Running"


def test_a_promotion_that_is_not_decided_yet_ends_nothing() -> None:
    toy = waiting("digits-b")
    assert list(waiting_for_decided(UNDECIDED, {**UNDECIDED, "status": {"phase": "Pending"}}, toy.world)) == []
    toy.settle(CONTROLLER, NAME)
    assert status(toy)["phase"] == "Pending"
