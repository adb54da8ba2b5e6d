# SPDX-License-Identifier: Apache-2.0
from typing import Any

import pytest

from mlops_operator.api.meta import Manifest
from mlops_operator.kube.resources import RETRAIN_POLICIES, TRAINING_JOBS
from tests.faults.invariants.flights import check
from tests.unit.controllers.builders import make
from tests.unit.faults.story import Story, changed, child

POLICY = make(RETRAIN_POLICIES, "policy", spec={})


def training(name: str, phase: str = "Running", **more: Any) -> Manifest:
    return child(TRAINING_JOBS, name, POLICY, status={"phase": phase}, **more)


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_one_after_the_other(phase: str) -> None:
    story = Story()
    story.put(TRAINING_JOBS, training("one"))
    story.put(TRAINING_JOBS, training("one", phase))
    story.put(TRAINING_JOBS, training("two"))
    assert list(check(story.history)) == []


def test_after_a_deletion() -> None:
    story = Story()
    story.put(TRAINING_JOBS, training("one"))
    story.put(TRAINING_JOBS, changed(training("one"), metadata={"deletionTimestamp": "2026-01-01T00:00:00Z"}))
    story.put(TRAINING_JOBS, training("two"))
    story.remove(TRAINING_JOBS, training("two"))
    story.put(TRAINING_JOBS, training("three"))
    assert list(check(story.history)) == []


def test_others_trainings_do_not_count() -> None:
    story = Story()
    story.put(TRAINING_JOBS, training("one"))
    story.put(TRAINING_JOBS, make(TRAINING_JOBS, "by-hand", spec={}))
    story.put(TRAINING_JOBS, child(TRAINING_JOBS, "two", make(RETRAIN_POLICIES, "other", spec={})))
    assert list(check(story.history)) == []


def test_two_at_once() -> None:
    story = Story()
    story.put(TRAINING_JOBS, training("one"))
    story.put(TRAINING_JOBS, training("two", ""))
    story.put(TRAINING_JOBS, training("two"))
    (violation,) = check(story.history)
    assert "at version 102: trainingjobs two: the policy uid-of-policy has several trainings under way" in violation
