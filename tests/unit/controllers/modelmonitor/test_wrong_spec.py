# SPDX-License-Identifier: Apache-2.0
"""A spec that a window's Job finds wrong stops the monitor until it is changed: no further pod for the same error."""

import json

from mlops_operator.api.meta import Manifest
from mlops_operator.kube.resources import JOBS, MODEL_MONITORS
from tests.unit.controllers.builders import ToyCluster, condition, failed_pod, job_ended, later
from tests.unit.controllers.modelmonitor.scene import (
    NAME,
    breached,
    cluster,
    measure,
    ready,
    running_job,
    settle,
)

WRONG = {"reason": "ConfigurationInvalid", "message": "expected a metric of ['mine'], found 'accuracy'"}


def stopped() -> ToyCluster:
    toy = cluster(image="example/monitor:1")
    toy.now = later(70)
    settle(toy)
    job = running_job(toy)
    toy.pods[job["metadata"]["name"]] = [failed_pod(job, json.dumps(WRONG), exit_code=2)]
    toy.store(job_ended(job, at=toy.now, succeeded=False))
    settle(toy)
    return toy


def stalled(toy: ToyCluster) -> Manifest:
    return condition(toy.get(MODEL_MONITORS, NAME), "Stalled")


def test_it_is_stalled_with_the_jobs_words() -> None:
    toy = stopped()
    assert (stalled(toy)["status"], stalled(toy)["reason"]) == ("True", "ConfigurationInvalid")
    assert stalled(toy)["message"] == f"{WRONG['message']}; no window is measured until the spec is changed"
    assert (breached(toy), ready(toy)["status"]) == (("Unknown", "ConfigurationInvalid"), "False")


def test_no_further_window_is_measured() -> None:
    toy = stopped()
    jobs = len(toy.world.all(JOBS))
    for seconds in (130, 190, 1000):
        toy.now = later(seconds)
        settle(toy)
    assert len(toy.world.all(JOBS)) == jobs
    assert stalled(toy)["status"] == "True"


def test_a_changed_spec_is_measured_again() -> None:
    toy = stopped()
    toy.edit(MODEL_MONITORS, NAME, image="example/monitor:2")
    settle(toy)
    assert stalled(toy)["status"] == "False"
    settle(toy)
    measure(toy, 0.97)
    assert (ready(toy)["status"], ready(toy)["reason"]) == ("True", "Monitoring")


def test_a_job_of_a_former_spec_stops_nothing() -> None:
    toy = cluster(image="example/monitor:1")
    toy.now = later(70)
    settle(toy)
    job = running_job(toy)
    toy.edit(MODEL_MONITORS, NAME, image="example/monitor:2")
    toy.pods[job["metadata"]["name"]] = [failed_pod(job, json.dumps(WRONG), exit_code=2)]
    toy.store(job_ended(job, at=toy.now, succeeded=False))
    settle(toy)
    assert stalled(toy)["status"] == "False"
    measure(toy, 0.97)
    assert ready(toy)["status"] == "True"
