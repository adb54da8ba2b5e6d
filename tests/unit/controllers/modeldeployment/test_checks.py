# SPDX-License-Identifier: Apache-2.0
"""The golden-request Job as the plan sees it."""

import json

import pytest

from mlops_contract.messages import CONNECTION_FAILED_EXIT_CODE
from mlops_operator.api.meta import Manifest
from mlops_operator.kube.resources import JOBS, MODEL_DEPLOYMENTS
from mlops_operator.runtime.work.plan import PodsOfJob
from tests.unit.controllers.builders import NO_NODE, failed_pod, job_ended, job_started, pod_of
from tests.unit.controllers.modeldeployment.scene import NAME, Scene
from tests.unit.controllers.nodes import unscheduled


def checking() -> Scene:
    scene = Scene()
    scene.rest(answer=False)
    assert scene.status["candidate"]["phase"] == "Checking"
    return scene


def test_its_pods_are_not_read_while_it_runs() -> None:
    scene = checking()
    scene.cluster.store(job_started(scene.cluster.only(JOBS), at=scene.cluster.now, ready=1))
    obj = scene.cluster.get(MODEL_DEPLOYMENTS, NAME)
    assert scene.controller.reads(obj, scene.cluster.world, scene.cluster.now) == ()


def test_its_pods_are_read_when_it_has_ended() -> None:
    scene = checking()
    job = scene.cluster.store(job_ended(scene.cluster.only(JOBS), at=scene.cluster.now))
    obj = scene.cluster.get(MODEL_DEPLOYMENTS, NAME)
    reads = scene.controller.reads(obj, scene.cluster.world, scene.cluster.now)
    assert reads == (PodsOfJob.of(job),)


def test_pods_that_were_read_before_they_had_ended_are_read_again() -> None:
    scene = checking()
    job = scene.cluster.store(job_ended(scene.cluster.only(JOBS), at=scene.cluster.now))
    scene.cluster.pods[job["metadata"]["name"]] = [pod_of(job, phase="Running")]
    plan = scene.cluster.step(scene.controller, NAME)
    assert plan.requeue_after == 0.5
    assert scene.status["candidate"]["phase"] == "Checking"
    scene.answer()


def test_a_job_that_is_not_started_is_said_within_ten_seconds() -> None:
    scene = checking()
    job = scene.cluster.only(JOBS)
    assert scene.cluster.plan(scene.controller, NAME).requeue_after == 4.1
    scene.cluster.pods[job["metadata"]["name"]] = [pod_of(job, conditions=[unscheduled(NO_NODE)])]
    scene.wait(5)
    scene.step()
    assert scene.status["waiting"]["reason"] == "Unschedulable"


def test_a_check_that_could_not_be_made_stops_the_candidate_by_its_own_reason() -> None:
    scene = checking()
    job = scene.cluster.store(job_ended(scene.cluster.only(JOBS), at=scene.cluster.now, succeeded=False))
    words = '{"reason": "ArtifactNotFound", "message": "nothing at pvc://store/digits-1.golden"}'
    scene.cluster.pods[job["metadata"]["name"]] = [failed_pod(job, words)]
    scene.step()
    assert scene.status["stopped"]["reason"] == "GoldenCheckFailed"
    assert "ArtifactNotFound: nothing at pvc://store" in scene.status["stopped"]["message"]
    selector = "mlops-operator.io/modeldeployment=digits,app.kubernetes.io/component=golden"
    assert f"kubectl logs -n team-a -l {selector} --all-containers --tail=-1" in ready_message(scene)


def test_a_job_that_is_gone_before_its_result_was_seen_is_made_again() -> None:
    scene = checking()
    scene.cluster.world.remove(scene.cluster.only(JOBS))
    scene.rest()
    assert scene.condition("Ready") == ("True", "Serving")


