# SPDX-License-Identifier: Apache-2.0
"""A ModelMonitor over many windows, in a toy cluster."""

import json
from typing import Any

import pytest

from mlops_contract.requests.monitor import MonitorRequest
from mlops_operator.controllers.modelmonitor.policies.retention import KEPT_JOBS
from mlops_operator.kube.resources import JOBS, MODEL_MONITORS
from tests.unit.controllers.builders import (
    NOW,
    ToyCluster,
    ToyWorld,
    condition,
    failed_pod,
    job_ended,
    job_started,
    later,
    pod_of,
    succeeded_pod,
)
from tests.unit.controllers.modelmonitor.scene import (
    CONTROLLER,
    NAME,
    breached,
    cluster,
    deployment,
    measure,
    monitor,
    ready,
    report,
    running_job,
    settle,
    status,
)
from tests.unit.controllers.nodes import unscheduled
from tests.unit.controllers.views import views

# -- before the first window -----------------------------------------------------------------


def test_it_waits_for_its_deployment_and_for_something_to_be_served() -> None:
    toy = ToyCluster(ToyWorld(monitor()))
    plan = settle(toy)
    assert ready(toy)["reason"] == "DeploymentNotFound"
    assert status(toy)["waiting"]["reason"] == "DeploymentNotFound"
    assert plan.requeue_after is None
    toy.world.put(deployment(None))
    settle(toy)
    assert ready(toy)["reason"] == "NothingServed"
    toy.world.put(deployment())
    settle(toy)
    assert (ready(toy)["status"], ready(toy)["reason"]) == ("True", "WaitingForWindow")
    assert "waiting" not in status(toy)
    assert breached(toy) == ("Unknown", "WaitingForWindow")


def test_it_sleeps_until_the_first_window_is_due() -> None:
    toy = cluster()
    assert settle(toy).requeue_after == 70
    assert toy.world.all(JOBS) == []


# -- one window ------------------------------------------------------------------------------


def test_a_window_is_measured_for_the_stable_version_by_a_job_named_after_its_end() -> None:
    toy = cluster()
    toy.now = later(70)
    settle(toy)
    job = toy.only(JOBS)
    assert job["metadata"]["name"].startswith("live-20260101-1201-")
    (container,) = job["spec"]["template"]["spec"]["containers"]
    env = {entry["name"]: entry["value"] for entry in container["env"]}
    assert container["command"] == ["python3", "-m", "mlops_workload.monitor"]
    assert json.loads(env["MLOPS_MONITOR"]) == {
        "log": {"uri": "pvc://data/predictions"},
        "window": {"start": "2026-01-01T12:00:00Z", "end": "2026-01-01T12:01:00Z"},
        "version": "digits-a",
        "metrics": [{"name": "accuracy"}],
    }
    assert views(job) == {
        "check-inputs": {"/tmp": "tmp-check-inputs (rw)", "/mnt/pvc/data": "pvc-data (ro)"},
        "main": {"/tmp": "tmp (rw)", "/mnt/pvc/data/predictions": "pvc-data/predictions (ro)"},
    }
    assert status(toy)["measuring"]["version"] == "digits-a"


def test_the_workload_understands_its_configuration() -> None:
    toy = cluster()
    toy.now = later(70)
    settle(toy)
    (container,) = toy.only(JOBS)["spec"]["template"]["spec"]["containers"]
    text = next(entry["value"] for entry in container["env"] if entry["name"] == "MLOPS_MONITOR")
    assert MonitorRequest.read(text).window.start == NOW


@pytest.mark.parametrize(
    ("value", "phase", "condition_status"), [(0.97, "Healthy", "False"), (0.53, "Breached", "True")]
)
def test_a_measured_window_says_whether_the_limit_is_breached(value: float, phase: str, condition_status: str) -> None:
    toy = cluster()
    measure(toy, value)
    (window,) = status(toy)["windows"]
    assert window["metrics"][0]["value"] == value
    assert window["metrics"][0]["lower"] == 0.9
    assert window["metrics"][0]["n"] == 200
    assert (status(toy)["phase"], breached(toy)[0]) == (phase, condition_status)
    assert (ready(toy)["status"], ready(toy)["reason"]) == ("True", "Monitoring")


def test_the_last_value_is_shown_with_four_digits() -> None:
    toy = cluster()
    measure(toy, 0.9712345678)
    assert status(toy)["lastValue"] == "0.9712"
    assert status(toy)["windows"][0]["metrics"][0]["value"] == 0.9712345678


@pytest.mark.parametrize(
    ("counts", "reason"), [({"rows": 0}, "NoData"), ({"rows": 99}, "TooFewSamples"), ({"labeled": 3}, "TooFewLabels")]
)
def test_too_little_evidence_is_unknown_and_the_monitor_works_all_the_same(counts: Any, reason: str) -> None:
    toy = cluster()
    measure(toy, 0.1, **counts)
    assert breached(toy) == ("Unknown", reason)
    assert (status(toy)["phase"], ready(toy)["status"]) == ("Unknown", "True")


