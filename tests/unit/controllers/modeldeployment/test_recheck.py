# SPDX-License-Identifier: Apache-2.0
"""Every server of a candidate answers once more before a step ends and before the stable version hands over."""

import json
from typing import Any

import pytest

from mlops_operator.api.meta import Manifest
from mlops_operator.kube.resources import DEPLOYMENTS, JOBS, MODELS, PODS
from tests.unit.controllers.builders import NO_NODE, job_ended, pod_of
from tests.unit.controllers.modeldeployment.scene import (
    NAME,
    NO_STEPS,
    READY,
    SLOW,
    STEPS,
    Scene,
    phase,
    serving,
)
from tests.unit.controllers.nodes import unscheduled


def asked(**fields: Any) -> Scene:
    """A scene in which the first step of digits-2 could end, and its servers are asked."""
    scene = serving(**{"spec": STEPS, **fields})
    scene.point("digits-2")
    scene.rest()
    scene.wait(30)
    scene.rest(answer=False)
    assert scene.status["candidate"].get("step", 0) == 0
    assert scene.status["candidate"]["recheckJob"] == running(scene)["metadata"]["name"]
    scene.timeline.clear()
    return scene


def running(scene: Scene) -> Manifest:
    """The only Job that has not ended."""
    (job,) = [entry for entry in scene.cluster.world.all(JOBS) if "conditions" not in (entry.get("status") or {})]
    return job


def configuration(job: Manifest) -> Manifest:
    """What the Job asks whom."""
    (container,) = job["spec"]["template"]["spec"]["containers"]
    found: Manifest = json.loads(next(entry["value"] for entry in container["env"] if entry["name"] == "MLOPS_GOLDEN"))
    return found


# -- who is asked --------------------------------------------------------------------------------


def test_each_server_of_the_step_is_asked_its_golden_requests_at_its_own_address() -> None:
    scene = serving(spec=STEPS)
    scene.point("digits-2")
    scene.roll(seconds=89)
    scene.wait(1)
    scene.rest(answer=False)
    document = configuration(running(scene))
    pods = [entry for entry in scene.cluster.world.all(PODS) if _is_of(entry, scene.status["candidate"]["revision"])]
    assert len(pods) == 4
    assert sorted(document["endpoints"]) == sorted(f"http://{pod['status']['podIP']}:8080" for pod in pods)
    assert "url" not in document
    assert document["requests"]["digest"]
    assert document["modelVersion"] == "digits-2"


def _is_of(pod: Manifest, revision: str) -> bool:
    return bool(pod["metadata"]["labels"]["mlops-operator.io/revision"] == revision)


def test_a_version_without_golden_requests_is_asked_for_readiness() -> None:
    scene = asked(golden=False)
    job = running(scene)
    assert "requests" not in configuration(job)
    assert "initContainers" not in job["spec"]["template"]["spec"]
    scene.rest()
    assert scene.status["candidate"]["step"] == 1


def test_nobody_is_asked_before_the_address_of_each_server_is_known() -> None:
    scene = serving(spec=STEPS)
    scene.point("digits-2")
    scene.rest()
    scene.wait(30)
    for pod in scene.cluster.world.all(PODS):
        scene.cluster.store({**pod, "status": {**pod["status"], "podIP": ""}})
    scene.step()
    scene.step()
    assert all("conditions" in (job.get("status") or {}) for job in scene.cluster.world.all(JOBS))
    scene.rest()
    assert scene.status["candidate"]["step"] == 1


def test_an_address_of_ipv6_is_put_in_brackets() -> None:
    scene = serving(spec=STEPS)
    scene.point("digits-2")
    scene.rest()
    scene.wait(30)
    for pod in scene.cluster.world.all(PODS):
        scene.cluster.store({**pod, "status": {**pod["status"], "podIP": "fd00::7"}})
    scene.step()
    assert configuration(running(scene))["endpoints"] == ["http://[fd00::7]:8080"]


def test_a_first_version_is_asked_once() -> None:
    scene = serving(spec=STEPS)
    assert len(scene.cluster.world.all(JOBS)) == 1


# -- when ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("spec", "checks"), [(STEPS, 3), (NO_STEPS, 2), ({"replicas": 1}, 2)])
def test_each_step_and_a_hand_over_to_other_pods_take_one_check(spec: Manifest, checks: int) -> None:
    scene = serving(spec=spec)
    scene.point("digits-2")
    scene.roll()
    assert scene.status["stable"]["version"] == "digits-2"
    assert len(scene.cluster.world.all(JOBS)) == 1 + checks  # one for the first version


def test_a_hand_over_to_more_pods_than_the_last_step_had_asks_all_of_them() -> None:
    scene = serving(spec={"replicas": 4, "rollout": {"steps": [{"weight": 20, "pause": "30s"}]}})
    scene.point("digits-2")
    scene.rest()
    scene.wait(30)
    scene.rest(answer=False)
    scene.answer()
    scene.rest(answer=False)
    assert phase(scene) == "Promoting"
    assert scene.versions() == {"digits-1": 4, "digits-2": 4}
    assert len(configuration(running(scene))["endpoints"]) == 4
    scene.rest()
    assert scene.versions() == {"digits-2": 4}


def test_readiness_that_is_lost_and_comes_back_takes_another_check() -> None:
    scene = asked()
    first = running(scene)["metadata"]["name"]
    scene.wait(1)
    scene.behaviour["digits-2"] = SLOW
    scene.rest(answer=False)
    assert "recheckJob" not in scene.status["candidate"]
    assert first not in {job["metadata"]["name"] for job in scene.cluster.world.all(JOBS)}
    scene.behaviour["digits-2"] = READY
    scene.wait(1)
    scene.rest(answer=False)
    scene.wait(30)
    scene.rest(answer=False)
    assert running(scene)["metadata"]["name"] != first