@pytest.mark.parametrize(("deadline", "seconds"), [("10m", 60), ("3m", 60), ("2m", 40), ("10s", 10)])
def test_a_try_ends_well_before_the_deadline_so_that_its_cause_is_known_by_then(deadline: str, seconds: int) -> None:
    scene = Scene({"rollout": {"progressDeadline": deadline}})
    scene.rest(answer=False)
    (container,) = scene.cluster.only(JOBS)["spec"]["template"]["spec"]["containers"]
    (text,) = [entry["value"] for entry in container["env"] if entry["name"] == "MLOPS_GOLDEN"]
    assert json.loads(text)["readyTimeoutSeconds"] == seconds


# -- a try that fails ----------------------------------------------------------------------------

WORDS = '{"reason": "EndpointUnavailable", "message": "http://digits-candidate: timed out"}'
TOLD = "try 1 of 3 failed: EndpointUnavailable: http://digits-candidate: timed out"


def try_fails(scene: Scene, *, failed: int = 1) -> Manifest:
    """So many tries of the golden-request Job have failed, and the next one runs."""
    job = scene.cluster.store(job_started(scene.cluster.only(JOBS), at=scene.cluster.now, ready=1, failed=failed))
    pods = [failed_pod(job, WORDS), pod_of(job, phase="Running")]
    scene.cluster.pods[job["metadata"]["name"]] = pods
    return job


def ready_message(scene: Scene) -> str:
    (found,) = [entry for entry in scene.status["conditions"] if entry["type"] == "Ready"]
    return str(found["message"])


def test_a_failed_try_is_in_the_status_while_the_next_one_runs() -> None:
    scene = checking()
    try_fails(scene)
    scene.rest(answer=False)
    assert scene.condition("Ready") == ("False", "Retrying")
    assert ready_message(scene) == f"digits-1 is running its golden-request check; {TOLD}"
    assert scene.status["waiting"]["message"] == TOLD
    scene.wait(60)
    scene.rest(answer=False)
    assert ready_message(scene).endswith(TOLD)


def test_each_failed_try_costs_one_write() -> None:
    scene = checking()
    before = len(scene.cluster.writes)
    for failed in (1, 2):
        job = scene.cluster.only(JOBS)
        pods = [failed_pod(job, WORDS)]
        scene.cluster.pods[job["metadata"]["name"]] = pods
        scene.cluster.store(job_started(job, at=scene.cluster.now, failed=failed))  # before the next pod
        scene.rest(answer=False)
        pods.append(pod_of(job))
        scene.rest(answer=False)
        try_fails(scene, failed=failed)  # the next pod runs
        scene.wait(30)
        scene.rest(answer=False)
    assert scene.cluster.writes[before:] == ["status ModelDeployment digits"] * 2


def test_the_message_of_an_overdue_first_version_ends_with_the_last_cause() -> None:
    scene = Scene({"rollout": {"progressDeadline": "2m"}})
    scene.rest(answer=False)
    try_fails(scene)
    scene.wait(121)
    scene.rest(answer=False)
    assert scene.condition("Stalled") == ("True", "ProgressDeadlineExceeded")
    assert ready_message(scene) == (
        f"the first version is not ready within 2m; still waiting: digits-1 is running its golden-request check; {TOLD}"
    )


def test_the_message_of_a_stopped_candidate_ends_with_the_last_cause() -> None:
    scene = Scene({"rollout": {"progressDeadline": "2m"}})
    scene.rest()
    scene.cluster.world.remove(scene.cluster.only(JOBS))
    scene.point("digits-2")
    scene.rest(answer=False)
    try_fails(scene)
    scene.rest(answer=False)
    assert scene.status["candidate"]["phase"] == "Checking"
    assert ready_message(scene) == f"digits-2 is running its golden-request check; {TOLD}"
    scene.wait(121)
    scene.rest(answer=False)
    assert scene.status["stopped"]["reason"] == "ProgressDeadlineExceeded"
    assert scene.status["stopped"]["message"] == f"checking was not done within 2m; {TOLD}"


# -- a network that is closed --------------------------------------------------------------------

