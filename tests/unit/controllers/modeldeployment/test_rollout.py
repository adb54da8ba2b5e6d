"""How the next version takes over, and how it is stopped."""

import pytest

from mlops_operator.api.meta import Manifest
from mlops_operator.kube.resources import DEPLOYMENTS, MODEL_DEPLOYMENTS, MODEL_VERSIONS, MODELS, PODS
from tests.unit.controllers.modeldeployment.scene import (
    CORRUPT,
    CRASHING,
    LOAD_FAILED,
    MISSING,
    NAME,
    NO_IMAGE,
    READY,
    SLOW,
    UNSCHEDULABLE,
    Scene,
    model_version,
)

NO_STEPS: Manifest = {"rollout": {"steps": []}}
STEPS: Manifest = {"rollout": {"steps": [{"weight": 20, "pause": "30s"}, {"weight": 50, "pause": "1m"}]}, "replicas": 4}


def serving(**scene: object) -> Scene:
    """A scene in which digits-1 serves."""
    result = Scene(**scene)  # type: ignore[arg-type]
    result.rest()
    assert result.condition("Ready") == ("True", "Serving")
    return result


def phase(scene: Scene) -> str:
    found: str = scene.status["candidate"]["phase"]
    return found


def reasons(scene: Scene) -> list[str]:
    return [event.reason for event in scene.cluster.events]


def test_the_candidate_gets_nothing_until_it_has_answered() -> None:
    scene = serving()
    scene.point("digits-2")
    scene.rest(answer=False)
    assert phase(scene) == "Checking"
    assert scene.served() == {"digits-1"}
    assert scene.versions() == {"digits-1": 2, "digits-2": 1}
    assert scene.condition("Ready") == ("True", "RollingOut")
    assert scene.condition("Reconciling")[0] == "True"
    assert scene.status["weights"] == {"desired": 0, "achieved": 0}


def test_it_takes_over_in_steps() -> None:
    scene = serving(spec=STEPS)
    scene.point("digits-2")
    scene.rest()
    assert phase(scene) == "Stepping"
    assert scene.served() == {"digits-1", "digits-2"}
    assert scene.versions() == {"digits-1": 4, "digits-2": 1}
    assert scene.status["weights"] == {"desired": 20, "achieved": 20}
    scene.wait(29)
    scene.rest()
    assert scene.status["candidate"].get("step", 0) == 0
    scene.wait(1)
    scene.rest()
    assert scene.status["candidate"]["step"] == 1
    assert scene.versions() == {"digits-1": 4, "digits-2": 4}
    assert scene.status["weights"] == {"desired": 50, "achieved": 50}
    scene.wait(60)
    scene.rest()
    assert scene.status["stable"]["version"] == "digits-2"
    assert "candidate" not in scene.status
    assert scene.versions() == {"digits-2": 4}
    assert scene.served() == {"digits-2"}
    assert scene.pinned()


def test_a_plan_in_a_step_looks_again_when_its_pause_ends() -> None:
    scene = serving(spec=STEPS)
    scene.point("digits-2")
    scene.rest()
    scene.wait(10)
    assert scene.cluster.plan(scene.controller, NAME).requeue_after == 20


@pytest.mark.parametrize("spec", [STEPS, NO_STEPS, {}], ids=["steps", "no steps", "default"])
def test_there_is_never_a_moment_without_all_replicas_ready_behind_the_service(spec: dict[str, object]) -> None:
    scene = serving(spec=spec)
    replicas = scene.behind_traffic()
    scene.timeline.clear()
    scene.point("digits-2")
    scene.roll()
    assert scene.versions() == {"digits-2": replicas}
    assert min(scene.timeline) == replicas


def test_the_former_version_is_deleted_only_after_the_status_names_the_new_one() -> None:
    scene = serving(spec=NO_STEPS)
    scene.point("digits-2")
    scene.rest()
    writes = scene.cluster.writes
    deleted = next(index for index, write in enumerate(writes) if write.startswith("delete Deployment"))
    assert writes[deleted - 1] == f"status ModelDeployment {NAME}"