def test_readiness_that_is_lost_before_the_hand_over_takes_another_check() -> None:
    scene = serving(spec=NO_STEPS, golden=False)
    scene.point("digits-2")
    scene.rest(answer=False)
    assert phase(scene) == "Promoting"
    first = running(scene)["metadata"]["name"]
    scene.wait(1)
    scene.behaviour["digits-2"] = SLOW
    scene.rest(answer=False)
    assert "recheckJob" not in scene.status["candidate"]
    scene.behaviour["digits-2"] = READY
    scene.rest(answer=False)
    assert running(scene)["metadata"]["name"] != first
    scene.rest()
    assert scene.versions() == {"digits-2": 2}


# -- what comes of it ----------------------------------------------------------------------------


@pytest.mark.parametrize("spec", [STEPS, NO_STEPS, {}], ids=["steps", "no steps", "default"])
def test_servers_that_count_as_ready_and_do_not_answer_take_nothing_over(spec: Manifest) -> None:
    scene = serving(spec=spec)
    replicas = scene.behind_traffic()
    scene.point("digits-2")
    scene.rest(answer=False)
    scene.answer()  # its golden requests: well
    scene.unreachable = {"digits-2"}  # its node fails, and its pods count as ready still
    scene.roll(seconds=40)
    assert scene.status["stable"]["version"] == "digits-1"
    assert scene.served() == {"digits-1"}
    assert scene.pinned()
    assert scene.versions() == {"digits-1": replicas}
    stopped = scene.status["stopped"]
    assert stopped["reason"] == "CandidateUnavailable"
    assert "not all servers answered: EndpointUnavailable: no answer within 10 s; next attempt at" in stopped["message"]
    assert scene.condition("Reconciling") == ("True", "CandidateStopped")
    scene.unreachable = set()
    scene.roll()
    assert scene.versions() == {"digits-2": replicas}


@pytest.mark.parametrize(
    ("found", "reason", "again"),
    [
        ({"errors": 1}, "CandidateUnavailable", True),
        ({"endpoints": 0}, "CandidateUnavailable", True),
        ({"mismatches": 1}, "GoldenRequestsFailed", False),
        ({"slow": 1}, "GoldenRequestsFailed", False),
        ({"mismatches": 1, "errors": 1}, "GoldenRequestsFailed", False),
        ({"requests": 0}, "GoldenCheckFailed", False),
    ],
)
def test_what_is_found_decides_whether_it_is_tried_again(found: dict[str, int], reason: str, again: bool) -> None:
    scene = asked(rechecks={"digits-2": found})
    scene.rest()
    assert scene.status["stopped"]["reason"] == reason
    assert ("retryAt" in scene.status["stopped"]) == again
    assert scene.served() == {"digits-1"}
    assert min(scene.timeline) == 4


def test_a_version_without_golden_requests_that_not_all_servers_answer_for_is_stopped() -> None:
    scene = asked(golden=False, rechecks={"digits-2": {"endpoints": 0}})
    scene.rest()
    assert scene.status["stopped"]["reason"] == "CandidateUnavailable"
    assert "expected answers of 1 servers, found 0" in scene.status["stopped"]["message"]


def test_a_check_that_does_not_end_stops_the_candidate_at_its_deadline() -> None:
    scene = asked()
    job = running(scene)
    scene.cluster.pods[job["metadata"]["name"]] = [pod_of(job, conditions=[unscheduled(NO_NODE)])]
    scene.wait(599)
    scene.rest(answer=False)
    assert phase(scene) == "Stepping"
    assert scene.status["waiting"]["reason"] == "Unschedulable"
    assert scene.cluster.plan(scene.controller, NAME).requeue_after == 1
    scene.wait(1)
    scene.rest(answer=False)
    assert scene.status["stopped"]["reason"] == "ProgressDeadlineExceeded"
    assert scene.versions() == {"digits-1": 4}


def test_a_pause_longer_than_the_deadline_leaves_time_for_the_check() -> None:
    scene = serving(spec={"rollout": {"steps": [{"weight": 50, "pause": "1h"}], "progressDeadline": "10s"}})
    scene.point("digits-2")
    scene.rest()
    scene.wait(3600)
    scene.rest(answer=False)
    assert phase(scene) == "Stepping"
    scene.rest()
    assert scene.versions() == {"digits-2": 2}


def test_a_job_that_is_gone_is_made_again() -> None:
    scene = asked()
    scene.cluster.world.remove(running(scene))
    scene.rest()
    assert scene.status["candidate"]["step"] == 1


def test_a_job_whose_result_is_lost_runs_again() -> None:
    scene = asked()
    job = scene.cluster.store(job_ended(running(scene), at=scene.cluster.now))
    scene.wait(6)
    scene.rest(answer=False)
    again = running(scene)
    assert again["metadata"]["name"] == job["metadata"]["name"]
    assert again["metadata"]["uid"] != job["metadata"]["uid"]
    scene.rest()
    assert scene.status["candidate"]["step"] == 1


def test_nobody_is_asked_while_the_target_is_not_known() -> None:
    scene = asked()
    scene.cluster.world.remove(running(scene))
    scene.cluster.world.remove(scene.cluster.get(MODELS, "digits"))
    scene.rest(answer=False)
    assert phase(scene) == "Stepping"
    assert all("conditions" in (job.get("status") or {}) for job in scene.cluster.world.all(JOBS))


def test_another_target_ends_the_check() -> None:
    scene = asked()
    scene.point("digits-1")
    scene.rest(answer=False)
    assert all("conditions" in (job.get("status") or {}) for job in scene.cluster.world.all(JOBS))
    assert len(scene.cluster.world.all(DEPLOYMENTS)) == 1
