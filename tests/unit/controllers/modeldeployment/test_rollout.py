# SPDX-License-Identifier: Apache-2.0
"""How the next version takes over."""

import pytest

from mlops_operator.controllers.shared import job_reads, pending
from mlops_operator.kube.resources import DEPLOYMENTS, JOBS, MODEL_DEPLOYMENTS
from mlops_operator.runtime.work.plan import Create
from tests.unit.controllers.modeldeployment.scene import (
    LOAD_FAILED,
    NAME,
    NAMESPACE,
    NO_STEPS,
    READY,
    SLOW,
    STEPS,
    UNSCHEDULABLE,
    Scene,
    phase,
    serving,
)


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


def test_without_steps_and_golden_requests_it_costs_its_changed_children_one_job_and_three_status_writes() -> None:
    scene = serving(spec={**NO_STEPS, "replicas": 3}, golden=False)
    before = len(scene.cluster.writes)
    scene.point("digits-2")
    scene.rest()
    assert [" ".join(write.split()[:2]) for write in scene.cluster.writes[before:]] == [
        "create Deployment",
        "status ModelDeployment",
        *("apply Service", "create Job", "status ModelDeployment"),
        *("apply Service", "status ModelDeployment"),
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


def test_the_status_names_the_selector_of_its_pods() -> None:
    scene = serving()
    uid = scene.cluster.get(MODEL_DEPLOYMENTS, NAME)["metadata"]["uid"]
    assert scene.status["selector"] == f"app.kubernetes.io/component=server,mlops-operator.io/uid={uid}"


def test_a_step_costs_one_scaling_one_job_and_three_status_writes() -> None:
    scene = serving(spec=STEPS)
    scene.point("digits-2")
    scene.rest(answer=False)
    before = len(scene.cluster.writes)
    scene.roll()
    verbs = [" ".join(write.split()[:2]) for write in scene.cluster.writes[before:]]
    status = "status ModelDeployment"
    assert verbs == [
        *("apply Service", status),  # the first step's one replica is ready already
        *("create Job", status),  # its end: the replica is asked
        *("patch Deployment", status, status),  # the second step: entered, ready
        *("create Job", status),  # its end: all replicas are asked
        *("apply Service", status),  # and are all there are to be: promoted in the same plan
        *("delete Deployment", "delete Service"),
    ]


def test_a_check_that_waits_is_looked_at_with_the_sooner_of_its_job_and_its_servers() -> None:
    scene = serving()
    scene.point("digits-2")
    scene.step()
    scene.kubelet()
    scene.wait(30)
    scene.step()
    scene.step()
    assert phase(scene) == "Checking"
    scene.behaviour["digits-2"] = UNSCHEDULABLE
    scene.kubelet()
    (job,) = [job for job in scene.cluster.world.all(JOBS) if "conditions" not in (job.get("status") or {})]
    looks = [
        job_reads.next_look(job, scene.cluster.now),
        pending.interval(30, namespace=NAMESPACE, now=scene.cluster.now),
    ]
    assert looks[0] != looks[1]
    assert scene.cluster.plan(scene.controller, NAME).requeue_after == min(looks)


def test_golden_requests_are_named_by_a_beginning_that_is_on_record() -> None:
    """Servers that a plan made whose status was lost may be ready when the candidate begins once more."""
    scene = serving()
    before = scene.cluster.get(MODEL_DEPLOYMENTS, NAME)
    scene.point("digits-2")
    scene.step()
    scene.kubelet()
    scene.cluster.store(before)
    for _ in range(3):
        plan = scene.cluster.plan(scene.controller, NAME)
        assert [action for action in plan.actions if isinstance(action, Create) and action.resource == JOBS] == []
        assert plan.requeue_after == 0.0
        scene.wait(1)
    scene.rest(answer=False)
    assert phase(scene) == "Checking"
    jobs = [job["metadata"]["name"] for job in scene.cluster.world.all(JOBS) if "-golden-" in job["metadata"]["name"]]
    assert scene.status["candidate"]["golden"]["job"] in jobs
    assert len(jobs) == 2  # of digits-1 and of digits-2
