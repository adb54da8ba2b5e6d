# SPDX-License-Identifier: Apache-2.0
"""A window whose Job runs again: a try failed, or its result is lost."""

from mlops_operator.api.meta import Manifest
from mlops_operator.kube.resources import JOBS, MODEL_MONITORS
from tests.unit.controllers.builders import ToyCluster, failed_pod, job_ended, job_started, later
from tests.unit.controllers.modelmonitor.scene import NAME, cluster, ready, report, running_job, settle, status

WORDS = '{"reason": "DataNotFound", "message": "nothing at pvc://data/predictions"}'


def measuring() -> tuple[ToyCluster, Manifest]:
    toy = cluster()
    toy.now = later(70)
    settle(toy)
    return toy, running_job(toy)


def lose(toy: ToyCluster) -> None:
    """The Job ends well, and its pod was deleted before it was read."""
    toy.store(job_ended(running_job(toy), at=toy.now))
    toy.now = toy.now.fromtimestamp(toy.now.timestamp() + 6, tz=toy.now.tzinfo)
    settle(toy)


def test_a_failed_try_is_in_the_status_for_one_write_each() -> None:
    toy, job = measuring()
    before = len(toy.writes)
    pods = toy.pods[job["metadata"]["name"]] = []
    for failed in (1, 2):
        pods.append(failed_pod(job, WORDS))
        for running in (0, 1):
            toy.store(job_started(job, at=later(71), ready=running, failed=failed))
            settle(toy)
            told = f"try {failed} of 3 failed: DataNotFound: nothing at pvc://data/predictions"
            assert (ready(toy)["reason"], ready(toy)["message"]) == ("Retrying", told)
    assert toy.writes[before:] == [f"status ModelMonitor {NAME}"] * 2
    report(toy)
    settle(toy)
    assert (ready(toy)["reason"], "waiting" in status(toy)) == ("Monitoring", False)


def test_a_window_whose_result_is_lost_is_measured_again() -> None:
    toy, job = measuring()
    before = len(toy.writes)
    lose(toy)
    name = job["metadata"]["name"]
    assert toy.writes[before:] == [f"delete Job {name}", f"create Job {name}", f"status ModelMonitor {NAME}"]
    assert toy.only(JOBS)["metadata"]["uid"] != job["metadata"]["uid"]
    assert ready(toy)["reason"] == "Retrying"
    assert ready(toy)["message"].endswith("so it runs again (1 of at most 3 times)")
    report(toy)
    settle(toy)
    (window,) = status(toy)["windows"]
    assert window["metrics"][0]["value"] == 0.97


def test_a_window_whose_result_is_lost_four_times_is_not_measured() -> None:
    toy, _ = measuring()
    for _ in range(4):
        assert "windows" not in status(toy)
        lose(toy)
    (window,) = status(toy)["windows"]
    assert window["metrics"][0]["reason"] == "ResultInvalid"
    assert window["metrics"][0]["message"].endswith("the task has run 4 times")


def test_suspended_a_window_whose_result_is_lost_is_skipped() -> None:
    toy, job = measuring()
    toy.edit(MODEL_MONITORS, NAME, suspend=True)
    settle(toy)
    before = len(toy.writes)
    lose(toy)
    assert toy.writes[before:] == [f"delete Job {job['metadata']['name']}", f"status ModelMonitor {NAME}"]
    assert (ready(toy)["reason"], status(toy)["skippedWindows"]) == ("Suspended", 1)
