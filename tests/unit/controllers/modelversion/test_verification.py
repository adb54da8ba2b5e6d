# SPDX-License-Identifier: Apache-2.0
"""An artifact is checked once against its digest; what that means is decided here."""

import pytest

from mlops_operator.api.conditions import timestamp
from mlops_operator.controllers.modelversion.policies import verification as policy
from mlops_operator.controllers.modelversion.policies.verification import Finding
from mlops_operator.controllers.shared.pending import GRACE
from mlops_operator.controllers.shared.task import TaskPhase, TaskState
from mlops_operator.kube.resources import JOBS, MODEL_DEPLOYMENTS
from tests.unit.controllers.builders import condition, job_ended, job_started, later, make, pod_of
from tests.unit.controllers.modelversion.driver import DIGEST, NAME, OTHER, UID, URI, begin
from tests.unit.controllers.nodes import unscheduled
from tests.unit.controllers.views import views


@pytest.mark.parametrize(("failures", "seconds"), [(1, 10), (2, 20), (5, 160), (6, 300), (900, 300)])
def test_the_delay_doubles_up_to_five_minutes(failures: int, seconds: float) -> None:
    assert policy.delay(failures) == seconds


@pytest.mark.parametrize(
    ("reason", "finding"),
    [
        ("ArtifactCorrupt", Finding.CORRUPT),
        ("ArtifactNotFound", Finding.FAILED),
        ("ArtifactUnreachable", Finding.FAILED),
        ("DeadlineExceeded", Finding.FAILED),
        ("ConfigurationInvalid", Finding.UNUSABLE),
    ],
)
def test_only_what_cannot_mend_is_final(reason: str, finding: Finding) -> None:
    assert policy.judge(TaskState(TaskPhase.FAILED, reason, "m"), digest=DIGEST).finding is finding


@pytest.mark.parametrize("phase", [TaskPhase.ABSENT, TaskPhase.PENDING, TaskPhase.RUNNING])
def test_nothing_is_decided_while_the_task_is_at_work(phase: TaskPhase) -> None:
    assert policy.judge(TaskState(phase), digest=DIGEST).finding is Finding.UNDECIDED


@pytest.mark.parametrize(("message", "told"), [("m", "DeadlineExceeded: m"), ("", "DeadlineExceeded")])
def test_a_failure_is_told_by_its_reason_and_the_message_if_there_is_one(message: str, told: str) -> None:
    task = TaskState(TaskPhase.FAILED, "DeadlineExceeded", message)
    assert policy.judge(task, digest=DIGEST).message == told


def test_a_version_is_ready_once_its_artifact_is_verified() -> None:
    version = begin()
    version.at(3).verified()
    assert condition(version.obj, "Ready") | {"message": ""} == {
        "type": "Ready",
        "status": "True",
        "reason": "Verified",
        "observedGeneration": 1,
        "message": "",
        "lastTransitionTime": timestamp(later(3)),
    }
    assert version.status["phase"] == "Ready"
    assert version.status["verifiedAt"] == timestamp(later(3))


def test_a_quick_verification_costs_its_job_and_one_status() -> None:
    version = begin()
    version.at(3).verified()
    assert [write.split()[0] for write in version.cluster.writes] == ["create", "status"]
    assert len(version.cluster.reads) == 1


@pytest.mark.parametrize(("seconds", "reported"), [(GRACE - 1, False), (GRACE, True), (GRACE + 1, True)])
def test_a_verification_that_takes_longer_than_the_grace_period_is_reported(seconds: float, reported: bool) -> None:
    version = begin()
    job = version.job
    version.at(seconds).settle()
    assert (condition(version.obj, "Ready").get("reason") == "Verifying") is reported
    assert version.job["metadata"]["name"] == job["metadata"]["name"]


def test_the_job_checks_and_copies_nothing() -> None:
    job = begin().job
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert container["command"] == ["python3", "-m", "mlops_workload.fetch"]
    assert container["args"] == ["--uri", URI, "--digest", DIGEST, "--verify-only"]
    assert container["image"] == "example/workload:1"
    assert views(job) == {"main": {"/tmp": "tmp (rw)", "/mnt/pvc/store": "pvc-store (ro)"}}
    assert job["spec"]["backoffLimit"] == 0


