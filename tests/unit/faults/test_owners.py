# SPDX-License-Identifier: Apache-2.0
import pytest

from mlops_operator.api.meta import LABEL_UID, Manifest
from mlops_operator.kube.resources import EVENTS, JOBS, MODEL_VERSIONS, PODS, SERVICES, TRAINING_JOBS
from tests.faults.invariants.owners import MANAGED_BY, MANAGER, check
from tests.unit.controllers.builders import make
from tests.unit.faults.story import Story, child

TRAINING = make(TRAINING_JOBS, "job", spec={})


def begun() -> Story:
    story = Story()
    story.put(TRAINING_JOBS, TRAINING)
    return story


def version(trained_by: Manifest) -> Manifest:
    spec = {"model": "m", "lineage": {"trainingJob": trained_by}}
    return make(MODEL_VERSIONS, "m-1", spec=spec, labels={MANAGED_BY: MANAGER})


def test_children_of_their_parents() -> None:
    story = begun()
    job = child(JOBS, "job-0", TRAINING)
    story.write("create", JOBS, "job-0", job)
    story.put(JOBS, job)
    story.put(JOBS, job)
    made = version({"name": "job", "uid": "uid-of-job"})
    story.write("create", MODEL_VERSIONS, "m-1", made)
    story.put(MODEL_VERSIONS, made)
    story.write("create", EVENTS, "job.1", {})
    story.put(JOBS, make(JOBS, "by-hand", spec={}))
    story.put(PODS, make(PODS, "job-0-abcde", spec={}, labels={MANAGED_BY: MANAGER}))
    assert list(check(story.history)) == []


def test_a_write_without_an_owner() -> None:
    story = begun()
    story.write("apply", SERVICES, "job", make(SERVICES, "job", spec={}))
    (violation,) = check(story.history)
    assert "expected a controlling owner of ours, found None" in violation


def test_a_child_without_an_owner() -> None:
    story = begun()
    story.put(SERVICES, make(SERVICES, "headless", spec={}, labels={MANAGED_BY: MANAGER}))
    (violation,) = check(story.history)
    assert violation == "at version 102: services headless: expected a controlling owner of ours, found None"


@pytest.mark.parametrize(
    "parent", [make(TRAINING_JOBS, "job", uid="other"), make(TRAINING_JOBS, "x", uid="uid-of-job")]
)
def test_a_child_of_a_parent_that_never_was(parent: Manifest) -> None:
    story = begun()
    story.put(JOBS, child(JOBS, "job-0", parent))
    (violation,) = check(story.history)
    assert "was never there" in violation


def test_a_child_before_its_parent() -> None:
    story = Story()
    story.put(JOBS, child(JOBS, "job-0", TRAINING))
    story.put(TRAINING_JOBS, TRAINING)
    assert len(list(check(story.history))) == 1


def test_a_child_with_the_label_of_another_parent() -> None:
    story = begun()
    story.put(JOBS, child(JOBS, "job-0", TRAINING, labels={LABEL_UID: "other"}))
    (violation,) = check(story.history)
    assert "is labelled as of other, but uid-of-job controls it" in violation


def test_a_child_that_changes_hands() -> None:
    story = begun()
    story.put(TRAINING_JOBS, make(TRAINING_JOBS, "other", spec={}))
    story.put(JOBS, child(JOBS, "job-0", TRAINING))
    story.put(JOBS, child(JOBS, "job-0", make(TRAINING_JOBS, "other", spec={})))
    (violation,) = check(story.history)
    assert "was controlled by uid-of-job and is now by uid-of-other" in violation


def test_a_version_of_a_training_that_never_was() -> None:
    story = begun()
    story.put(MODEL_VERSIONS, version({"name": "job", "uid": "unknown"}))
    (violation,) = check(story.history)
    assert "its lineage names the TrainingJob" in violation
