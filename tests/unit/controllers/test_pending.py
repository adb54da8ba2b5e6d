# SPDX-License-Identifier: Apache-2.0
"""Why a pod does not run: permanent causes come from pods and events, passing ones are kept back for a minute."""

from datetime import datetime, timedelta

import pytest

from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.shared import pending
from mlops_operator.controllers.shared.pending import GRACE, INTERVAL, PATIENCE, PodProblem
from mlops_operator.framework.waiting import wait_for
from mlops_operator.kube.resources import JOBS
from mlops_operator.runtime.work.plan import EventsAbout, Nodes
from mlops_operator.runtime.work.reads import EVENTS_AGE
from tests.unit.controllers.builders import NAMESPACE, NOW, job_started, make, pod_of
from tests.unit.controllers.nodes import unscheduled

JOB = job_started(make(JOBS, "job", spec={}), at=NOW)
CREATING = pod_of(JOB, main={"waiting": {"reason": "ContainerCreating"}})
MOUNTS = EventsAbout(namespace=NAMESPACE, kind="Pod", reason="FailedMount")
REFUSALS = EventsAbout(namespace=NAMESPACE, kind="Job", reason="FailedCreate")


def event(about: Manifest, note: str, *, at: str = "2026-01-01T12:00:00Z") -> Manifest:
    return {"regarding": {"uid": about["metadata"]["uid"]}, "note": note, "deprecatedLastTimestamp": at}


@pytest.mark.parametrize(
    ("note", "reason"),
    [
        ('MountVolume.SetUp failed for volume "c" : secret "s" not found', "ConfigUnavailable"),
        ('MountVolume.SetUp failed for volume "c" : configmap "m" not found', "ConfigUnavailable"),
        ('persistentvolumeclaim "p" not found', "VolumeNotFound"),
    ],
)
def test_a_missing_object_that_a_volume_names_is_permanent(note: str, reason: str) -> None:
    assert pending.job_problem(JOB, [CREATING], {MOUNTS: [event(CREATING, note)]}) == PodProblem(reason, note)


@pytest.mark.parametrize(
    "words",
    [
        "container has runAsNonRoot and image will run as root",
        "container has runAsNonRoot and image has non-numeric user (app), cannot verify user is non-root",
        "container's runAsUser breaks non-root policy",
    ],
)
def test_a_container_that_may_not_run_as_root_is_named_with_what_to_do(words: str) -> None:
    said = f'{words} (pod: "train-0-x7k2p_ns(0a-1b)", container: main)'
    pod = pod_of(JOB, main={"waiting": {"reason": "CreateContainerConfigError", "message": said}})
    found = pending.job_problem(JOB, [pod], {})
    assert found is not None
    assert (found.reason, found.permanent) == ("RunsAsRoot", True)
    assert found.message.startswith(f"container main: {words}: set runAsUser of the pod's securityContext to an ID")
    assert "x7k2p" not in found.message


@pytest.mark.parametrize("reason", ["ErrImagePull", "ImagePullBackOff"])
@pytest.mark.parametrize(
    "words",
    [
        "failed to authorize: failed to fetch anonymous token: unexpected status from GET request: 401 Unauthorized",
        "pull access denied, repository does not exist or may require authorization: server message: denied",
        "unexpected status from HEAD request to https://registry.example.test/v2/a/manifests/1: 403 Forbidden",
        "no basic auth credentials",
    ],
)
def test_a_registry_that_asks_for_credentials_is_told_with_what_to_do(reason: str, words: str) -> None:
    """Row 5 of the mistakes."""
    said = f'failed to pull and unpack image "registry.example.test/a:1": {words}'
    found = pending.job_problem(JOB, [pod_of(JOB, main={"waiting": {"reason": reason, "message": said}})], {})
    assert found is not None
    assert (found.reason, found.permanent) == ("ImageUnavailable", True)
    assert found.message.startswith(f"{said}; if the image's name is right, its registry asks for credentials: name a")
    assert "in imagePullSecrets of the pod" in found.message


def test_an_image_that_is_not_there_is_told_in_the_kubelets_words_alone() -> None:
    said = 'failed to resolve reference "registry.example.test/a:1": registry.example.test/a:1: not found'
    pod = pod_of(JOB, main={"waiting": {"reason": "ErrImagePull", "message": said}})
    assert pending.job_problem(JOB, [pod], {}) == PodProblem("ImageUnavailable", said)


def test_another_error_of_a_containers_configuration_is_none_of_its_user() -> None:
    missing = 'secret "runAs" not found'
    pod = pod_of(JOB, main={"waiting": {"reason": "CreateContainerConfigError", "message": missing}})
    assert pending.job_problem(JOB, [pod], {}) == PodProblem("ConfigUnavailable", missing)


