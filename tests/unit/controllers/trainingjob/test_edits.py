# SPDX-License-Identifier: Apache-2.0
"""A change of the spec applies to what starts after it; where it does not apply, a condition says so."""

from typing import Any

import pytest

from mlops_operator.api.trainingjob import SPEC_CHANGE_IGNORED, TrainingJobSpec
from mlops_operator.controllers.trainingjob.spec_digest import spec_digest
from mlops_operator.kube.resources import JOBS
from tests.unit.controllers.builders import condition, job_suspended
from tests.unit.controllers.trainingjob.driver import Run, begin


def ignored(run: Run) -> tuple[str, str]:
    """Reason and message of the condition; empty where there is none."""
    found = condition(run.obj, SPEC_CHANGE_IGNORED) if SPEC_CHANGE_IGNORED in types(run) else {}
    assert found.get("status", "True") == "True"
    return found.get("reason", ""), found.get("message", "")


def types(run: Run) -> list[str]:
    return [entry["type"] for entry in run.status["conditions"]]


def running(**spec: Any) -> Run:
    run = begin(**spec)
    run.at(2).job_runs()
    return run


def finished(*, succeeded: bool = True, **spec: Any) -> Run:
    run = running(backoffLimit=0, **spec)
    run.at(5)
    if succeeded:
        run.job_succeeds()
    else:
        run.job_fails()
    return run


# -- after the end -------------------------------------------------------------------------------


@pytest.mark.parametrize("succeeded", [True, False])
@pytest.mark.parametrize("change", [{"parameters": {"trees": 99}}, {"image": "example/train:2"}, {"backoffLimit": 3}])
def test_a_change_after_the_end_is_reported_with_what_to_do(succeeded: bool, change: dict[str, Any]) -> None:
    run = finished(succeeded=succeeded)
    before = run.status
    run.at(60).edit(**change)
    reason, message = ignored(run)
    assert reason == "Finished"
    assert "the TrainingJob has ended" in message
    assert "attempt 0 was created from the spec of generation 1, which is now 2" in message
    assert "create another TrainingJob" in message
    assert run.status["phase"] == before["phase"]
    assert condition(run.obj, "Ready")["status"] == ("True" if succeeded else "False")
    assert condition(run.obj, "Ready")["observedGeneration"] == 2
    assert run.events[-1] == SPEC_CHANGE_IGNORED
    assert len(run.cluster.world.all(JOBS)) == 1


def test_a_change_that_applies_after_the_end_is_not_reported() -> None:
    run = finished()
    run.at(60).edit(ttlSecondsAfterFinished=3600)
    run.edit(suspend=True)
    assert ignored(run) == ("", "")


def test_the_condition_goes_when_the_change_is_taken_back() -> None:
    run = finished(parameters={"trees": 5})
    run.at(60).edit(parameters={"trees": 99})
    assert ignored(run)[0] == "Finished"
    run.at(70).edit(parameters={"trees": 5})
    assert ignored(run) == ("", "")
    assert run.status["observedGeneration"] == 3


def test_another_spelling_of_a_quantity_is_no_change() -> None:
    run = finished(resources={"requests": {"cpu": "500m"}})
    run.at(60).edit(resources={"requests": {"cpu": "0.5"}})
    assert ignored(run) == ("", "")


def test_a_spec_that_is_invalid_after_the_end_is_reported() -> None:
    run = finished()
    run.at(60).edit(parameters={"a-b": 1, "a_b": 2})
    assert ignored(run)[0] == "Finished"
    assert run.status["phase"] == "Succeeded"


def test_nothing_is_written_again_for_the_same_change() -> None:
    run = finished()
    run.at(60).edit(parameters={"trees": 99})
    writes = len(run.cluster.writes)
    run.at(90).settle()
    assert len(run.cluster.writes) == writes
    assert run.events.count(SPEC_CHANGE_IGNORED) == 1


