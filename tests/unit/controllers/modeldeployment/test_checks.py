"""The golden-request Job as the plan sees it."""

from mlops_operator.kube.resources import JOBS, MODEL_DEPLOYMENTS
from mlops_operator.runtime.plan import PodsOfJob
from tests.unit.controllers.builders import NO_NODE, failed_pod, job_ended, job_started, pod_of, unscheduled
from tests.unit.controllers.modeldeployment.scene import NAME, Scene


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


def test_a_job_that_is_gone_before_its_result_was_seen_is_made_again() -> None:
    scene = checking()
    scene.cluster.world.remove(scene.cluster.only(JOBS))
    scene.rest()
    assert scene.condition("Ready") == ("True", "Serving")
