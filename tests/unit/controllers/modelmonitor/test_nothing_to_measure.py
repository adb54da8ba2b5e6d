# SPDX-License-Identifier: Apache-2.0
"""A monitor whose target has not answered a request yet: no fault, and no pod where there cannot be a row."""

import json

import pytest

from mlops_operator.api.meta import Manifest
from mlops_operator.kube.resources import JOBS, MODEL_VERSIONS
from tests.unit.controllers.builders import ToyCluster, failed_pod, job_ended, later, make
from tests.unit.controllers.modelmonitor.scene import (
    breached,
    cluster,
    deployment,
    measure,
    ready,
    running_job,
    settle,
    status,
)

NO_LOG = json.dumps({"reason": "DataNotFound", "message": "found nothing at log (pvc://data/predictions)"})


def serving(*, since: str | None = None, loaded: str = "True", at: str = "2026-01-01T12:00:00Z") -> Manifest:
    """The target, with the time at which it first served and its condition `ModelLoaded`."""
    target = deployment()
    target["status"]["conditions"] = [
        {"type": "ModelLoaded", "status": loaded, "reason": "Serving", "lastTransitionTime": at}
    ]
    if since is not None:
        target["status"]["servingSince"] = since
    return target


def without_log(toy: ToyCluster) -> None:
    """The Job of the window that is due finds no log."""
    wait = settle(toy).requeue_after
    assert wait is not None
    toy.now = toy.now.fromtimestamp(toy.now.timestamp() + wait, tz=toy.now.tzinfo)
    settle(toy)
    job = running_job(toy)
    toy.pods[job["metadata"]["name"]] = [failed_pod(job, NO_LOG, exit_code=3)]
    toy.store(job_ended(job, at=toy.now, succeeded=False))
    settle(toy)


def test_a_monitor_whose_log_does_not_exist_yet_is_ready_and_its_verdict_unknown() -> None:
    toy = cluster()
    without_log(toy)
    assert (ready(toy)["status"], ready(toy)["reason"]) == ("True", "NoPredictionsYet")
    assert "found nothing at log (pvc://data/predictions)" in ready(toy)["message"]
    assert breached(toy) == ("Unknown", "NoPredictionsYet")
    without_log(toy)
    assert ready(toy)["status"] == "True"
    measure(toy, 0.97)
    assert (ready(toy)["reason"], breached(toy)[0]) == ("Monitoring", "False")


def test_a_log_that_has_vanished_is_a_fault() -> None:
    toy = cluster()
    measure(toy, 0.97)
    without_log(toy)
    assert (ready(toy)["status"], ready(toy)["reason"]) == ("False", "JobFailed")
    assert breached(toy) == ("Unknown", "JobFailed")


def test_a_log_that_does_not_exist_yet_costs_one_pod_a_window() -> None:
    toy = cluster()
    toy.now = later(70)
    settle(toy)
    rules = toy.only(JOBS)["spec"]["podFailurePolicy"]["rules"]
    (permanent,) = [rule["onExitCodes"]["values"] for rule in rules if rule["action"] == "FailJob"]
    assert 3 in permanent


def test_a_deployment_that_serves_nothing_yet_is_no_fault() -> None:
    toy = cluster(deployment(None))
    settle(toy)
    assert (ready(toy)["status"], ready(toy)["reason"]) == ("True", "NothingServed")
    assert status(toy)["waiting"]["reason"] == "NothingServed"


def test_a_window_that_ended_before_anything_was_served_has_no_job() -> None:
    toy = cluster(serving(since="2026-01-01T12:05:30Z"))
    toy.now = later(5 * 60 + 30)
    assert settle(toy).requeue_after == 40  # the window that ends at 12:06, after its label delay
    assert toy.world.all(JOBS) == []
    toy.now = later(6 * 60 + 10)
    settle(toy)
    assert status(toy)["measuring"]["start"] == "2026-01-01T12:05:00Z"


def test_a_window_that_ended_before_the_served_version_existed_has_no_job() -> None:
    target = serving()
    target["status"]["stable"]["versionUid"] = "uid-of-digits-a"
    version = make(MODEL_VERSIONS, "digits-a", spec={})
    version["metadata"]["creationTimestamp"] = "2026-01-01T12:05:30Z"
    toy = cluster(target, version)
    toy.now = later(5 * 60 + 30)
    assert settle(toy).requeue_after == 40
    assert toy.world.all(JOBS) == []


@pytest.mark.parametrize(
    ("loaded", "at", "jobs"),
    [
        ("False", "2026-01-01T12:00:00Z", 0),  # not ready in the whole window
        ("False", "2026-01-01T12:00:01Z", 1),  # ready for a moment of it
        ("True", "2026-01-01T12:01:00Z", 1),  # ready now: it may have been so before
    ],
)
def test_a_window_without_a_ready_replica_has_no_job(loaded: str, at: str, jobs: int) -> None:
    toy = cluster(serving(loaded=loaded, at=at))
    toy.now = later(70)
    settle(toy)
    assert len(toy.world.all(JOBS)) == jobs
    if not jobs:
        assert (ready(toy)["status"], ready(toy)["reason"]) == ("True", "NothingServed")
        assert "no replica of ModelDeployment digits has been ready since 2026-01-01T12:00:00Z" in ready(toy)["message"]
        toy.world.put(serving(at="2026-01-01T12:01:10Z"))
        settle(toy)
        assert status(toy)["measuring"]["end"] == "2026-01-01T12:01:00Z"