# -- while an attempt runs -----------------------------------------------------------------------


def test_a_change_during_an_attempt_is_reported_with_what_to_do() -> None:
    run = running()
    run.at(10).edit(parameters={"trees": 99})
    reason, message = ignored(run)
    assert reason == "AttemptRunning"
    assert "set spec.suspend to true, and then to false" in message
    assert run.status["phase"] == "Running"
    assert len(run.cluster.world.all(JOBS)) == 1


def test_it_is_reported_after_the_end_as_well() -> None:
    run = running()
    run.at(10).edit(parameters={"trees": 99})
    run.at(20).job_succeeds()
    assert ignored(run)[0] == "Finished"


def test_a_limit_applies_to_the_running_attempt() -> None:
    run = running()
    run.at(10).edit(backoffLimit=7, activeDeadlineSeconds=3600)
    assert ignored(run) == ("", "")


def test_the_next_attempt_runs_the_changed_spec() -> None:
    run = running(backoffLimit=3, parameters={"trees": 5})
    run.at(10).edit(parameters={"trees": 99})
    run.at(20).job_fails()
    assert ignored(run) == ("", "")
    run.at(60).settle()
    run.at(62).job_runs()
    assert ignored(run) == ("", "")
    assert trees(run) == "99"


def trees(run: Run) -> str:
    (container,) = run.job["spec"]["template"]["spec"]["containers"]
    return str(next(entry["value"] for entry in container["env"] if entry["name"] == "MLOPS_PARAM_TREES"))


# -- while it is suspended -----------------------------------------------------------------------


def test_a_change_while_suspended_runs_on_resume() -> None:
    run = running(parameters={"trees": 5})
    run.at(10).edit(suspend=True)
    run.job_is_suspended()
    run.at(20).edit(parameters={"trees": 99})
    assert run.status["phase"] == "Suspended"
    former = run.job
    run.at(30).edit(suspend=False)
    assert run.job["metadata"]["uid"] != former["metadata"]["uid"]
    assert trees(run) == "99"
    assert not run.job["spec"].get("suspend")
    run.at(32).job_runs()
    assert run.status["phase"] == "Running"
    assert (run.status["attempt"], len(run.status["attempts"])) == (0, 1)
    assert run.status["attempts"][0]["generation"] == 4
    assert ignored(run) == ("", "")
    run.at(40).job_succeeds()
    assert ignored(run) == ("", "")


def test_no_pod_of_the_former_spec_may_run_when_it_begins_anew() -> None:
    run = running(parameters={"trees": 5})
    run.at(10).edit(suspend=True)
    former = run.job["metadata"]["uid"]
    run.at(11).edit(parameters={"trees": 99}, suspend=False)
    # The Job's controller has not stopped its pods yet.
    assert run.job["metadata"]["uid"] == former
    assert run.job["spec"]["suspend"] is True
    stopped = job_suspended(run.job)
    run.cluster.store({**stopped, "status": {**stopped["status"], "terminating": 1}})
    run.settle()
    assert run.job["metadata"]["uid"] == former
    run.cluster.store({**run.job, "status": {**run.job["status"], "terminating": 0}})
    run.settle()
    assert run.job["metadata"]["uid"] != former
    assert trees(run) == "99"


def test_without_a_change_the_same_job_goes_on() -> None:
    run = running()
    run.at(10).edit(suspend=True)
    run.job_is_suspended()
    former = run.job["metadata"]["uid"]
    run.at(20).edit(suspend=False, backoffLimit=5)
    assert run.job["metadata"]["uid"] == former


# -- what is compared ----------------------------------------------------------------------------


def test_the_hash_is_stable_over_releases() -> None:
    spec = TrainingJobSpec.model_validate({"image": "example/train:1", "parameters": {"trees": 5}})
    assert spec_digest(spec) == "sha256:d247265c11161c5d42c95eead94800d7869fbf44e55787a88393b8d4c1d173af"