def test_a_verified_version_is_not_checked_again() -> None:
    version = begin()
    version.at(3).verified()
    version.cluster.world.remove(version.job)
    assert version.at(100_000).settle().actions == ()


def test_a_corrupt_artifact_is_final() -> None:
    version = begin()
    version.at(3).fails("ArtifactCorrupt", f"expected {DIGEST}, found {OTHER}", exit_code=4)
    assert version.status["phase"] == "Failed"
    assert condition(version.obj, "Stalled")["reason"] == "ArtifactCorrupt"
    assert OTHER in condition(version.obj, "Ready")["message"]
    version.cluster.world.remove(version.job)
    assert version.at(100_000).settle().actions == ()
    assert condition(version.obj, "Stalled")["reason"] == "ArtifactCorrupt"


def test_a_missing_artifact_is_looked_for_again_and_mends_itself() -> None:
    version = begin()
    plan = version.at(3).fails("ArtifactNotFound", "nothing there", exit_code=3)
    assert condition(version.obj, "Ready")["reason"] == "ArtifactNotFound"
    assert condition(version.obj, "Reconciling")["status"] == "True"
    assert version.status["attempts"] == 1
    assert plan.requeue_after == 10
    version.at(13).settle()
    (job,) = version.cluster.world.all(JOBS)
    assert job["metadata"]["name"].startswith(f"{NAME}-verify-1-")
    version.at(15).verified()
    assert version.status["phase"] == "Ready"
    assert "waiting" not in version.status


def test_each_failure_doubles_the_wait() -> None:
    version = begin()
    version.at(3).fails("ArtifactNotFound")
    version.at(13).settle()
    assert version.at(15).fails("ArtifactNotFound").requeue_after == 20
    assert version.status["attempts"] == 2


def test_the_next_check_waits_for_the_whole_delay() -> None:
    version = begin()
    version.at(3).fails("ArtifactNotFound")
    assert version.at(12.5).settle().requeue_after == 0.5
    assert version.job["metadata"]["name"].startswith(f"{NAME}-verify-0-")


@pytest.mark.parametrize(("seen", "wait"), [(3, 10), (7, 6), (13, 0), (60, 0)])
def test_the_delay_counts_from_the_end_of_the_job_and_not_from_when_it_is_seen(seen: float, wait: float) -> None:
    version = begin()
    version.at(3).leaves("ArtifactNotFound")
    plan = version.at(seen).cluster.step(version.controller, NAME)
    assert plan.requeue_after == wait
    assert version.status["failedAt"] == timestamp(later(3))


def test_an_artifact_was_verified_when_the_job_ended_and_not_when_that_is_seen() -> None:
    version = begin()
    version.at(3).reports()
    version.at(60).settle()
    assert version.status["verifiedAt"] == timestamp(later(3))


def test_what_was_said_of_a_failed_check_is_kept_while_the_next_one_is_awaited() -> None:
    version = begin()
    version.at(3).fails("ArtifactNotFound", "nothing there", exit_code=3)
    said = condition(version.obj, "Ready")
    version.put(make(MODEL_DEPLOYMENTS, "web", spec={}, status={"candidate": {"version": NAME, "versionUid": UID}}))
    assert version.status["deployedIn"] == [{"name": "web", "role": "Candidate"}]
    assert condition(version.obj, "Ready") == said


def test_what_was_said_of_a_failed_check_stays_while_the_next_one_runs() -> None:
    version = begin()
    version.at(3).fails("ArtifactNotFound", "nothing there", exit_code=3)
    said, waiting = condition(version.obj, "Ready"), version.status["waiting"]
    version.at(13).settle()
    before = len(version.cluster.writes)
    version.cluster.store(job_started(version.job, at=later(13), ready=1))
    version.at(40).settle()
    assert (condition(version.obj, "Ready"), version.status["waiting"]) == (said, waiting)
    assert version.cluster.writes[before:] == []
    version.verified()
    assert version.status["phase"] == "Ready"


@pytest.mark.parametrize(("ready", "wait"), [(0, GRACE - 2 + 0.1), (1, GRACE - 2)])
def test_a_check_that_just_began_is_looked_at_again_at_the_end_of_the_grace_period(ready: int, wait: float) -> None:
    version = begin()
    version.cluster.store(job_started(version.job, at=later(0), ready=ready))
    assert version.at(2).settle().requeue_after == pytest.approx(wait)


