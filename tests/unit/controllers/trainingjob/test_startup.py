# SPDX-License-Identifier: Apache-2.0
"""An attempt that starts, and one that does not: what keeps it is told in time and cleared when it starts."""

from itertools import pairwise

import pytest

from mlops_operator.api.meta import Manifest
from mlops_operator.api.trainingjob import TrainingJobStatus
from mlops_operator.controllers.shared.pending import GRACE, INTERVAL, PATIENCE
from mlops_operator.controllers.trainingjob.policies.startup import RUNNING, STARTING, needs_pods, next_look, startup
from mlops_operator.kube.resources import JOBS, MODELS
from mlops_operator.runtime.work.plan import EventType
from mlops_operator.runtime.work.reads import EVENTS_AGE
from tests.unit.controllers.builders import (
    NOW,
    condition,
    failed_pod,
    job_ended,
    job_started,
    later,
    make,
    pod_of,
    succeeded_pod,
    terminated,
)
from tests.unit.controllers.nodes import unscheduled
from tests.unit.controllers.trainingjob.driver import Run, begin

JOB = make(JOBS, "digits-1-0", spec={"completions": 1})
NOTHING = TrainingJobStatus()
SELECTOR = "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector. preemption: 0/3 nodes help."
ROOM = "0/3 nodes are available: 3 Insufficient cpu. preemption: 0/3 nodes are available: 3 No victims found."


def waiting_container(reason: str, message: str) -> Manifest:
    return {"waiting": {"reason": reason, "message": message}}


def test_a_ready_pod_means_running() -> None:
    assert startup(job_started(JOB, at=NOW, ready=1), None, NOW, {}) == RUNNING


def test_an_attempt_that_ran_once_is_running_until_its_job_ends() -> None:
    run = begin()
    run.at(2).job_runs()
    run.at(9).job_runs(ready=0)
    assert condition(run.obj, "Ready")["reason"] == "Running"


def test_a_running_container_counts_even_if_it_is_not_ready() -> None:
    pod = pod_of(JOB, phase="Running", main={"running": {}})
    assert startup(job_started(JOB, at=NOW), [pod], NOW, {}) == RUNNING


def test_a_pod_that_has_ended_is_no_pending_pod() -> None:
    pod = pod_of(JOB, phase="Succeeded", main=terminated())
    assert startup(job_started(JOB, at=NOW), [pod], NOW, {}) == STARTING


def test_without_a_look_at_the_pods_nothing_is_said() -> None:
    assert startup(job_started(JOB, at=NOW), None, NOW, {}) == STARTING


@pytest.mark.parametrize(
    ("pod", "reason"),
    [
        (pod_of(JOB, main=waiting_container("ErrImagePull", "not found")), "ImageUnavailable"),
        (pod_of(JOB, main=waiting_container("ImagePullBackOff", "back-off")), "ImageUnavailable"),
        (pod_of(JOB, main=waiting_container("CreateContainerConfigError", 'secret "s"')), "ConfigUnavailable"),
        (pod_of(JOB, conditions=[unscheduled('persistentvolumeclaim "c" not found')]), "VolumeNotFound"),
        (pod_of(JOB, conditions=[unscheduled(SELECTOR)]), "Unschedulable"),
    ],
)
def test_a_permanent_cause_is_reported_at_once(pod: Manifest, reason: str) -> None:
    problem = startup(job_started(JOB, at=NOW), [pod], NOW, {}).problem
    assert problem is not None
    assert problem.reason == reason


@pytest.mark.parametrize(("waited", "reported"), [(PATIENCE - 1, False), (PATIENCE, True), (PATIENCE + 1, True)])
@pytest.mark.parametrize(
    "pods",
    [
        [],
        [pod_of(JOB)],
        [pod_of(JOB, conditions=[unscheduled(ROOM)])],
        [pod_of(JOB, main=waiting_container("ContainerCreating", ""))],
    ],
    ids=["no pod", "no status", "no room", "pull"],
)
def test_a_passing_cause_is_reported_after_a_minute(pods: list[Manifest], waited: float, reported: bool) -> None:
    found = startup(job_started(JOB, at=NOW), pods, later(waited), {})
    assert not found.running
    assert found.problem is not None
    assert (found.problem.reason, found.problem.permanent) == ("PodPending", False)
    assert found.reported == reported


def with_conditions(*conditions: tuple[str, str]) -> Manifest:
    job = job_started(JOB, at=NOW)
    job["status"]["conditions"] = [{"type": kind, "status": truth} for kind, truth in conditions]
    return job