def test_without_steps_and_golden_requests_it_costs_its_changed_children_and_two_status_writes() -> None:
    scene = serving(spec={**NO_STEPS, "replicas": 3}, golden=False)
    before = len(scene.cluster.writes)
    scene.point("digits-2")
    scene.rest()
    assert [" ".join(write.split()[:2]) for write in scene.cluster.writes[before:]] == [
        "create Deployment",
        "status ModelDeployment",
        "apply Service",
        "status ModelDeployment",
        "delete Deployment",
    ]


def test_all_at_once_means_once_all_are_ready() -> None:
    scene = serving(spec={**NO_STEPS, "replicas": 3}, golden=False)
    scene.point("digits-2")
    scene.step()
    scene.kubelet()
    candidate = scene.cluster.get(DEPLOYMENTS, scene.status["candidate"]["deployment"])
    candidate["status"]["readyReplicas"] = 2
    scene.cluster.store(candidate)
    scene.step()
    assert phase(scene) == "Starting"
    assert scene.served() == {"digits-1"}


def test_without_steps_it_waits_for_one_checked_replica_before_it_makes_the_rest() -> None:
    scene = serving(spec={**NO_STEPS, "replicas": 3})
    scene.point("digits-2")
    scene.rest(answer=False)
    assert scene.versions() == {"digits-1": 3, "digits-2": 1}
    scene.rest()
    assert scene.versions() == {"digits-2": 3}


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        (LOAD_FAILED, "ModelLoadFailed"),
        (CRASHING, "ServerCrashed"),
        (CORRUPT, "ArtifactCorrupt"),
    ],
)
def test_a_candidate_beyond_hope_is_stopped_at_once_and_the_stable_version_serves_on(how: str, reason: str) -> None:
    scene = serving(behaviour={"digits-2": how})
    scene.timeline.clear()
    scene.point("digits-2")
    scene.rest()
    assert scene.status["stopped"]["reason"] == reason
    assert scene.status["stopped"]["version"] == "digits-2"
    assert scene.status["phase"] == "Degraded"
    assert scene.condition("Ready") == ("True", "CandidateStopped")
    assert scene.condition("Stalled") == ("True", "CandidateStopped")
    assert scene.condition("Degraded") == ("True", "CandidateStopped")
    assert scene.condition("Progressing") == ("False", "CandidateStopped")
    assert scene.versions() == {"digits-1": 2}
    assert scene.served() == {"digits-1"}
    assert min(scene.timeline) == 2


@pytest.mark.parametrize(
    ("how", "reason"),
    [(NO_IMAGE, "ImageUnavailable"), (UNSCHEDULABLE, "Unschedulable"), (MISSING, "ArtifactNotFound"), (SLOW, None)],
)
def test_a_candidate_that_may_still_come_is_stopped_at_its_deadline(how: str, reason: str | None) -> None:
    scene = serving(behaviour={"digits-2": how}, spec={"rollout": {"progressDeadline": "2m"}})
    scene.point("digits-2")
    scene.rest()
    assert phase(scene) == "Starting"
    assert scene.status.get("waiting", {}).get("reason") == reason
    scene.wait(119)
    scene.rest()
    assert phase(scene) == "Starting"
    scene.wait(1)
    scene.rest()
    assert scene.status["stopped"]["reason"] == "ProgressDeadlineExceeded"
    assert (reason or "starting") in scene.status["stopped"]["message"]
    assert "waiting" not in scene.status
    assert scene.versions() == {"digits-1": 2}


def test_an_image_that_appears_in_time_mends_the_candidate() -> None:
    scene = serving(behaviour={"digits-2": NO_IMAGE})
    scene.point("digits-2")
    scene.rest()
    scene.wait(100)
    scene.behaviour["digits-2"] = READY
    scene.roll()
    assert scene.status["stable"]["version"] == "digits-2"


@pytest.mark.parametrize("found", [{"mismatches": 1}, {"errors": 1}, {"slow": 1}])
def test_wrong_missing_or_slow_answers_stop_a_candidate(found: dict[str, int]) -> None:
    scene = serving(checks={"digits-2": found})
    scene.point("digits-2")
    scene.rest()
    assert scene.status["stopped"]["reason"] == "GoldenRequestsFailed"
    assert scene.served() == {"digits-1"}
    assert scene.versions() == {"digits-1": 2}
    assert "digits-2" not in {write.split()[-1] for write in scene.cluster.writes if write.startswith("apply")}