def test_a_window_costs_three_writes_and_one_read_and_waiting_costs_none() -> None:
    toy = cluster()
    settle(toy)
    toy.writes.clear()
    measure(toy, 0.97)
    assert [write.split()[0] for write in toy.writes] == ["create", "status", "status"]
    assert len(toy.reads) == 1
    toy.now = later(100)
    settle(toy)
    assert len(toy.writes) == 3


def test_a_verdict_is_one_decision() -> None:
    toy = cluster()
    measure(toy, 0.97, 0.97)
    toy.now = later(190)
    settle(toy)
    report(toy, 0.8)
    (decision,) = toy.plan(CONTROLLER, NAME).decisions
    assert decision.reason == "BelowLimit"
    window = status(toy)["measuring"]
    assert decision.message.startswith(f"{window['start']} to {window['end']}, digits-a: ")
    settle(toy)
    assert toy.plan(CONTROLLER, NAME).decisions == ()


def test_a_breach_is_one_event() -> None:
    toy = cluster()
    measure(toy, 0.97, 0.5, 0.5, 0.97)
    assert [event.message[:41] for event in toy.events if event.reason == "BelowLimit"] == [
        "accuracy: 0.5 is below the limit of 0.9; "
    ]


# -- windows that go by ----------------------------------------------------------------------


def test_one_job_at_a_time_and_what_went_by_meanwhile_is_counted() -> None:
    toy = cluster()
    toy.now = later(70)
    settle(toy)
    toy.now = later(310)
    settle(toy)
    assert len(toy.world.all(JOBS)) == 1
    report(toy, 0.97)
    settle(toy)
    assert status(toy)["measuring"]["end"] == "2026-01-01T12:05:00Z"
    assert status(toy)["skippedWindows"] == 3


def test_windows_and_jobs_are_bounded() -> None:
    toy = cluster()
    measure(toy, *[0.97] * 25)
    assert len(status(toy)["windows"]) == 20
    assert len(toy.world.all(JOBS)) == KEPT_JOBS
    ends = [window["end"] for window in status(toy)["windows"]]
    assert ends == sorted(set(ends))


def test_a_job_whose_window_was_lost_is_deleted() -> None:
    toy = cluster()
    toy.now = later(70)
    before = toy.get(MODEL_MONITORS, NAME)
    settle(toy)
    lost = toy.only(JOBS)["metadata"]["name"]
    toy.world.put(before)  # the operator ended after the Create, before the status
    toy.now = later(130)
    settle(toy)
    assert lost not in [job["metadata"]["name"] for job in toy.world.all(JOBS)]
    assert len(toy.world.all(JOBS)) == 1


# -- versions -------------------------------------------------------------------------------


def test_the_window_that_runs_keeps_the_version_it_began_with() -> None:
    toy = cluster()
    toy.now = later(70)
    settle(toy)
    toy.world.put(deployment("digits-b"))
    report(toy, 0.97)
    settle(toy)
    assert status(toy)["windows"][0]["version"] == "digits-a"


# -- faults ----------------------------------------------------------------------------------


def test_a_failed_job_is_unknown_and_the_next_window_is_tried() -> None:
    toy = cluster()
    toy.now = later(70)
    settle(toy)
    job = running_job(toy)
    message = json.dumps({"reason": "ArtifactNotFound", "message": "no folder"})
    toy.pods[job["metadata"]["name"]] = [failed_pod(job, message, exit_code=3)]
    toy.store(job_ended(job, at=toy.now, succeeded=False))
    settle(toy)
    assert breached(toy) == ("Unknown", "JobFailed")
    assert (ready(toy)["status"], ready(toy)["reason"]) == ("False", "JobFailed")
    assert "ArtifactNotFound: no folder" in ready(toy)["message"]
    assert "; logs: kubectl logs -n team-a -l mlops-operator.io/modelmonitor=" in ready(toy)["message"]
    measure(toy, 0.97)
    assert ready(toy)["status"] == "True"
    assert "kubectl logs" not in ready(toy)["message"]


def test_a_job_that_has_just_ended_is_not_judged_before_its_pod_is_seen() -> None:
    toy = cluster()
    toy.now = later(70)
    settle(toy)
    ended = toy.store(job_ended(running_job(toy), at=toy.now))
    toy.pods.clear()
    settle(toy)
    assert toy.only(JOBS)["metadata"]["uid"] == ended["metadata"]["uid"]
    assert "measuring" in status(toy)
    report(toy, 0.97)
    settle(toy)
    assert breached(toy)[0] == "False"