def test_a_volume_that_is_slow_is_a_passing_cause() -> None:
    found = pending.job_problem(JOB, [CREATING], {MOUNTS: [event(CREATING, "timed out waiting for the condition")]})
    assert found is not None
    assert (found.reason, found.permanent) == ("PodPending", False)
    assert found.message == "timed out waiting for the condition"


def test_events_about_other_objects_do_not_count() -> None:
    other = make(JOBS, "other")
    found = pending.job_problem(JOB, [CREATING], {MOUNTS: [event(other, 'secret "s" not found')]})
    assert found is not None
    assert not found.permanent
    assert found.message.startswith("the pod has a node, its containers are not created yet")


@pytest.mark.parametrize(
    "note",
    [
        'Error creating: pods "job-x2k9v" is forbidden: violates PodSecurity "restricted:latest"',
        'Error creating: pods "job-" is forbidden: error looking up service account a/b: serviceaccount "b" not found',
        'Error creating: admission webhook "policy.example" denied the request: no',
    ],
)
def test_the_cause_of_refused_pods_is_that_of_the_jobs_event(note: str) -> None:
    found = pending.job_problem(JOB, [], {REFUSALS: [event(JOB, note)]})
    assert found is not None
    assert (found.reason, found.permanent) == ("Forbidden", True)
    assert "x2k9v" not in found.message
    assert found.message.split(" is forbidden")[-1] in note


def test_the_latest_event_counts() -> None:
    events = [
        event(JOB, "new", at="2026-01-01T12:00:09Z"),
        event(JOB, "old", at="2026-01-01T12:00:00Z"),
    ]
    found = pending.job_problem(JOB, [], {REFUSALS: events})
    assert found is not None
    assert found.message == "new"


def test_a_job_that_its_controller_has_not_begun_has_no_problem() -> None:
    assert pending.job_problem(make(JOBS, "job", spec={}), [], {}) is None


@pytest.mark.parametrize(
    "reason", ["ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName", "ImageInspectError"]
)
def test_an_image_error_is_permanent(reason: str) -> None:
    pod = pod_of(JOB, main={"waiting": {"reason": reason}})
    assert pending.pod_problem([pod], {}) == PodProblem("ImageUnavailable", f"container main: {reason}")


def test_a_permanent_cause_of_any_pod_comes_before_a_passing_one() -> None:
    bad = pod_of(JOB, main={"waiting": {"reason": "InvalidImageName", "message": "no"}})
    assert pending.pod_problem([CREATING, bad], {}) == PodProblem("ImageUnavailable", "no")


def test_a_pod_that_runs_has_no_problem() -> None:
    assert pending.pod_problem([pod_of(JOB, phase="Running", main={"running": {}})], {}) is None


def test_only_what_explains_is_asked() -> None:
    room = pod_of(JOB, conditions=[unscheduled("0/1 nodes are available: 1 Insufficient cpu.")])
    selector = pod_of(JOB, conditions=[unscheduled("0/1 nodes are available: 1 node(s) didn't match x.")])
    running = pod_of(JOB, phase="Running", main={"running": {}})
    assert list(pending.of_job(JOB, [])) == [REFUSALS]
    assert list(pending.of_job(make(JOBS, "job", spec={}), [])) == []
    assert list(pending.of_job(JOB, [room])) == [Nodes()]
    assert list(pending.of_job(JOB, [selector])) == []
    assert list(pending.of_job(JOB, [CREATING])) == [MOUNTS]
    assert list(pending.of_job(JOB, [running])) == []


def test_what_explains_one_of_several_pods_is_asked() -> None:
    room = pod_of(JOB, conditions=[unscheduled("0/1 nodes are available: 1 Insufficient cpu.")])
    running = pod_of(JOB, phase="Running", main={"running": {}})
    assert list(pending.of_job(JOB, [running, room])) == [Nodes()]
    assert list(pending.of_job(JOB, [running, CREATING])) == [MOUNTS]


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ('persistentvolumeclaim "data" not found', "VolumeNotFound"),
        ('persistentvolumeclaim "data" is being deleted', "PodPending"),
        ('storageclass "fast" not found', "PodPending"),
    ],
)
def test_of_what_the_scheduler_misses_only_a_claim_is_a_missing_volume(message: str, reason: str) -> None:
    found = pending.pod_problem([pod_of(JOB, conditions=[unscheduled(message)])], {})
    assert found is not None
    assert found.reason == reason


@pytest.mark.parametrize(("kind", "status"), [("PodScheduled", "True"), ("Ready", "False")])
def test_a_pod_waits_for_a_node_only_where_the_scheduler_says_so(kind: str, status: str) -> None:
    said = {"type": kind, "status": status, "message": "words"}
    pod = pod_of(JOB, main={"waiting": {"reason": "ContainerCreating"}}, conditions=[said])
    assert pending.pod_problem([pod], {}) == pending.pod_problem([CREATING], {})


