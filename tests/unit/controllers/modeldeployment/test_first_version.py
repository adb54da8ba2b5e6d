# SPDX-License-Identifier: Apache-2.0
"""How the first version comes to serve."""

from mlops_operator.controllers.settings import FINISHED_JOB_TTL
from mlops_operator.kube.resources import DEPLOYMENTS, JOBS, MODEL_DEPLOYMENTS, POD_DISRUPTION_BUDGETS, SERVICES
from mlops_operator.runtime.work.plan import Delete
from tests.unit.controllers.modeldeployment.scene import (
    LOAD_FAILED,
    NAME,
    NO_IMAGE,
    READY,
    SLOW,
    Scene,
    model,
    model_version,
    phase,
)


def test_it_serves_once_it_is_ready_and_has_answered_its_golden_requests() -> None:
    scene = Scene()
    scene.rest()
    assert scene.condition("Ready") == ("True", "Serving")
    assert scene.condition("Reconciling")[0] == scene.condition("Stalled")[0] == "False"
    assert scene.condition("ModelLoaded") == ("True", "Serving")
    status = scene.status
    assert status["phase"] == "Stable"
    assert status["stable"]["version"] == "digits-1"
    assert status["stable"]["golden"]["passed"] is True
    assert "20 requests: 0 mismatches" in status["stable"]["golden"]["message"]
    assert status["url"] == "http://digits.team-a.svc.cluster.local"
    assert (status["replicas"], status["readyReplicas"]) == (2, 2)
    assert scene.served() == {"digits-1"}


def test_it_costs_its_children_and_three_status_writes() -> None:
    scene = Scene()
    scene.rest()
    verbs = [" ".join(write.split()[:2]) for write in scene.cluster.writes]
    assert verbs == [
        "create Deployment",
        "status ModelDeployment",  # Starting
        "create Service",  # of the candidate
        "create Job",
        "status ModelDeployment",  # Checking
        "create Service",
        "create PodDisruptionBudget",
        "status ModelDeployment",  # Stable
        "delete Service",  # of the candidate
    ]


def test_without_golden_requests_it_costs_its_children_and_two_status_writes() -> None:
    scene = Scene(golden=False, spec={"replicas": 1})
    scene.rest()
    verbs = [" ".join(write.split()[:2]) for write in scene.cluster.writes]
    assert verbs == [
        "create Deployment",
        "status ModelDeployment",
        "create Service",
        "status ModelDeployment",
    ]
    assert "no golden requests" in scene.status["stable"]["golden"]["message"]


def test_what_its_checks_found_is_not_lost_with_the_status_of_its_promotion() -> None:
    scene = Scene()
    scene.rest(answer=False)
    scene.answer()
    checking = scene.cluster.get(MODEL_DEPLOYMENTS, NAME)["status"]
    scene.rest()
    promoted = scene.status
    lost = scene.cluster.get(MODEL_DEPLOYMENTS, NAME)
    scene.cluster.store({**lost, "status": checking})
    scene.rest()
    assert scene.status["stable"] == promoted["stable"]
    assert scene.condition("Ready") == ("True", "Serving")


def test_what_serves_stays_when_its_promotion_was_lost_and_another_version_is_wanted_by_now() -> None:
    scene = Scene()
    scene.rest(answer=False)
    scene.answer()
    checking = scene.cluster.get(MODEL_DEPLOYMENTS, NAME)["status"]
    scene.rest()
    lost = scene.cluster.get(MODEL_DEPLOYMENTS, NAME)
    scene.cluster.store({**lost, "status": checking})
    scene.point("digits-2")
    scene.step()
    assert scene.status["stable"]["version"] == "digits-1"
    scene.roll()
    assert scene.versions() == {"digits-2": 2}
    assert min(scene.timeline[-10:]) == 2


def test_nothing_gets_requests_before_the_golden_requests_are_answered() -> None:
    scene = Scene()
    scene.rest(answer=False)
    assert scene.status["candidate"]["phase"] == "Checking"
    assert scene.served() == set()
    assert scene.condition("Ready") == ("False", "Loading")


def test_a_model_that_does_not_load_is_a_failure_and_is_not_tried_again() -> None:
    scene = Scene(behaviour={"digits-1": LOAD_FAILED})
    scene.roll(seconds=60)
    assert scene.status["phase"] == "Failed"
    assert scene.condition("Ready") == ("False", "ModelLoadFailed")
    assert scene.condition("Stalled") == ("True", "ModelLoadFailed")
    assert "not a pickle" in scene.message()
    assert scene.versions() == {}
    assert scene.status["stopped"]["version"] == "digits-1"


