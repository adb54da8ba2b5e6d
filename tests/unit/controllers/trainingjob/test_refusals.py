# SPDX-License-Identifier: Apache-2.0
"""What the API server refuses: told in its words, not repeated for nothing, tried again for a changed spec."""

import pytest

from mlops_operator.kube.resources import JOBS
from tests.unit.controllers.builders import condition
from tests.unit.controllers.trainingjob.driver import Run, begin


def refused(code: int, reason: str, message: str, kind: str = "Job") -> Run:
    run = Run({"replicas": 2})
    run.cluster.refuse[kind] = (code, reason, message)
    run.settle()
    return run


def test_a_bad_pod_template_stalls_with_the_apis_words_before_anything_exists() -> None:
    run = refused(422, "Invalid", "spec.template.spec.containers[0].image: Required value")
    stalled = condition(run.obj, "Stalled")
    assert stalled["reason"] == "InvalidPodTemplate"
    assert "containers[0].image: Required value" in stalled["message"]
    assert run.status["phase"] == "Pending"
    assert run.cluster.world.objects.keys() == {(run.controller.resource, key) for _, key in run.cluster.world.objects}


def test_it_is_not_tried_again_by_itself() -> None:
    run = refused(422, "Invalid", "no")
    run.cluster.refuse.clear()
    assert run.at(10_000).settle().actions == ()


def test_a_changed_spec_is_tried_again() -> None:
    run = refused(422, "Invalid", "no")
    run.cluster.refuse.clear()
    run.edit(image="example/train:2")
    assert len(run.cluster.world.all(JOBS)) == 1
    run.at(2).job_runs()
    assert condition(run.obj, "Stalled")["status"] == "False"


@pytest.mark.parametrize("kind", ["Job", "Service"])
def test_a_taken_name_stalls_until_the_other_object_is_deleted(kind: str) -> None:
    run = refused(409, "NameTaken", "Job a already exists", kind=kind)
    assert condition(run.obj, "Stalled")["reason"] == "NameTaken"
    writes = len(run.cluster.writes)
    assert run.at(60).settle().requeue_after == 60
    assert len(run.cluster.writes) == writes
    run.cluster.refuse.clear()
    run.at(120).settle()
    assert len(run.cluster.world.all(JOBS)) == 1
    assert condition(run.obj, "Stalled")["status"] == "False"


def test_a_refusal_by_quota_is_tried_again_each_minute() -> None:
    run = refused(403, "Forbidden", "exceeded quota: jobs=10")
    ready = condition(run.obj, "Ready")
    assert (ready["reason"], ready["message"]) == ("Forbidden", "exceeded quota: jobs=10")
    assert condition(run.obj, "Reconciling")["status"] == "True"
    writes = len(run.cluster.writes)
    assert run.at(60).settle().requeue_after == 60
    assert len(run.cluster.writes) == writes
    run.cluster.refuse.clear()
    run.at(120).settle()
    assert len(run.cluster.world.all(JOBS)) == 1


def test_a_refused_service_does_not_hide_how_the_run_ends() -> None:
    run = refused(422, "Invalid", "no", kind="Service")
    assert condition(run.obj, "Stalled")["reason"] == "Refused"
    run.at(9).job_succeeds()
    assert run.status["phase"] == "Succeeded"


def test_a_spec_older_than_the_schema_stalls_and_what_runs_is_left_alone() -> None:
    run = begin()
    run.at(2).job_runs()
    run.edit(nonsense=1)
    assert condition(run.obj, "Stalled")["reason"] == "InvalidSpec"
    assert "spec.nonsense" in condition(run.obj, "Stalled")["message"]
    assert len(run.cluster.world.all(JOBS)) == 1
    run.edit(nonsense=None)
    assert run.status["phase"] == "Running"
