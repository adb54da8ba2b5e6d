# SPDX-License-Identifier: Apache-2.0
"""Trainings of several ranks on real pods: all ranks start together, or the status says why not."""

import json

import pytest

from localcluster.kubectl import Kubectl, Manifest
from tests.e2e.support import condition, of, promptly, training, wait_true

pytestmark = pytest.mark.timeout(600)

ENDS_AT_ONCE = 'report(counts={"ranks": int(ENV["MLOPS_REPLICAS"])}) if ENV["MLOPS_REPLICA_INDEX"] == "0" else None\n'
"""No rank waits for another one: what keeps them together is the operator's."""

ONE_POD: Manifest = {
    "apiVersion": "v1",
    "kind": "ResourceQuota",
    "metadata": {"name": "room"},
    "spec": {"hard": {"pods": "1"}},
}


@pytest.mark.parametrize("gangs", [6, pytest.param(20, marks=pytest.mark.deep)])
def test_gangs_that_start_at_once_succeed_at_once_though_rank_0_ends_first(space: Kubectl, gangs: int) -> None:
    for number in range(gangs):
        space.apply(training(f"gang-{number}", ENDS_AT_ONCE, replicas=2 + number % 2))
    for number in range(gangs):
        done = wait_true(space, "trainingjob", f"gang-{number}", "Complete", timeout=30 + 10 * gangs)
        assert outcomes(done) == [(0, "Succeeded")]
        assert done["status"]["counts"] == {"ranks": 2 + number % 2}
        assert_together(space, done)


def test_a_port_to_meet_at_that_is_none_is_told_in_the_status(space: Kubectl) -> None:
    port = {"name": "MLOPS_RENDEZVOUS_PORT", "value": "80"}
    space.apply(training("nowhere", ENDS_AT_ONCE, replicas=2, env=[port]))
    failed = wait_true(space, "trainingjob", "nowhere", "Failed")
    assert condition(failed, "Failed")["reason"] == "ConfigurationInvalid"
    assert "MLOPS_RENDEZVOUS_PORT: expected a port from 1024" in condition(failed, "Failed")["message"]


def test_a_rank_for_which_there_is_room_later_is_waited_for(space: Kubectl) -> None:
    space.apply(ONE_POD)
    # It counts from the moment at which its controller has seen it.
    space.wait("resourcequota", "room", lambda obj: "used" in (obj.get("status") or {}), what="to count")
    space.apply(training("late", ENDS_AT_ONCE, replicas=2))
    first = space.wait("pod", None, waits, what="to wait for the other one")
    name = first["metadata"]["name"]
    promptly(lambda: space.logs(name, "--container=wait-for-coordinator"), lambda log: "replica 0 is found as" in log)
    assert [pod["metadata"]["name"] for pod in space.list("pod", "batch.kubernetes.io/job-name")] == [name]
    space.run("patch", "resourcequota", "room", f"--patch={json.dumps({'spec': {'hard': {'pods': '2'}}})}")
    done = wait_true(space, "trainingjob", "late", "Complete", timeout=120)
    assert outcomes(done) == [(0, "Succeeded")]
    assert_together(space, done)


def assert_together(space: Kubectl, done: Manifest) -> None:
    """No program of a gang began before all of its pods were there."""
    pods = space.list("pod", of(done))
    assert len(pods) == done["spec"]["replicas"]
    assert min(began(pod, "main") for pod in pods) >= max(began(pod, "wait-for-coordinator") for pod in pods)


def waits(pod: Manifest) -> bool:
    """Whether the pod's rank waits for the others."""
    inits = (pod.get("status") or {}).get("initContainerStatuses") or ()
    return any("running" in (entry.get("state") or {}) for entry in inits)


def began(pod: Manifest, container: str) -> str:
    """When a container that has ended was started."""
    status = pod["status"]
    (entry,) = [
        entry
        for entry in (*status["initContainerStatuses"], *status["containerStatuses"])
        if entry["name"] == container
    ]
    return str(entry["state"]["terminated"]["startedAt"])


def outcomes(obj: Manifest) -> list[tuple[int, str]]:
    return [(entry["index"], entry["outcome"]) for entry in obj["status"]["attempts"]]
