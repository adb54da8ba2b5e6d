"""A ModelMonitor over many windows, in a toy cluster."""

import json
from typing import Any

import pytest
from scipy import stats

from mlops_operator.api.meta import Manifest
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
    unscheduled,
)
from tests.unit.controllers.modelmonitor.scene import (
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
from tests.unit.controllers.versions import digest_of

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
    assert job["metadata"]["name"].endswith(f"-{int(later(60).timestamp())}")
    (container,) = job["spec"]["template"]["spec"]["containers"]
    env = {entry["name"]: entry["value"] for entry in container["env"]}
    assert container["command"] == ["python3", "-m", "mlops_workload.monitor"]
    assert json.loads(env["MLOPS_MONITOR"]) == {
        "log": {"uri": "pvc://data/predictions"},
        "window": {"start": "2026-01-01T12:00:00Z", "end": "2026-01-01T12:01:00Z"},
        "version": "digits-a",
        "metrics": [{"name": "accuracy"}],
    }
    mounts = {mount["mountPath"]: mount.get("readOnly", False) for mount in container["volumeMounts"]}
    assert mounts["/mnt/pvc/data"]
    assert status(toy)["measuring"]["version"] == "digits-a"


def test_the_workload_understands_its_configuration() -> None:
    module = pytest.importorskip("mlops_workload.monitor", reason="the data plane's libraries are not installed")
    toy = cluster()
    toy.now = later(70)
    settle(toy)
    (container,) = toy.only(JOBS)["spec"]["template"]["spec"]["containers"]
    text = next(entry["value"] for entry in container["env"] if entry["name"] == "MLOPS_MONITOR")
    assert module.MonitorConfiguration.model_validate_json(text).window.start == NOW


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


# -- versions and references -----------------------------------------------------------------


BUDGET = [{"name": "accuracy", "limit": {"falseAlarms": {}}, "minSamples": 100}]


def values(reference: Manifest) -> list[float]:
    return [entry["value"] for entry in reference["windows"]]


def test_a_reference_is_made_of_the_first_windows_and_then_frozen() -> None:
    toy = cluster(metrics=BUDGET, reference={"windows": 6})
    measure(toy, 0.95)
    assert breached(toy) == ("Unknown", "ReferenceIncomplete")
    measure(toy, 0.96, 0.97, 0.95, 0.96)
    assert breached(toy) == ("False", "WithinLimits")
    assert "references" not in status(toy)
    measure(toy, 0.97)
    assert breached(toy) == ("False", "WithinLimits")
    (reference,) = status(toy)["references"]
    assert (reference["complete"], reference["version"], reference["digest"]) == (
        True,
        "digits-a",
        digest_of("digits-a"),
    )
    assert values(reference) == [0.95, 0.96, 0.97, 0.95, 0.96, 0.97]
    assert reference["level"] == pytest.approx(0.96)
    assert "collecting" not in status(toy)
    measure(toy, 0.96)
    assert breached(toy) == ("False", "WithinLimits")
    measure(toy, 0.7)
    assert breached(toy) == ("True", "BelowLimit")
    measure(toy, 1.0)
    assert breached(toy) == ("False", "WithinLimits")
    assert status(toy)["references"] == [reference]


def test_a_verdict_by_the_reference_states_limit_rows_and_budget() -> None:
    toy = cluster(metrics=BUDGET, reference={"windows": 6})
    measure(toy, *[0.95] * 6, 0.7)
    verdict = status(toy)["windows"][-1]["metrics"][0]
    assert verdict["value"] < verdict["lower"] < 0.95
    assert verdict["expectedFalseAlarms"] == 0.01
    assert verdict["message"].startswith("0.7 is below the limit of 0.")
    for part in ("for 200 rows", "6 of 6 windows of digits-a, level 0.95", "2 windows before", "0.01 per 720h"):
        assert part in verdict["message"]


def test_windows_with_too_few_rows_or_below_the_minimum_are_no_reference() -> None:
    toy = cluster(metrics=[{**BUDGET[0], "limit": {"falseAlarms": {}, "min": 0.9}}])
    measure(toy, 0.95, 0.5)
    measure(toy, 0.96, rows=10)
    assert values(status(toy)["collecting"][0]) == [0.95]


def test_a_minimum_says_how_often_a_healthy_window_is_below_it() -> None:
    toy = cluster(metrics=[{**BUDGET[0], "limit": {"min": 0.93}}], reference={"windows": 6})
    measure(toy, *[0.95] * 7, rows=500)
    verdict = status(toy)["windows"][-1]["metrics"][0]
    # 465 right rows are not below 0.93; the level is known from 3,000 rows; a month has 43,200 windows of a minute.
    expected = 43200 * stats.betabinom.cdf(464, 500, 2850.5, 150.5)
    assert verdict["expectedFalseAlarms"] == pytest.approx(expected)
    assert "a model of 0.95 falls below 0.93 by chance in 1.3e+03 windows of 500 rows per 720h" in verdict["message"]


def test_another_version_is_compared_with_the_former_one_until_it_has_a_reference() -> None:
    toy = cluster(metrics=BUDGET, reference={"windows": 6})
    measure(toy, *[0.95] * 6)
    toy.world.put(deployment("digits-b"))
    measure(toy, 0.8)
    assert breached(toy) == ("True", "BelowLimit")
    assert "windows of digits-a" in status(toy)["windows"][-1]["metrics"][0]["message"]
    measure(toy, *[0.97] * 6)
    (reference,) = status(toy)["references"]
    assert (reference["version"], values(reference)) == ("digits-b", [0.97] * 6)


def test_a_bad_version_is_never_its_own_reference() -> None:
    toy = cluster(metrics=BUDGET, reference={"windows": 6})
    measure(toy, *[0.95] * 6)
    toy.world.put(deployment("digits-b"))
    measure(toy, *[0.8] * 15)
    assert breached(toy) == ("True", "BelowLimit")
    assert status(toy)["references"][0]["version"] == "digits-a"
    assert "collecting" not in status(toy)


def test_a_version_whose_windows_are_bad_only_together_is_no_reference() -> None:
    toy = cluster(metrics=BUDGET, reference={"windows": 6})
    measure(toy, *[0.95] * 6, rows=2000)
    toy.world.put(deployment("digits-b"))
    # Each is above the limit of a single window; six of them are worse beyond chance.
    measure(toy, *[0.93] * 8, rows=500)
    assert breached(toy)[0] == "False"
    assert status(toy)["references"][0]["version"] == "digits-a"


def test_a_version_replaced_early_leaves_what_is_known_of_it() -> None:
    toy = cluster(metrics=BUDGET, reference={"windows": 6})
    measure(toy, 0.95, 0.96, 0.95)
    toy.world.put(deployment("digits-b"))
    measure(toy, 0.7)
    assert breached(toy) == ("True", "BelowLimit")
    toy = cluster(metrics=BUDGET, reference={"windows": 6})
    measure(toy, 0.95, 0.96)
    toy.world.put(deployment("digits-b"))
    measure(toy, 0.7)
    assert breached(toy) == ("Unknown", "ReferenceIncomplete")


def test_a_recreated_version_is_another_version() -> None:
    toy = cluster(metrics=BUDGET, reference={"windows": 6})
    measure(toy, *[0.95] * 6)
    other = deployment("digits-a")
    other["status"]["stable"]["digest"] = digest_of("other")
    toy.world.put(other)
    measure(toy, 0.97)
    assert status(toy)["references"][0]["digest"] == digest_of("digits-a")
    assert status(toy)["collecting"][0]["digest"] == digest_of("other")


def test_a_lower_level_can_be_accepted() -> None:
    toy = cluster(metrics=BUDGET, reference={"windows": 6})
    measure(toy, *[0.95] * 6)
    toy.world.put(deployment("digits-b"))
    measure(toy, *[0.8] * 3)
    now = status(toy)["windows"][-1]["end"]
    toy.edit(MODEL_MONITORS, NAME, reference={"windows": 6, "notBefore": now})
    measure(toy, *[0.8] * 6)
    (reference,) = status(toy)["references"]
    assert (reference["version"], values(reference)) == ("digits-b", [0.8] * 6)
    assert breached(toy) == ("False", "WithinLimits")


def test_a_reference_can_be_spread_over_a_period() -> None:
    toy = cluster(metrics=BUDGET, reference={"windows": 6, "per": "1h"}, window={"size": "300s"})
    measure(toy, 0.91, 0.92, 0.93, 0.94, 0.95)
    # An hour in six parts: every second window of 5 minutes.
    assert values(status(toy)["collecting"][0]) == [0.91, 0.93, 0.95]


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
    measure(toy, 0.97)
    assert ready(toy)["status"] == "True"


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
    toy.edit(MODEL_MONITORS, NAME, resources={"limits": {"memory": "1Gi"}})
    settle(toy)
    assert len(toy.world.all(JOBS)) == 1
    assert condition(toy.get(MODEL_MONITORS, NAME), "Stalled")["status"] == "False"


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