@pytest.mark.parametrize(
    ("job", "after", "needed"),
    [
        (job_started(JOB, at=NOW), GRACE - 1, False),
        (job_started(JOB, at=NOW), GRACE, True),
        (job_started(JOB, at=NOW), GRACE + 1, True),
        (job_started(JOB, at=NOW, ready=1), GRACE, False),
        (job_ended(JOB, at=NOW), GRACE, False),
        (JOB, GRACE, False),  # its controller has not begun it
        (with_conditions(("Suspended", "True")), GRACE, False),  # nor gone on with it
        (with_conditions(("Suspended", "False")), GRACE, True),
        (with_conditions(("Other", "True")), GRACE, True),
    ],
)
def test_pods_are_needed_of_a_job_that_its_controller_began_and_that_has_none_ready_in_time(
    job: Manifest, after: float, needed: bool
) -> None:
    assert needs_pods(job, NOTHING, later(after)) is needed


@pytest.mark.parametrize(("waited", "left"), [(PATIENCE - 1, 1), (PATIENCE, PATIENCE), (PATIENCE + 1, PATIENCE)])
def test_a_job_that_its_controller_has_not_begun_is_looked_at_when_the_wait_is_reported(
    waited: float, left: float
) -> None:
    assert next_look(JOB, later(waited)) == left


@pytest.mark.parametrize(
    ("job", "pods", "words"),
    [
        (JOB, [], "the Job controller has not created a pod yet"),
        (job_started(JOB, at=NOW), [pod_of(JOB)], "not started"),
        (job_started(JOB, at=NOW), [pod_of(JOB, main=waiting_container("Odd", ""))], "Odd"),
    ],
)
def test_the_words_of_a_pod_that_does_not_start_say_what_is_known(
    job: Manifest, pods: list[Manifest], words: str
) -> None:
    problem = startup(job, pods, NOW, {}).problem
    assert problem is not None
    assert words in problem.message


def test_a_wait_for_room_costs_one_write_and_no_event() -> None:
    run = begin()
    run.cluster.store(job_started(run.job, at=NOW))
    run.cluster.pods[run.job["metadata"]["name"]] = [pod_of(run.job, conditions=[unscheduled(ROOM)])]
    before = len(run.cluster.writes)
    run.at(59).settle()
    assert len(run.cluster.writes) == before
    for second in (61, 70, 80):
        run.at(second).settle()
    assert len(run.cluster.writes) == before + 1
    assert run.status["waiting"]["reason"] == "PodPending"
    assert "Insufficient cpu" in run.status["waiting"]["message"]
    assert run.cluster.events == []


def test_a_permanent_cause_makes_a_warning() -> None:
    run = begin()
    run.cluster.store(job_started(run.job, at=NOW))
    run.cluster.pods[run.job["metadata"]["name"]] = [pod_of(run.job, conditions=[unscheduled(SELECTOR)])]
    run.at(5).settle()
    assert [(event.type, event.reason) for event in run.cluster.events] == [(EventType.WARNING, "Unschedulable")]


def test_a_job_that_starts_in_time_is_not_looked_at() -> None:
    run = begin()
    run.at(3).settle()
    assert run.cluster.reads == []
    assert run.status == {"observedGeneration": -1}


def test_a_missing_volume_is_told_within_ten_seconds_and_cleared() -> None:
    run = begin()
    run.cluster.store(job_started(run.job, at=NOW))
    run.cluster.pods[run.job["metadata"]["name"]] = [
        pod_of(run.job, conditions=[unscheduled('persistentvolumeclaim "store" not found')])
    ]
    plan = run.at(1).settle()
    assert plan.requeue_after is not None
    assert plan.requeue_after < 9
    run.at(1 + plan.requeue_after).settle()
    assert run.status["phase"] == "Pending"
    assert run.status["waiting"]["reason"] == "VolumeNotFound"
    assert condition(run.obj, "Ready")["reason"] == "VolumeNotFound"
    assert condition(run.obj, "Reconciling")["status"] == "True"
    run.at(30).job_runs()
    assert run.status["phase"] == "Running"
    assert "waiting" not in run.status


def test_the_words_of_a_missing_image_hold_still() -> None:
    run = begin()
    name = run.job["metadata"]["name"]
    run.cluster.store(job_started(run.job, at=NOW))
    run.cluster.pods[name] = [pod_of(run.job, main=waiting_container("ErrImagePull", "no such image"))]
    run.at(5).settle()
    writes = len(run.cluster.writes)
    run.cluster.pods[name] = [pod_of(run.job, main=waiting_container("ImagePullBackOff", "back-off 10s"))]
    run.at(20).settle()
    assert len(run.cluster.writes) == writes
    assert run.status["waiting"]["message"] == "no such image"


def test_a_job_that_its_controller_has_not_begun_has_no_pods_to_look_at() -> None:
    run = begin()
    plan = run.at(10).settle()
    assert plan.requeue_after == PATIENCE - 10
    assert run.cluster.reads == []
    run.at(PATIENCE).settle()
    assert run.status["waiting"]["reason"] == "PodPending"
    assert "has not begun" in run.status["waiting"]["message"]
    assert run.cluster.reads == []