def test_wrong_answers_are_a_failure() -> None:
    scene = Scene(checks={"digits-1": {"mismatches": 3}})
    scene.rest()
    assert scene.condition("Stalled") == ("True", "GoldenRequestsFailed")
    assert "20 requests: 3 mismatches, 0 errors, 0 slow" in scene.message()
    assert scene.served() == set()


def test_what_may_still_appear_is_waited_for_beyond_the_deadline_and_mends_itself() -> None:
    scene = Scene(behaviour={"digits-1": NO_IMAGE})
    scene.rest()
    assert scene.condition("Ready") == ("False", "ImageUnavailable")
    assert scene.status["waiting"]["reason"] == "ImageUnavailable"
    scene.roll(seconds=700)
    assert scene.condition("Stalled") == ("True", "ProgressDeadlineExceeded")
    assert scene.versions() == {"digits-1": 2}
    scene.behaviour["digits-1"] = READY
    scene.rest()
    assert scene.condition("Ready") == ("True", "Serving")
    assert scene.condition("Stalled")[0] == "False"
    assert "waiting" not in scene.status


def test_a_version_that_is_not_verified_is_waited_for() -> None:
    scene = Scene()
    scene.cluster.store(model_version("digits-1", ready=False))
    scene.rest()
    assert scene.condition("Ready") == ("False", "ModelVersionNotReady")
    assert scene.condition("Reconciling")[0] == "True"
    assert scene.versions() == {}
    scene.cluster.store(model_version("digits-1"))
    scene.rest()
    assert scene.condition("Ready") == ("True", "Serving")


def test_an_alias_that_points_nowhere_is_no_fault() -> None:
    scene = Scene(version=None)
    scene.rest()
    assert scene.condition("Ready") == ("True", "AliasUnset")
    assert scene.condition("Reconciling")[0] == "False"
    assert scene.condition("ModelLoaded") == ("False", "AliasUnset")
    assert "servingSince" not in scene.status
    scene.point("digits-1")
    scene.rest()
    assert scene.condition("Ready") == ("True", "Serving")
    assert scene.condition("ModelLoaded") == ("True", "Serving")


def test_the_first_version_is_waited_for_while_the_model_decides_on_it() -> None:
    scene = Scene(version=None)
    scene.rest()
    deciding = model(None)
    deciding["spec"]["aliases"][0]["bootstrap"] = True
    deciding["status"]["conditions"] = [{"type": "Reconciling", "status": "True", "reason": "Bootstrapping"}]
    scene.cluster.store(deciding)
    scene.rest()
    assert scene.condition("Ready") == ("False", "AliasUnset")
    assert scene.condition("Reconciling") == ("True", "AliasUnset")


def test_the_time_of_the_first_version_stays_when_another_takes_over() -> None:
    scene = Scene(golden=False)
    scene.rest()
    first = scene.status["servingSince"]
    scene.wait(3600)
    scene.point("digits-2")
    scene.roll()
    assert scene.status["stable"]["version"] == "digits-2"
    assert scene.status["servingSince"] == first


def test_a_format_that_nothing_serves_is_said() -> None:
    scene = Scene()
    scene.cluster.store(model_version("digits-1", artifact_format="onnx"))
    scene.rest()
    assert scene.condition("Stalled") == ("True", "NoRuntime")
    assert "kserve-sklearn (sklearn)" in scene.message()


def test_with_no_replicas_wanted_nothing_is_made() -> None:
    scene = Scene(spec={"replicas": 0})
    scene.rest()
    assert scene.condition("Ready") == ("True", "ScaledToZero")
    assert scene.versions() == {}
    scene.edit(replicas=1)
    scene.rest()
    assert scene.condition("Ready") == ("True", "Serving")


def test_a_finished_world_costs_nothing_but_the_deletion_of_its_job() -> None:
    scene = Scene()
    scene.roll(seconds=60)
    before = len(scene.cluster.writes)
    reads = len(scene.cluster.reads)
    (job,) = scene.cluster.world.all(JOBS)
    scene.wait(FINISHED_JOB_TTL)
    assert scene.cluster.step(scene.controller, NAME).requeue_after is None
    plan = scene.cluster.step(scene.controller, NAME)
    assert not plan.actions
    assert plan.requeue_after is None
    assert scene.cluster.writes[before:] == [f"delete Job {job['metadata']['name']}"]
    assert len(scene.cluster.reads) == reads == 1


def test_the_golden_jobs_pods_are_read_once() -> None:
    scene = Scene()
    scene.rest()
    assert len(scene.cluster.reads) == 1


def test_a_refused_pod_template_is_the_end_of_the_revision() -> None:
    scene = Scene()
    scene.cluster.refuse["Deployment"] = (422, "Invalid", "spec.template.spec.containers[0].image: Required value")
    scene.rest()
    assert scene.condition("Stalled") == ("True", "InvalidPodTemplate")
    assert "Required value" in scene.message()
    assert scene.status["phase"] == "Failed"
    del scene.cluster.refuse["Deployment"]
    scene.roll(seconds=120)
    assert scene.versions() == {}
    scene.edit(env=[{"name": "A", "value": "1"}])
    scene.rest()
    assert scene.condition("Ready") == ("True", "Serving")