CLOSED = (
    "digits-candidate.team-a.svc:80: connection timed out; a NetworkPolicy that does not allow it is one possible cause"
)
UNCONNECTED = f"failed connection 1, which uses up no try: ConnectionFailed: {CLOSED}"


def connection_fails(scene: Scene) -> None:
    """The golden-request Job's pod could not connect, and the next one waits."""
    job = scene.cluster.store(job_started(scene.cluster.only(JOBS), at=scene.cluster.now))
    words = json.dumps({"reason": "ConnectionFailed", "message": CLOSED})
    scene.cluster.pods[job["metadata"]["name"]] = [failed_pod(job, words, exit_code=CONNECTION_FAILED_EXIT_CODE)]
    scene.wait(8)
    scene.rest(answer=False)


def test_a_first_version_behind_a_closed_network_says_so_and_serves_once_it_is_open() -> None:
    scene = checking()
    connection_fails(scene)
    assert scene.condition("Ready") == ("False", "Retrying")
    assert ready_message(scene) == f"digits-1 is running its golden-request check; {UNCONNECTED}"
    scene.rest()
    assert scene.condition("Ready") == ("True", "Serving")


def test_a_candidate_behind_a_closed_network_is_stopped_and_tried_again() -> None:
    scene = Scene({"rollout": {"progressDeadline": "2m"}})
    scene.rest()
    scene.cluster.world.remove(scene.cluster.only(JOBS))
    scene.point("digits-2")
    scene.rest(answer=False)
    connection_fails(scene)
    scene.wait(121)
    scene.rest(answer=False)
    stopped = scene.status["stopped"]
    assert (stopped["reason"], "candidate" in scene.status) == ("ProgressDeadlineExceeded", False)
    assert stopped["message"].startswith(f"checking was not done within 2m; {UNCONNECTED}; next attempt at ")
    scene.wait(61)
    scene.rest()
    assert (scene.status["candidate"]["version"], scene.status["candidate"]["retries"]) == ("digits-2", 1)


def test_golden_requests_that_end_at_their_deadline_behind_a_closed_network_are_asked_again() -> None:
    scene = checking()
    connection_fails(scene)
    job = job_ended(scene.cluster.only(JOBS), at=scene.cluster.now, succeeded=False)
    job["status"]["conditions"][0] |= {"reason": "DeadlineExceeded", "message": "Job was active too long"}
    scene.cluster.store(job)
    scene.rest(answer=False)
    assert scene.condition("Ready") == ("False", "GoldenCheckFailed")
    assert f"before that: {UNCONNECTED}" in scene.status["stopped"]["message"]
    scene.wait(61)
    scene.rest()
    assert scene.condition("Ready") == ("True", "Serving")


# -- a result that is lost -----------------------------------------------------------------------


def test_golden_requests_whose_result_is_lost_are_asked_again() -> None:
    scene = checking()
    job = scene.cluster.store(job_ended(scene.cluster.only(JOBS), at=scene.cluster.now))
    scene.rest(answer=False)
    assert scene.cluster.only(JOBS)["metadata"]["uid"] == job["metadata"]["uid"]  # the read may have been too early
    scene.wait(6)
    scene.rest(answer=False)
    again = scene.cluster.only(JOBS)
    assert again["metadata"]["uid"] != job["metadata"]["uid"]
    assert scene.condition("Ready") == ("False", "Retrying")
    assert ready_message(scene).endswith("was lost with its pod, so it runs again (1 of at most 3 times)")
    scene.rest()
    assert scene.condition("Ready") == ("True", "Serving")


def test_golden_requests_whose_result_is_lost_four_times_stop_the_candidate() -> None:
    scene = checking()
    for _ in range(4):
        assert "stopped" not in scene.status
        scene.cluster.store(job_ended(scene.cluster.only(JOBS), at=scene.cluster.now))
        scene.wait(6)
        scene.rest(answer=False)
    assert scene.status["stopped"]["reason"] == "GoldenCheckFailed"
    assert scene.status["stopped"]["message"].endswith("cannot be read; the task has run 4 times")