def test_a_stopped_candidate_is_not_tried_again() -> None:
    scene = serving(behaviour={"digits-2": LOAD_FAILED})
    scene.point("digits-2")
    scene.rest()
    before = len(scene.cluster.writes)
    scene.behaviour["digits-2"] = READY
    scene.wait(3600)
    scene.rest()
    scene.edit(replicas=2, rollout={"progressDeadline": "5m"})
    scene.rest()
    made = [write for write in scene.cluster.writes[before:] if "create" in write]
    assert made == []
    assert scene.status["stopped"]["version"] == "digits-2"


def test_a_stopped_candidate_is_tried_again_when_something_else_was_the_target() -> None:
    scene = serving(behaviour={"digits-2": LOAD_FAILED})
    scene.point("digits-2")
    scene.rest()
    scene.point("digits-1")
    scene.rest()
    assert scene.condition("Ready") == ("True", "Serving")
    assert scene.condition("Degraded") == ("False", "NotDegraded")
    assert "stopped" not in scene.status
    scene.behaviour["digits-2"] = READY
    scene.point("digits-2")
    scene.roll()
    assert scene.status["stable"]["version"] == "digits-2"


def test_another_target_replaces_the_candidate() -> None:
    scene = serving(spec=STEPS)
    scene.point("digits-2")
    scene.rest()
    assert scene.served() == {"digits-1", "digits-2"}
    scene.point("digits-3")
    scene.rest(answer=False)
    assert scene.served() == {"digits-1"}
    assert scene.versions() == {"digits-1": 4, "digits-3": 1}
    scene.roll()
    assert scene.versions() == {"digits-3": 4}