def test_a_result_of_another_run_is_no_result() -> None:
    toy = cluster()
    toy.now = later(70)
    settle(toy)
    job = running_job(toy)
    toy.pods[job["metadata"]["name"]] = [succeeded_pod(job, '{"v":1,"uid":"another"}')]
    toy.store(job_ended(job, at=toy.now))
    settle(toy)
    assert breached(toy) == ("Unknown", "ResultInvalid")


def test_what_keeps_the_job_from_running_is_said_and_forgotten() -> None:
    toy = cluster()
    toy.now = later(70)
    settle(toy)
    job = running_job(toy)
    toy.store(job_started(job, at=toy.now))
    toy.now = later(76)
    missing = unscheduled('persistentvolumeclaim "data" not found')
    toy.pods[job["metadata"]["name"]] = [pod_of(job, conditions=[missing])]
    plan = settle(toy)
    assert (ready(toy)["status"], status(toy)["waiting"]["reason"]) == ("False", "VolumeNotFound")
    assert plan.requeue_after is not None
    report(toy, 0.97)
    settle(toy)
    assert ready(toy)["status"] == "True"
    assert "waiting" not in status(toy)


def test_a_job_deleted_by_hand_is_made_again_for_the_same_window() -> None:
    toy = cluster()
    toy.now = later(70)
    settle(toy)
    job = running_job(toy)
    toy.world.remove(job)
    toy.now = later(300)
    settle(toy)
    assert running_job(toy)["metadata"]["name"] == job["metadata"]["name"]


def test_a_job_that_the_api_refuses_stalls_it_until_the_spec_changes() -> None:
    toy = cluster()
    toy.refuse["Job"] = (422, "Invalid", "resources: must be less")
    toy.now = later(70)
    settle(toy)
    assert condition(toy.get(MODEL_MONITORS, NAME), "Stalled")["reason"] == "InvalidPodTemplate"
    toy.refuse.clear()
    toy.now = later(200)
    assert settle(toy).actions == ()
    assert toy.world.all(JOBS) == []
    toy.edit(MODEL_MONITORS, NAME, taskPods={"resources": {"limits": {"memory": "1Gi"}}})
    settle(toy)
    assert len(toy.world.all(JOBS)) == 1
    assert condition(toy.get(MODEL_MONITORS, NAME), "Stalled")["status"] == "False"


def test_a_job_whose_name_is_taken_is_tried_again() -> None:
    toy = cluster()
    toy.refuse["Job"] = (409, "NameTaken", "Job a already exists")
    toy.now = later(70)
    assert settle(toy).requeue_after == 60
    assert condition(toy.get(MODEL_MONITORS, NAME), "Stalled")["reason"] == "NameTaken"
    toy.refuse.clear()
    settle(toy)
    assert len(toy.world.all(JOBS)) == 1


def test_a_job_that_is_forbidden_is_tried_again() -> None:
    toy = cluster()
    toy.refuse["Job"] = (403, "Forbidden", "exceeded quota")
    toy.now = later(70)
    assert settle(toy).requeue_after == 60
    assert ready(toy)["reason"] == "Forbidden"
    toy.refuse.clear()
    settle(toy)
    assert len(toy.world.all(JOBS)) == 1


def test_suspended_nothing_starts_and_what_runs_is_let_run() -> None:
    toy = cluster()
    toy.now = later(70)
    settle(toy)
    toy.edit(MODEL_MONITORS, NAME, suspend=True)
    report(toy, 0.5)
    settle(toy)
    assert (status(toy)["phase"], breached(toy)[0]) == ("Suspended", "True")
    toy.now = later(1000)
    assert settle(toy).actions == ()
    toy.edit(MODEL_MONITORS, NAME, suspend=False)
    settle(toy)
    assert status(toy)["skippedWindows"] == 14
    assert "measuring" in status(toy)


def test_suspended_a_window_whose_job_was_deleted_is_skipped_and_counted() -> None:
    toy = cluster()
    toy.now = later(70)
    settle(toy)
    toy.edit(MODEL_MONITORS, NAME, suspend=True)
    toy.world.remove(running_job(toy))
    settle(toy)
    assert status(toy)["skippedWindows"] == 1
    assert "measuring" not in status(toy)


@pytest.mark.parametrize("size", ["0s", "4s", "721h", "9999999999999h"])
def test_a_window_beyond_the_bounds_stalls_it(size: str) -> None:
    toy = cluster(window={"size": size})
    settle(toy)
    stalled = condition(toy.get(MODEL_MONITORS, NAME), "Stalled")
    assert stalled["reason"] == "InvalidSpec"
    assert "window" in stalled["message"]
    toy.edit(MODEL_MONITORS, NAME, window={"size": "60s"})
    settle(toy)
    assert ready(toy)["reason"] == "WaitingForWindow"