def test_a_pod_is_read_every_eight_seconds_however_long_it_waits() -> None:
    run = begin()
    run.cluster.store(job_started(run.job, at=NOW))
    moments = [0.0]
    while moments[-1] < 3600:
        run.cluster.now = later(moments[-1])
        plan = run.settle()
        assert plan.requeue_after is not None
        moments.append(moments[-1] + plan.requeue_after)
    assert moments[1] > GRACE
    assert max(after - before for before, after in pairwise(moments)) <= INTERVAL + 1e-6
    assert any(PATIENCE <= moment < PATIENCE + 1 for moment in moments), "the moment at which a wait is reported"


def test_a_permanent_cause_that_comes_after_an_hour_is_reported_by_the_next_look() -> None:
    run = begin()
    run.cluster.store(job_started(run.job, at=NOW))
    pods = run.cluster.pods[run.job["metadata"]["name"]] = [pod_of(run.job, conditions=[unscheduled(ROOM)])]
    look = run.at(3600).settle().requeue_after
    pods[:] = [pod_of(run.job, main=waiting_container("ErrImagePull", "no such image"))]
    assert look is not None
    assert look + EVENTS_AGE <= 10
    run.at(3600 + look).settle()
    assert run.status["waiting"]["reason"] == "ImageUnavailable"


def test_pods_of_a_former_job_of_the_same_name_say_nothing() -> None:
    run = begin()
    run.at(2).job_runs()
    former = failed_pod(run.job, "killed", exit_code=143)
    run.cluster.world.remove(run.job)
    run.at(10).settle()
    job = run.job
    run.cluster.pods[job["metadata"]["name"]] = [former, succeeded_pod(job, run.result(metrics={"accuracy": 0.5}))]
    run.cluster.store(job_ended(job, at=later(20)))
    run.at(20).settle()
    assert run.status["metrics"] == {"accuracy": 0.5}


def test_the_start_waits_for_the_model() -> None:
    run = begin(model="digits")
    assert run.cluster.world.all(JOBS) == []
    assert run.status["waiting"]["reason"] == "ModelNotFound"
    assert condition(run.obj, "Ready")["status"] == "False"
    run.cluster.world.put(make(MODELS, "digits", spec={}))
    run.settle()
    assert len(run.cluster.world.all(JOBS)) == 1


def test_a_job_deleted_by_hand_is_made_again_under_its_name() -> None:
    run = begin()
    name = run.job["metadata"]["name"]
    run.at(2).job_runs()
    run.cluster.world.remove(run.job)
    run.at(10).settle()
    assert run.job["metadata"]["name"] == name
    assert run.status["phase"] == "Pending"


def stuck(**spec: object) -> Run:
    """An attempt whose pod waits for an image, and of which that is told."""
    run = begin(**spec)
    run.cluster.store(job_started(run.job, at=NOW))
    run.cluster.pods[run.job["metadata"]["name"]] = [
        pod_of(run.job, main=waiting_container("ErrImagePull", "no such image"))
    ]
    run.at(5).settle()
    assert run.status["waiting"]["reason"] == "ImageUnavailable"
    return run


def image_of(job: Manifest) -> str:
    image: str = job["spec"]["template"]["spec"]["containers"][0]["image"]
    return image


def test_an_attempt_that_never_ran_begins_anew_with_a_corrected_spec() -> None:
    run = stuck(image="example/trian:1")
    before = run.job
    run.cluster.pods.clear()
    run.at(6).edit(image="example/train:1")
    assert run.job["metadata"]["name"] == before["metadata"]["name"]
    assert (image_of(before), image_of(run.job)) == ("example/trian:1", "example/train:1")
    assert "waiting" not in run.status
    run.at(8).job_runs()
    assert [(entry["index"], entry["generation"]) for entry in run.status["attempts"]] == [(0, 2)]


def test_an_attempt_that_runs_is_not_touched_by_a_changed_spec() -> None:
    run = begin(image="example/train:1")
    run.at(2).job_runs()
    run.at(6).edit(image="example/train:2")
    assert image_of(run.job) == "example/train:1"


def test_an_attempt_that_waits_for_room_begins_anew_with_a_corrected_spec_before_the_wait_is_reported() -> None:
    run = begin(image="example/train:1")
    run.cluster.store(job_started(run.job, at=NOW))
    run.cluster.pods[run.job["metadata"]["name"]] = [pod_of(run.job, conditions=[unscheduled(ROOM)])]
    run.at(5).edit(image="example/train:2")
    assert image_of(run.job) == "example/train:2"
