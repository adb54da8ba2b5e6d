# SPDX-License-Identifier: Apache-2.0
from typing import Any

from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.modeldeployment.names import LABEL_REVISION
from mlops_operator.controllers.trainingjob.names import LABEL_ATTEMPT
from mlops_operator.kube.resources import DEPLOYMENTS, JOBS, MODEL_DEPLOYMENTS, MODEL_VERSIONS, TRAINING_JOBS
from tests.faults.invariants.children import check
from tests.unit.controllers.builders import make
from tests.unit.faults.story import Story, changed, child, conditions

TRAINING = make(TRAINING_JOBS, "job", spec={})
ENDED = {"conditions": conditions(Failed=("True", "BackoffLimitExceeded"))}


def attempt(number: int, *, uid: str, **more: Any) -> Manifest:
    return child(JOBS, f"job-{number}", TRAINING, uid=uid, labels={LABEL_ATTEMPT: str(number)}, **more)


def test_attempts_one_after_the_other() -> None:
    story = Story()
    story.put(JOBS, attempt(0, uid="a"))
    story.put(JOBS, attempt(0, uid="a", status=ENDED))
    story.put(JOBS, attempt(1, uid="b"))
    story.remove(JOBS, attempt(1, uid="b"))
    story.put(JOBS, attempt(1, uid="c"))
    assert list(check(story.history)) == []


def test_two_jobs_of_one_attempt() -> None:
    story = Story()
    story.put(JOBS, attempt(0, uid="a", status=ENDED))
    story.put(JOBS, changed(attempt(0, uid="b", status=ENDED), metadata={"name": "job-0-again"}))
    assert list(check(story.history)) == [
        "at version 102: jobs job-0-again: expected at most one Job of attempt 0 of uid-of-job, "
        "found job-0 (a), job-0-again (b)"
    ]


def test_an_attempt_begun_before_the_former_has_ended() -> None:
    story = Story()
    story.put(JOBS, attempt(0, uid="a"))
    story.put(JOBS, attempt(1, uid="b"))
    (violation,) = check(story.history)
    assert "expected at most one unfinished Job of the TrainingJob uid-of-job" in violation


def test_jobs_of_two_trainings() -> None:
    other = make(TRAINING_JOBS, "other", spec={})
    story = Story()
    story.put(JOBS, attempt(0, uid="a"))
    story.put(JOBS, child(JOBS, "other-0", other, labels={LABEL_ATTEMPT: "0"}))
    assert list(check(story.history)) == []


def test_two_deployments_of_one_revision() -> None:
    served = make(MODEL_DEPLOYMENTS, "served", spec={})
    story = Story()
    for name, revision in (("one", "r1"), ("two", "r2")):
        story.put(DEPLOYMENTS, child(DEPLOYMENTS, name, served, labels={LABEL_REVISION: revision}))
    assert list(check(story.history)) == []
    story.put(DEPLOYMENTS, child(DEPLOYMENTS, "three", served, labels={LABEL_REVISION: "r2"}))
    (violation,) = check(story.history)
    assert "expected at most one Deployment of revision r2 of uid-of-served" in violation


def test_two_versions_of_one_training() -> None:
    spec = {"model": "m", "lineage": {"trainingJob": {"name": "job", "uid": "t"}}}
    story = Story()
    story.put(MODEL_VERSIONS, make(MODEL_VERSIONS, "m-1", spec=spec))
    story.put(MODEL_VERSIONS, make(MODEL_VERSIONS, "by-hand", spec={"model": "m"}))
    story.put(MODEL_VERSIONS, make(MODEL_VERSIONS, "by-hand-too", spec={"model": "m"}))
    assert list(check(story.history)) == []
    story.put(MODEL_VERSIONS, make(MODEL_VERSIONS, "m-2", spec=spec))
    (violation,) = check(story.history)
    assert "expected at most one ModelVersion of the TrainingJob t" in violation