def test_a_digest_that_the_result_does_not_confirm_is_not_believed() -> None:
    version = begin()
    version.at(3).verified(OTHER)
    assert condition(version.obj, "Ready")["reason"] == "VerificationFailed"


def test_a_check_whose_result_is_lost_is_made_again_at_once_and_is_no_failure() -> None:
    version = begin()
    job = version.job
    version.at(3).cluster.store(job_ended(job, at=later(3)))
    version.settle()
    assert version.job["metadata"]["uid"] == job["metadata"]["uid"]  # the read may have been too early
    version.at(9).settle()
    (again,) = version.cluster.world.all(JOBS)
    assert again["metadata"]["uid"] != job["metadata"]["uid"]
    found = condition(version.obj, "Ready")
    assert (found["status"], found["reason"]) == ("False", "Retrying")
    assert found["message"].endswith("lost with its pod, so it runs again (1 of at most 3 times)")
    version.at(20).settle()
    assert condition(version.obj, "Ready") == found
    version.verified()
    assert version.status["phase"] == "Ready"
    assert "attempts" not in version.status


def test_a_check_whose_result_is_lost_four_times_waits_as_any_that_failed() -> None:
    version = begin()
    for lost in range(4):
        version.at(10 * lost + 3).cluster.store(job_ended(version.job, at=later(10 * lost + 3)))
        version.at(10 * lost + 9).settle()
    assert condition(version.obj, "Ready")["reason"] == "VerificationFailed"
    assert "the task has run 4 times" in condition(version.obj, "Ready")["message"]
    assert (
        "; logs: kubectl logs -n team-a -l mlops-operator.io/modelversion="
        in condition(version.obj, "Ready")["message"]
    )
    assert version.status["attempts"] == 1


def test_a_missing_claim_is_named() -> None:
    version = begin()
    job = version.job
    version.cluster.store(job_started(job, at=later(0)))
    version.cluster.pods[job["metadata"]["name"]] = [
        pod_of(job, conditions=[unscheduled('persistentvolumeclaim "store" not found')])
    ]
    plan = version.at(5).settle()
    assert version.status["waiting"]["reason"] == "VolumeNotFound"
    assert plan.requeue_after is not None
    version.at(60).verified()
    assert "waiting" not in version.status


def test_a_long_verification_is_told_once() -> None:
    version = begin()
    version.cluster.store(job_started(version.job, at=later(0), ready=1))
    version.at(2).settle()
    assert version.status == {"observedGeneration": -1}
    version.at(5).settle()
    assert version.status["phase"] == "Verifying"
    version.at(50).settle()
    assert [write.split()[0] for write in version.cluster.writes] == ["create", "status"]


def test_a_job_deleted_by_hand_is_made_again() -> None:
    version = begin()
    version.cluster.world.remove(version.job)
    version.settle()
    assert version.job["metadata"]["name"].startswith(f"{NAME}-verify-0-")


def test_a_refusal_by_quota_is_tried_again() -> None:
    version = begin()
    version.cluster.world.remove(version.job)
    version.cluster.refuse["Job"] = (403, "Forbidden", "exceeded quota")
    plan = version.settle()
    assert version.status["waiting"]["reason"] == "Forbidden"
    assert plan.requeue_after == 60
    version.cluster.refuse.clear()
    version.settle()
    version.at(3).verified()
    assert version.status["phase"] == "Ready"


def test_a_job_that_the_api_refuses_is_final() -> None:
    version = begin()
    version.cluster.world.remove(version.job)
    version.cluster.refuse["Job"] = (422, "Invalid", "spec.template...: Invalid value")
    version.settle()
    assert condition(version.obj, "Stalled")["reason"] == "InvalidPodTemplate"
    version.cluster.refuse.clear()
    assert version.at(1000).settle().actions == ()


def test_events_tell_the_outcome() -> None:
    version = begin()
    version.at(3).fails("ArtifactNotFound")
    version.at(13).settle()
    version.at(15).verified()
    assert [(event.type.value, event.reason) for event in version.cluster.events] == [
        ("Warning", "ArtifactNotFound"),
        ("Normal", "Verified"),
    ]
