# SPDX-License-Identifier: Apache-2.0
"""`ttlSecondsAfterFinished` deletes the TrainingJob; what it made stays."""

import pytest

from mlops_operator.api.conditions import timestamp
from mlops_operator.controllers.trainingjob.policies import ttl
from mlops_operator.kube.resources import JOBS, MODEL_VERSIONS, MODELS, TRAINING_JOBS
from tests.unit.controllers.builders import NOW, later, make
from tests.unit.controllers.trainingjob.driver import begin, model_artifact


@pytest.mark.parametrize(("lifetime", "at", "left"), [(None, 0, None), (60, 20, 40), (60, 60, 0), (0, 0, 0)])
def test_the_time_counts_from_the_end(lifetime: int | None, at: float, left: float | None) -> None:
    assert ttl.remaining(lifetime, timestamp(NOW), later(at)) == left


def test_a_job_that_has_not_ended_has_no_end() -> None:
    assert ttl.remaining(60, None, NOW) is None


def test_it_is_looked_at_again_when_it_is_due_and_goes_with_its_children() -> None:
    run = begin(ttlSecondsAfterFinished=60)
    assert run.at(5).job_succeeds().requeue_after == 60
    run.at(65).settle()
    assert run.cluster.world.all(TRAINING_JOBS) == []
    assert run.cluster.world.all(JOBS) == []


def test_the_version_outlives_it() -> None:
    run = begin(make(MODELS, "m", spec={}), model="m", ttlSecondsAfterFinished=0)
    run.at(5).job_succeeds(run.result(artifacts=[model_artifact()]))
    assert run.cluster.world.all(TRAINING_JOBS) == []
    assert "ownerReferences" not in run.cluster.only(MODEL_VERSIONS)["metadata"]


def test_it_may_be_set_after_the_end() -> None:
    run = begin()
    run.at(5).job_succeeds()
    assert run.at(50).edit(ttlSecondsAfterFinished=100).requeue_after == 55


def test_a_failed_job_goes_too() -> None:
    run = begin(backoffLimit=0, ttlSecondsAfterFinished=10)
    run.at(5).job_fails()
    run.at(15).settle()
    assert run.cluster.world.all(TRAINING_JOBS) == []
