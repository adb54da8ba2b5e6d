# SPDX-License-Identifier: Apache-2.0
"""What is corrected while a window is measured: its spec, or the installation."""

from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.modelmonitor.controller import ModelMonitorController
from mlops_operator.controllers.shared.task_disruptions import ANNOTATION
from mlops_operator.kube.resources import JOBS, MODEL_MONITORS
from tests.unit.controllers import corrections
from tests.unit.controllers.builders import ToyCluster, job_started, later, pod_of
from tests.unit.controllers.lost import by_the_cluster
from tests.unit.controllers.modelmonitor.scene import (
    CONTROLLER,
    NAME,
    cluster,
    ready,
    report,
    running_job,
    settle,
    status,
)


def stuck() -> tuple[ToyCluster, Manifest]:
    """A window whose Job has got no pod for a while, and the Job as it was made."""
    toy = cluster(image="example.test/typo")
    toy.now = later(70)
    settle(toy)
    job = running_job(toy)
    toy.store(job_started(job, at=toy.now))
    toy.now = later(76)
    settle(toy)
    return toy, job


def test_a_window_whose_job_never_ran_begins_anew_when_the_spec_is_corrected() -> None:
    toy, wrong = stuck()
    assert running_job(toy)["spec"] == wrong["spec"], "nothing was corrected yet"
    toy.edit(MODEL_MONITORS, NAME, image="example.test/right")
    settle(toy)
    again = running_job(toy)
    assert again["metadata"]["name"] == wrong["metadata"]["name"], "the same window"
    assert again["spec"]["template"]["spec"]["containers"][0]["image"] == "example.test/right"
    assert "waiting" not in status(toy)
    report(toy, 0.97)
    settle(toy)
    assert ready(toy)["status"] == "True"


def test_a_window_whose_job_never_ran_is_given_up_when_the_spec_asks_for_other_windows() -> None:
    toy, _ = stuck()
    toy.edit(MODEL_MONITORS, NAME, window={"size": "3600s", "labelDelay": "0s"})
    settle(toy)
    assert "measuring" not in status(toy)
    assert toy.world.all(JOBS) == []
    assert "waiting" not in status(toy)


def test_a_job_that_runs_is_left_alone_when_the_spec_changes() -> None:
    toy = cluster()
    toy.now = later(70)
    settle(toy)
    job = running_job(toy)
    toy.store(job_started(job, at=toy.now, ready=1))
    toy.edit(MODEL_MONITORS, NAME, image="example.test/other")
    settle(toy)
    assert running_job(toy)["spec"] == job["spec"]


def test_a_window_is_measured_with_the_installations_new_options() -> None:
    toy = cluster()
    toy.now = later(70)
    settle(toy)
    corrections.stuck(toy, CONTROLLER, NAME, seconds=76)
    for _ in range(2):
        toy.settle(ModelMonitorController(corrections.CORRECTED), NAME)
    assert corrections.tolerations(toy) == corrections.TOLERATIONS
    assert "measuring" in status(toy)


def test_a_pod_that_the_cluster_took_is_remembered_by_the_job() -> None:
    toy = cluster()
    toy.now = later(70)
    settle(toy)
    job = running_job(toy)
    toy.store(job_started(job, at=toy.now))
    toy.now = later(76)
    toy.pods[job["metadata"]["name"]] = [by_the_cluster(pod_of(job), later(72))]
    settle(toy)
    assert '"count":"1"' in running_job(toy)["metadata"]["annotations"][ANNOTATION]
    toy.pods[job["metadata"]["name"]] = []
    settle(toy)
    assert ready(toy)["message"].startswith("disruption 1, which uses up no try")
