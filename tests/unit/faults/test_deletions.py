# SPDX-License-Identifier: Apache-2.0
import pytest

from mlops_operator.api.meta import Manifest
from mlops_operator.kube.resources import JOBS, MODELS, TRAINING_JOBS
from tests.faults.invariants.deletions import check
from tests.unit.controllers.builders import make
from tests.unit.faults.story import Story, child

TRAINING = make(TRAINING_JOBS, "job", spec={})


def story_of(obj: Manifest) -> tuple[Story, Manifest]:
    story = Story()
    story.put(TRAINING_JOBS, TRAINING)
    return story, story.put(JOBS, obj)


def test_a_child_deleted_as_it_was_observed() -> None:
    story, job = story_of(child(JOBS, "job-0", TRAINING))
    story.put(JOBS, job)
    story.delete(JOBS, job)
    assert list(check(story.history)) == []


@pytest.mark.parametrize("missing", ["uid", "resourceVersion"])
def test_a_deletion_without_preconditions(missing: str) -> None:
    story, job = story_of(child(JOBS, "job-0", TRAINING))
    story.delete(JOBS, job, **{missing: None})
    (violation,) = check(story.history)
    assert "expected preconditions on uid and resourceVersion" in violation


def test_a_deletion_of_a_state_that_never_was() -> None:
    story, job = story_of(child(JOBS, "job-0", TRAINING))
    story.delete(JOBS, job, uid="somebody-else")
    (violation,) = check(story.history)
    assert "planned for uid somebody-else at version 102, which nobody has seen" in violation


def test_a_deletion_under_another_name() -> None:
    story, job = story_of(child(JOBS, "job-0", TRAINING))
    guard = {"uid": job["metadata"]["uid"], "resourceVersion": job["metadata"]["resourceVersion"]}
    story.write("delete", JOBS, "job-1", {"preconditions": guard})
    (violation,) = check(story.history)
    assert "planned for job-0, sent for job-1" in violation


def test_a_deletion_of_what_is_nobodys() -> None:
    story, job = story_of(make(JOBS, "by-hand", spec={}))
    story.delete(JOBS, job)
    (violation,) = check(story.history)
    assert "expected an owner of ours that controls it, found None" in violation


def test_a_deletion_of_what_somebody_else_controls() -> None:
    owner = {**make(TRAINING_JOBS, "cron"), "apiVersion": "batch/v1", "kind": "CronJob"}
    story, job = story_of(child(JOBS, "by-cron", owner))
    story.delete(JOBS, job)
    (violation,) = check(story.history)
    assert "expected an owner of ours" in violation


def test_a_deletion_for_a_parent_that_never_was() -> None:
    story, job = story_of(child(JOBS, "job-0", make(TRAINING_JOBS, "job", uid="unknown")))
    story.delete(JOBS, job)
    (violation,) = check(story.history)
    assert "its owner TrainingJob job (unknown) was never there" in violation


@pytest.mark.parametrize(
    ("spec", "status", "count"),
    [
        ({"ttlSecondsAfterFinished": 1}, {"phase": "Succeeded"}, 0),
        ({"ttlSecondsAfterFinished": 1}, {"phase": "Running"}, 1),
        ({}, {"phase": "Succeeded"}, 1),
    ],
)
def test_a_training_is_deleted_when_its_time_to_live_is_over(spec: Manifest, status: Manifest, count: int) -> None:
    story = Story()
    story.delete(TRAINING_JOBS, story.put(TRAINING_JOBS, make(TRAINING_JOBS, "job", spec=spec, status=status)))
    assert len(list(check(story.history))) == count


def test_a_model_is_never_deleted() -> None:
    story = Story()
    story.delete(MODELS, story.put(MODELS, make(MODELS, "m", spec={"ttlSecondsAfterFinished": 1})))
    (violation,) = check(story.history)
    assert "the operator deletes of its own kinds only" in violation