def test_a_quota_is_tried_again() -> None:
    scene = Scene()
    scene.cluster.refuse["Deployment"] = (403, "Forbidden", "exceeded quota")
    plan = scene.cluster.step(scene.controller, NAME)
    assert plan.requeue_after == 60
    assert scene.condition("Ready") == ("False", "Forbidden")
    assert scene.condition("Reconciling") == ("True", "Forbidden")
    del scene.cluster.refuse["Deployment"]
    scene.rest()
    assert scene.condition("Ready") == ("True", "Serving")


def test_a_name_that_is_taken_is_said_and_tried_again() -> None:
    scene = Scene()
    scene.rest(answer=False)
    scene.answer()
    scene.cluster.refuse["Service"] = (409, "NameTaken", "somebody else's")
    plan = scene.cluster.step(scene.controller, NAME)
    assert plan.requeue_after == 60
    assert scene.condition("Stalled") == ("True", "NameTaken")
    del scene.cluster.refuse["Service"]
    scene.rest()
    assert scene.condition("Ready") == ("True", "Serving")


def test_a_spec_that_the_schema_refuses_is_said() -> None:
    scene = Scene(spec={"nonsense": 1})
    scene.rest()
    assert scene.condition("Stalled") == ("True", "InvalidSpec")
    assert "spec.nonsense" in scene.message()


def test_the_candidates_service_goes_and_its_job_stays_for_people() -> None:
    scene = Scene()
    scene.rest()
    assert [entry["metadata"]["name"] for entry in scene.cluster.world.all(SERVICES)] == [NAME]
    job = scene.cluster.only(JOBS)
    assert job["spec"]["ttlSecondsAfterFinished"] == 3600


def test_a_lost_status_is_found_again_in_the_cluster() -> None:
    scene = Scene()
    scene.rest()
    before = scene.status
    obj = scene.cluster.get(MODEL_DEPLOYMENTS, NAME)
    obj["status"] = {"observedGeneration": -1}
    scene.cluster.store(obj)
    writes = len(scene.cluster.writes)
    scene.rest()
    assert scene.cluster.writes[writes:] == [f"status ModelDeployment {NAME}"]
    assert scene.status["stable"] | {"golden": before["stable"]["golden"]} == before["stable"]


def test_the_first_of_its_servers_that_is_ready_is_checked() -> None:
    scene = Scene()
    scene.step()
    scene.kubelet()
    (deployment,) = scene.cluster.world.all(DEPLOYMENTS)
    scene.cluster.store({**deployment, "status": {**deployment["status"], "readyReplicas": 1}})
    scene.step()
    assert phase(scene) == "Checking"


def test_golden_requests_that_were_answered_are_not_asked_again_when_its_servers_come_back() -> None:
    scene = Scene()
    scene.rest(answer=False)
    scene.answer()
    scene.behaviour["digits-1"] = SLOW
    scene.kubelet()
    scene.step()
    assert (phase(scene), scene.status["candidate"]["golden"]["passed"]) == ("Checking", True)
    for job in scene.cluster.world.all(JOBS):
        scene.cluster.world.remove(job)
    scene.behaviour["digits-1"] = READY
    scene.kubelet()
    scene.rest(answer=False)
    assert scene.status["stable"]["version"] == "digits-1"


def test_what_serves_stays_when_its_promotion_was_lost_and_its_model_is_gone() -> None:
    scene = Scene()
    scene.rest(answer=False)
    scene.answer()
    checking = scene.cluster.get(MODEL_DEPLOYMENTS, NAME)["status"]
    scene.rest()
    scene.cluster.store({**scene.cluster.get(MODEL_DEPLOYMENTS, NAME), "status": checking})
    scene.cluster.store(model(None))
    scene.step()
    assert scene.status["stable"]["version"] == "digits-1"
    assert "candidate" not in scene.status


def test_an_old_status_takes_nothing_from_the_version_that_serves() -> None:
    scene = Scene()
    scene.rest()
    assert scene.cluster.world.all(POD_DISRUPTION_BUDGETS)
    former = [entry for entry in scene.history if "stable" not in (entry.get("status") or {})]
    assert former
    for obj in former:
        scene.cluster.store(obj)
        plan = scene.cluster.plan(scene.controller, NAME)
        taken = {action.resource for action in plan.actions if isinstance(action, Delete)}
        assert not taken & {POD_DISRUPTION_BUDGETS, SERVICES, DEPLOYMENTS}, obj.get("status")