def states(*found: Manifest, phase: str = "Pending") -> Manifest:
    """A pod with containers in these states."""
    return pod_of(JOB, phase=phase, status={"containerStatuses": [{"name": "c", "state": state} for state in found]})


INITIALIZING = {"waiting": {"reason": "PodInitializing"}}
CREATED = {"waiting": {"reason": "ContainerCreating"}}


@pytest.mark.parametrize(
    ("pod", "waits"),
    [
        (pod_of(JOB, conditions=[unscheduled("no room")]), True),
        (states(CREATED), True),
        (states(CREATED, INITIALIZING), True),
        (states({"running": {}}, INITIALIZING), False),
        (states({"waiting": {"reason": "ErrImagePull"}}), False),
        (states(), False),
        (states(CREATED, phase="Failed"), False),
    ],
    ids=["no node", "creating", "also initializing", "one runs", "an error", "not seen by a node", "evicted before"],
)
def test_a_pod_waits_without_a_node_or_without_a_container(pod: Manifest, waits: bool) -> None:
    assert pending.waits(pod) is waits


def at_turn(seconds: float = 0.0) -> datetime:
    """A moment that is so many seconds after the pods of the namespace were to be read."""
    return NOW + timedelta(seconds=pending.interval(GRACE, namespace=NAMESPACE, now=NOW) + seconds)


@pytest.mark.parametrize(
    ("waited", "after_turn", "seconds"),
    [
        (0.0, 0, GRACE + 0.1),
        (GRACE - 0.5, 0, 0.6),
        (GRACE, 0, INTERVAL),
        (GRACE, 5, INTERVAL - 5),
        (PATIENCE - INTERVAL, 0, INTERVAL),
        (PATIENCE - 1.0, 0, 1.1),
        (PATIENCE - 3.0, 6, 2.0),
        (PATIENCE, 0, INTERVAL),
        (299.0, 7, 1.0),
        (1200.0, 0, INTERVAL),
        (1e6, 3, INTERVAL - 3),
    ],
)
def test_the_time_until_the_next_read(waited: float, after_turn: float, seconds: float) -> None:
    found = pending.interval(waited, namespace=NAMESPACE, now=at_turn(after_turn))
    assert found == pytest.approx(seconds)


@pytest.mark.parametrize("waited", [GRACE, PATIENCE - 0.1, PATIENCE, 299.0, 301.0, 3600.0, 1e6])
@pytest.mark.parametrize("second", range(9))
def test_however_long_a_pod_has_waited_it_is_read_in_time(waited: float, second: int) -> None:
    assert 0 < pending.interval(waited, namespace=NAMESPACE, now=NOW + timedelta(seconds=second)) <= INTERVAL


def test_namespaces_have_different_turns() -> None:
    looks = {pending.interval(GRACE, namespace=f"team-{number}", now=NOW) for number in range(100)}
    assert len(looks) == INTERVAL


def test_a_permanent_cause_is_read_within_ten_seconds() -> None:
    assert INTERVAL + EVENTS_AGE <= 10


@pytest.mark.parametrize(("waited", "told"), [(PATIENCE - 0.1, False), (PATIENCE, True), (PATIENCE + 0.1, True)])
def test_a_passing_cause_is_reported_from_a_minute_on(waited: float, told: bool) -> None:
    passing = PodProblem("PodPending", "x", permanent=False)
    assert (pending.reported(passing, waited) == passing) == told
    lasting = PodProblem("Unschedulable", "x")
    assert pending.reported(lasting, 0.0) == lasting
    assert pending.reported(None, waited) is None


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [
        ("exceeded quota: small, used: cpu=3", "exceeded quota: small, used: cpu=4", True),
        ("exceeded quota: small, used: cpu=3", "exceeded quota: large, used: cpu=3", False),
    ],
)
def test_numbers_that_are_counted_on_cost_no_writes(first: str, second: str, kept: bool) -> None:
    before = wait_for(None, NOW, "Forbidden", first)
    after = wait_for(before, NOW, "Forbidden", second)
    assert (after == before) == kept
    assert wait_for(before, NOW, "VolumeNotFound", second).message == second


def test_an_invalid_pod_is_reported_without_its_random_name() -> None:
    note = 'Error creating: Pod "job-x2k9v" is invalid: spec.containers[0].image: Invalid value: " a"'
    found = pending.job_problem(JOB, [], {REFUSALS: [event(JOB, note)]})
    assert found is not None
    assert found.message == 'Error creating: Pod is invalid: spec.containers[0].image: Invalid value: " a"'
