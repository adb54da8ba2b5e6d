# SPDX-License-Identifier: Apache-2.0
from mlops_operator.api.meta import Manifest
from mlops_operator.kube.resources import TRAINING_JOBS
from tests.faults.invariants.generations import check
from tests.unit.controllers.builders import make
from tests.unit.faults.story import Story


def told(*states: tuple[int, int | None, int]) -> list[str]:
    """For states of one object: its generation, the one its status has seen, the one its condition has."""
    story = Story()
    for generation, observed, of_condition in states:
        status: Manifest = {"conditions": [{"type": "Ready", "status": "True", "observedGeneration": of_condition}]}
        if observed is not None:
            status["observedGeneration"] = observed
        story.put(TRAINING_JOBS, make(TRAINING_JOBS, "one", spec={}, status=status, generation=generation))
    return list(check(story.history))


def test_generations_that_follow_the_spec() -> None:
    assert told((1, None, 0), (1, -1, 0), (1, 1, 1), (3, 1, 1), (3, 3, 3)) == []


def test_the_status_goes_back() -> None:
    (violation,) = told((2, 2, 2), (2, 1, 2))
    assert violation == "at version 102: trainingjobs one: observedGeneration of the status went back from 2 to 1"


def test_a_condition_goes_back() -> None:
    (violation,) = told((2, 2, 2), (2, 2, 1))
    assert "observedGeneration of condition Ready went back from 2 to 1" in violation


def test_the_status_forgets_what_it_has_seen() -> None:
    (violation,) = told((2, 2, 2), (2, None, 2))
    assert "observedGeneration of the status was 2 and is gone" in violation


def test_a_generation_that_is_not_there_yet() -> None:
    (violation,) = told((1, 2, 1))
    assert "observedGeneration of the status is 2, the object's generation only 1" in violation