@pytest.mark.parametrize("ticks", range(0, 120, 10))
def test_a_rollback_is_immediate_in_every_phase(ticks: int) -> None:
    scene = serving(spec=STEPS)
    scene.timeline.clear()
    scene.point("digits-2")
    for _ in range(ticks // 10):
        scene.step()
        scene.kubelet()
        scene.answer()
        scene.wait(10)
    was = scene.status["stable"]["version"]
    scene.point("digits-1")
    scene.step()
    if was == "digits-1":
        assert "candidate" not in scene.status
        assert scene.served() == {"digits-1"}
    scene.roll()
    assert scene.versions() == {"digits-1": 4}
    assert min(scene.timeline) == 4


def test_the_pause_begins_anew_when_readiness_is_lost() -> None:
    scene = serving(spec=STEPS)
    scene.point("digits-2")
    scene.rest()
    scene.wait(25)
    scene.behaviour["digits-2"] = SLOW
    scene.rest()
    assert "readySince" not in scene.status["candidate"]
    assert scene.status["weights"] == {"desired": 20, "achieved": 0}
    scene.behaviour["digits-2"] = READY
    scene.wait(10)
    scene.rest()
    assert scene.status["candidate"].get("step", 0) == 0
    scene.wait(29)
    scene.rest()
    assert scene.status["candidate"].get("step", 0) == 0
    scene.wait(1)
    scene.rest()
    assert scene.status["candidate"]["step"] == 1


def test_a_candidate_that_loses_its_pods_and_never_gets_them_back_is_stopped() -> None:
    scene = serving(spec=STEPS)
    scene.point("digits-2")
    scene.rest()
    scene.behaviour["digits-2"] = SLOW
    scene.rest()
    scene.wait(600)
    scene.rest()
    assert scene.status["stopped"]["reason"] == "ProgressDeadlineExceeded"
    assert scene.versions() == {"digits-1": 4}


def test_other_pod_settings_make_a_candidate_of_the_same_version() -> None:
    scene = serving(spec=NO_STEPS)
    revision = scene.status["stable"]["revision"]
    scene.edit(env=[{"name": "LOG_LEVEL", "value": "debug"}])
    scene.rest()
    assert scene.status["stable"]["version"] == "digits-1"
    assert scene.status["stable"]["revision"] != revision
    assert len(scene.cluster.world.all(DEPLOYMENTS)) == 1


def test_replicas_and_rollout_settings_make_no_candidate() -> None:
    scene = serving()
    revision = scene.status["stable"]["revision"]
    scene.edit(replicas=3, rollout={"steps": [{"weight": 10}], "progressDeadline": "5m"})
    scene.rest()
    assert scene.status["stable"]["revision"] == revision
    assert scene.versions() == {"digits-1": 3}
    assert scene.condition("Ready") == ("True", "Serving")


def test_scaling_to_zero_in_mid_rollout_removes_the_candidate_and_up_again_resumes() -> None:
    scene = serving()
    scene.point("digits-2")
    scene.rest()
    scene.edit(replicas=0)
    scene.rest()
    assert scene.versions() == {"digits-1": 0}
    assert scene.condition("Ready") == ("True", "ScaledToZero")
    scene.edit(replicas=2)
    scene.roll()
    assert scene.versions() == {"digits-2": 2}


def test_a_missing_model_holds_everything_as_it_is() -> None:
    scene = serving(spec=STEPS)
    scene.point("digits-2")
    scene.rest()
    scene.cluster.world.remove(scene.cluster.get(MODELS, "digits"))
    scene.wait(3600)
    scene.rest()
    assert scene.condition("Ready") == ("True", "ModelNotFound")
    assert scene.condition("Reconciling") == ("True", "ModelNotFound")
    assert scene.served() == {"digits-1", "digits-2"}
    assert phase(scene) == "Stepping"
    scene.point("digits-2")
    scene.roll()
    assert scene.versions() == {"digits-2": 4}


def test_a_stable_version_whose_object_is_gone_serves_on() -> None:
    scene = serving()
    scene.cluster.world.remove(scene.cluster.get(MODEL_VERSIONS, "digits-1"))
    scene.rest()
    assert scene.condition("Ready") == ("True", "ModelVersionNotFound")
    scene.edit(replicas=3)
    scene.rest()
    assert scene.versions() == {"digits-1": 3}


def test_a_deleted_deployment_of_the_stable_version_is_made_again() -> None:
    scene = serving()
    scene.cluster.world.remove(scene.cluster.only(DEPLOYMENTS))
    scene.kubelet()
    scene.step()
    assert scene.condition("Ready") == ("False", "ReplicasUnavailable")
    scene.rest()
    assert scene.condition("Ready") == ("True", "Serving")
    assert scene.versions() == {"digits-1": 2}


def test_a_stable_version_whose_pods_nobody_knows_any_more_is_replaced_at_once() -> None:
    scene = serving(spec=STEPS)
    scene.edit(env=[{"name": "A", "value": "1"}])
    scene.rest(answer=False)
    (stable,) = [
        entry
        for entry in scene.cluster.world.all(DEPLOYMENTS)
        if entry["metadata"]["name"] == scene.status["stable"]["deployment"]
    ]
    scene.cluster.world.remove(stable)
    scene.rest()
    assert scene.condition("Ready") == ("True", "Serving")
    assert scene.versions() == {"digits-1": 4}


def test_a_template_changed_by_hand_is_repaired() -> None:
    scene = serving()
    deployment = scene.cluster.only(DEPLOYMENTS)
    deployment["spec"]["template"]["spec"]["containers"][0]["image"] = "somebody/else:1"
    scene.cluster.store(deployment)
    scene.rest()
    found = scene.cluster.only(DEPLOYMENTS)
    assert found["spec"]["template"]["spec"]["containers"][0]["image"] == scene.settings.server_image


def test_a_new_fetch_image_replaces_no_pod() -> None:
    scene = serving()
    before = len(scene.cluster.writes)
    newer = Scene(settings=type(scene.settings)(workload_image="example/workload:2"))
    newer.cluster = scene.cluster
    newer.rest()
    assert len(scene.cluster.writes) == before


def test_losing_a_replica_is_told_at_once_and_its_return_too() -> None:
    scene = serving()
    deployment = scene.cluster.only(DEPLOYMENTS)
    deployment["status"]["readyReplicas"] = 1
    scene.cluster.store(deployment)
    scene.step()
    assert scene.condition("Ready") == ("True", "ReplicasUnavailable")
    assert scene.message() == "digits-1: 1 of 2 replicas are ready"
    assert scene.status["readyReplicas"] == 1
    scene.rest()
    assert scene.condition("Ready") == ("True", "Serving")


def test_replicas_that_become_ready_one_by_one_cost_one_write() -> None:
    scene = serving(spec={"replicas": 5})
    scene.edit(replicas=20)
    scene.step()
    scene.wait(2)
    scene.kubelet()
    before = len(scene.cluster.writes)
    for ready in range(6, 21):
        deployment = scene.cluster.only(DEPLOYMENTS)
        deployment["status"]["readyReplicas"] = ready
        scene.cluster.store(deployment)
        scene.step()
    assert scene.cluster.writes[before:] == [f"status ModelDeployment {NAME}"]
    assert scene.status["readyReplicas"] == 20


def test_replicas_that_take_longer_are_told_of_after_ten_seconds() -> None:
    scene = serving(spec={"replicas": 2})
    scene.edit(replicas=4)
    scene.step()
    scene.kubelet()
    deployment = scene.cluster.only(DEPLOYMENTS)
    deployment["status"]["readyReplicas"] = 3
    scene.cluster.store(deployment)
    assert scene.cluster.step(scene.controller, NAME).requeue_after == 10
    assert scene.status["readyReplicas"] == 2
    scene.wait(10)
    scene.step()
    assert scene.status["readyReplicas"] == 3


def test_its_events_tell_the_story() -> None:
    scene = serving(spec=STEPS, behaviour={"digits-3": LOAD_FAILED})
    scene.point("digits-2")
    scene.roll()
    scene.point("digits-3")
    scene.roll()
    assert reasons(scene) == [
        "RolloutStarted",
        "Promoted",
        "RolloutStarted",
        "StepStarted",
        "StepStarted",
        "Promoted",
        "RolloutStarted",
        "CandidateStopped",
    ]


def test_a_former_life_of_the_pods_does_not_count() -> None:
    scene = serving(behaviour={"digits-2": CRASHING})
    scene.point("digits-2")
    scene.step()
    scene.kubelet()
    crashed = [pod for pod in scene.cluster.world.all(PODS) if pod["status"]["containerStatuses"][0]["restartCount"]]
    scene.rest()
    scene.point("digits-1")
    scene.rest()
    scene.behaviour["digits-2"] = READY
    scene.wait(1)
    scene.point("digits-2")
    scene.step()
    for pod in crashed:  # not collected yet
        scene.cluster.world.put(pod)
    scene.step()
    assert phase(scene) == "Starting"


def test_the_status_names_the_selector_of_its_pods() -> None:
    scene = serving()
    uid = scene.cluster.get(MODEL_DEPLOYMENTS, NAME)["metadata"]["uid"]
    assert scene.status["selector"] == f"app.kubernetes.io/component=server,mlops-operator.io/uid={uid}"


def test_a_candidate_that_is_not_verified_is_waited_for_while_the_stable_one_serves() -> None:
    scene = serving()
    scene.cluster.store(model_version("digits-2", ready=False))
    scene.point("digits-2")
    scene.rest()
    assert scene.condition("Ready") == ("True", "ModelVersionNotReady")
    assert scene.versions() == {"digits-1": 2}


def test_an_outdated_status_takes_no_request_from_what_serves_and_deletes_nothing() -> None:
    scene = serving(spec=NO_STEPS)
    outdated = scene.cluster.get(MODEL_DEPLOYMENTS, NAME)
    scene.point("digits-2")
    scene.rest()
    fresh = scene.cluster.get(MODEL_DEPLOYMENTS, NAME)
    scene.cluster.world.put({**outdated, "metadata": fresh["metadata"]})
    scene.point("digits-1")  # as outdated as the status
    before = len(scene.cluster.writes)
    scene.step()
    assert scene.served() == {"digits-2"}
    assert scene.behind_traffic() == 2
    assert not [write for write in scene.cluster.writes[before:] if write.startswith(("delete", "apply Service"))]


def test_a_replaced_candidate_gets_no_more_requests_even_if_its_successor_is_refused() -> None:
    scene = serving(spec=STEPS)
    scene.point("digits-2")
    scene.rest()
    scene.point("digits-3")
    scene.cluster.refuse["Deployment"] = (403, "Forbidden", "exceeded quota")
    scene.step()
    assert scene.served() == {"digits-1"}
    assert scene.condition("Ready") == ("True", "Forbidden")
    del scene.cluster.refuse["Deployment"]
    scene.roll()
    assert scene.versions() == {"digits-3": 4}
