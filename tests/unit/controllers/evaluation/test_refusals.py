# SPDX-License-Identifier: Apache-2.0
"""What becomes of an Evaluation whose Job or spec is refused."""

from mlops_operator.kube.resources import EVALUATIONS
from tests.unit.controllers.builders import condition
from tests.unit.controllers.evaluation.test_plan import CONTROLLER, NAME, cluster, evaluation, status


def test_a_job_that_the_api_refuses_ends_it() -> None:
    toy = cluster()
    toy.refuse["Job"] = (422, "Invalid", "spec.template: Invalid value")
    toy.settle(CONTROLLER, NAME)
    assert (status(toy)["phase"], status(toy)["verdict"]) == ("Failed", "Error")
    assert condition(toy.get(EVALUATIONS, NAME), "Stalled")["message"] == "spec.template: Invalid value"


def test_a_job_that_is_forbidden_is_tried_again() -> None:
    toy = cluster()
    toy.refuse["Job"] = (403, "Forbidden", "exceeded quota")
    plan = toy.settle(CONTROLLER, NAME)
    assert plan.requeue_after == 60
    assert status(toy)["phase"] == "Pending"
    toy.refuse.clear()
    toy.settle(CONTROLLER, NAME)
    assert status(toy)["phase"] == "Running"


def test_a_job_whose_name_is_taken_is_tried_again() -> None:
    toy = cluster()
    toy.refuse["Job"] = (409, "NameTaken", "Job a already exists")
    assert toy.settle(CONTROLLER, NAME).requeue_after == 60
    assert (status(toy)["phase"], condition(toy.get(EVALUATIONS, NAME), "Stalled")["status"]) == ("Pending", "True")
    assert status(toy).get("verdict") is None
    toy.refuse.clear()
    toy.settle(CONTROLLER, NAME)
    assert status(toy)["phase"] == "Running"


def test_a_spec_that_does_not_fit_is_final_and_names_the_field() -> None:
    toy = cluster(evaluation(metrics="accuracy"))
    toy.settle(CONTROLLER, NAME)
    stalled = condition(toy.get(EVALUATIONS, NAME), "Stalled")
    assert stalled["reason"] == "InvalidSpec"
    assert stalled["message"].startswith("spec.metrics")
