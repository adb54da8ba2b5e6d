# SPDX-License-Identifier: Apache-2.0
"""Which candidates are beyond hope, and what others wait for."""

import json

import pytest

from mlops_operator.api.common import Waiting
from mlops_operator.api.conditions import timestamp
from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.modeldeployment.policies import health
from mlops_operator.controllers.modeldeployment.policies.health import Trouble, failure, steady
from mlops_operator.controllers.modeldeployment.servers import Servers
from mlops_operator.kube.resources import DEPLOYMENTS, PODS
from tests.unit.controllers.builders import NOW, later, make, terminated
from tests.unit.controllers.nodes import unscheduled


def servers(*statuses: Manifest, conditions: tuple[Manifest, ...] = ()) -> Servers:
    pods = tuple(make(PODS, f"p{number}", status=status) for number, status in enumerate(statuses))
    return Servers(make(DEPLOYMENTS, "d", spec={"replicas": 1}, status={"conditions": list(conditions)}), pods)


def waiting(found: Servers, *, seconds: float = 0.0) -> Trouble | None:
    return health.waiting(found, reads={}, now=later(seconds))


def main(**fields: object) -> Manifest:
    return {"phase": "Running", "containerStatuses": [{"name": "main", "ready": False, "restartCount": 0, **fields}]}


def fetch(message: str, *, exit_code: int = 4, state: str = "state") -> Manifest:
    entry = {"name": "fetch", state: terminated(message, exit_code=exit_code)}
    return {"phase": "Pending", "initContainerStatuses": [entry]}


def test_running_servers_are_well() -> None:
    well = servers(main(state={"running": {}}), main(ready=True, state={"running": {}}))
    assert failure(well) is None
    assert waiting(well) is None


@pytest.mark.parametrize("state", ["state", "lastState"])
def test_a_model_that_does_not_load_is_beyond_hope(state: str) -> None:
    ended = terminated("ModelLoadFailed: invalid load key, 'x'", exit_code=1)
    found = failure(servers(main(**{state: ended})))
    assert found == Trouble("ModelLoadFailed", "invalid load key, 'x'")


def test_a_server_that_ends_once_is_waited_for() -> None:
    once = servers(main(restartCount=1, lastState=terminated("", exit_code=137, reason="OOMKilled"), state={}))
    assert failure(once) is None
    assert waiting(once) == Trouble("ServerCrashed", "the server ended by itself (OOMKilled, exit code 137)")


def test_a_server_that_ends_again_is_beyond_hope() -> None:
    twice = servers(main(restartCount=2, lastState=terminated("boom", exit_code=137, reason="OOMKilled"), state={}))
    assert failure(twice) == Trouble("ServerCrashed", "the server ended by itself (OOMKilled, exit code 137): boom")


def test_a_server_that_is_ready_again_after_two_restarts_is_beyond_hope() -> None:
    found = failure(servers(main(ready=True, restartCount=2, state={"running": {}}, lastState=terminated(exit_code=1))))
    assert found is not None
    assert found.reason == "ServerCrashed"


@pytest.mark.parametrize("state", ["state", "lastState"])
def test_a_corrupt_artifact_is_beyond_hope(state: str) -> None:
    words = json.dumps({"reason": "ArtifactCorrupt", "message": "not what its digest says"})
    assert failure(servers(fetch(words, state=state))) == Trouble("ArtifactCorrupt", "not what its digest says")


def test_a_missing_artifact_is_waited_for() -> None:
    words = json.dumps({"reason": "ArtifactNotFound", "message": "nothing there"})
    assert failure(servers(fetch(words))) is None
    assert waiting(servers(fetch(words))) == Trouble("ArtifactNotFound", "nothing there")


@pytest.mark.parametrize("words", ["", "no JSON", "[1]", '{"reason": "Other"}', '{"reason": "Other", "message": "x"}'])
def test_any_other_failure_to_fetch_is_waited_for(words: str) -> None:
    assert failure(servers(fetch(words))) is None
    found = waiting(servers(fetch(words)))
    assert found is not None
    assert found.reason == "FetchFailed"


def test_a_fetch_that_succeeded_after_a_failure_is_no_trouble() -> None:
    entry = {"name": "fetch", "state": terminated(), "lastState": terminated("x", exit_code=3)}
    assert waiting(servers({"phase": "Running", "initContainerStatuses": [entry]})) is None


def test_a_pod_that_no_node_can_run_is_reported_at_once() -> None:
    message = "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector."
    found = waiting(servers({"phase": "Pending", "conditions": [unscheduled(message)]}))
    assert found is not None
    assert found.reason == "Unschedulable"


@pytest.mark.parametrize(("seconds", "reason"), [(59, None), (60, "PodPending"), (61, "PodPending")])
def test_a_pod_that_waits_for_room_is_reported_after_a_minute(seconds: float, reason: str | None) -> None:
    full = servers({"phase": "Pending", "conditions": [unscheduled("0/1 nodes are available: 1 Insufficient cpu.")]})
    found = waiting(full, seconds=seconds)
    assert (found.reason if found else None) == reason
    assert health.next_look(full, later(seconds)) is not None


def test_the_pod_that_has_waited_longest_decides_when_a_wait_is_reported_and_the_next_look_when_it_is_read() -> None:
    full = {"phase": "Pending", "conditions": [unscheduled("0/1 nodes are available: 1 Insufficient cpu.")]}
    old, new = (make(PODS, name, status=full, created=later(age)) for name, age in (("old", 0), ("new", 59.5)))
    both = Servers(None, (new, old))
    found = waiting(both, seconds=60)
    assert found is not None
    assert found.reason == "PodPending"
    looks = [health.next_look(Servers(None, (pod,)), later(60)) for pod in (old, new)]
    assert looks[0] != looks[1]
    assert health.next_look(both, later(60)) == min(look for look in looks if look is not None)


@pytest.mark.parametrize(("kind", "status"), [("ReplicaFailure", "False"), ("Available", "True")])
def test_only_a_true_replica_failure_is_a_refusal(kind: str, status: str) -> None:
    said = {"type": kind, "status": status, "reason": "R", "message": "words"}
    assert waiting(servers(conditions=(said,))) is None


@pytest.mark.parametrize(("seconds", "asks"), [(3.9, False), (4, True), (4.1, True)])
def test_what_explains_a_pod_that_does_not_start_is_read_once_it_is_late(seconds: float, asks: bool) -> None:
    creating = {"name": "main", "state": {"waiting": {"reason": "ContainerCreating"}}}
    slow = servers({"phase": "Pending", "containerStatuses": [creating]})
    assert bool(health.questions(slow.pods, later(seconds))) == asks


def test_an_evicted_pod_says_nothing_of_its_successor() -> None:
    evicted = {**main(state=terminated("", exit_code=137)), "phase": "Failed", "reason": "Evicted"}
    assert waiting(servers(evicted, main(state={"running": {}}))) is None


def test_pods_that_a_quota_refuses_are_told_without_their_names() -> None:
    refused = {
        "type": "ReplicaFailure",
        "status": "True",
        "reason": "FailedCreate",
        "message": 'pods "digits-1-x2k9v" is forbidden: exceeded quota: small',
    }
    assert waiting(servers(conditions=(refused,))) == Trouble("Forbidden", "pods is forbidden: exceeded quota: small")


def test_an_image_is_told_of_in_the_same_words_while_the_kubelet_changes_its() -> None:
    former = Waiting(reason="ImageUnavailable", message="no such image", since=timestamp(NOW))
    backing_off = Trouble("ImageUnavailable", "Back-off pulling image")
    assert steady(backing_off, former=former) == Trouble("ImageUnavailable", "no such image")
    assert steady(backing_off, former=None) == backing_off
    assert steady(None, former=former) is None


def test_long_last_words_are_cut() -> None:
    found = failure(servers(main(restartCount=2, state={}, lastState=terminated("z" * 5000, exit_code=1))))
    assert found is not None
    assert found.message.count("z") == 400


def beside(*entries: Manifest, inits: tuple[Manifest, ...] = ()) -> Servers:
    """A pod whose server is well, with other containers."""
    server = {"name": "main", "ready": True, "restartCount": 0, "state": {"running": {}}}
    status = {"phase": "Running", "containerStatuses": [*entries, server], "initContainerStatuses": list(inits)}
    found = servers(status)
    found.pods[0]["spec"] = {"initContainers": [{"name": "proxy", "restartPolicy": "Always"}, {"name": "prepare"}]}
    return found


def test_a_side_container_that_ends_again_and_again_is_beyond_hope_even_while_all_are_ready() -> None:
    entry = {"name": "logger", "ready": True, "restartCount": 2, "lastState": terminated("no space", exit_code=3)}
    assert failure(beside({**entry, "restartCount": 1})) is None
    found = failure(beside(entry))
    assert found == Trouble("ServerCrashed", "container logger ended by itself (Error, exit code 3): no space")


def test_a_native_sidecar_counts_as_a_container_that_runs() -> None:
    entry = {"name": "proxy", "ready": False, "restartCount": 2, "lastState": terminated("", exit_code=0)}
    found = failure(beside(inits=(entry,)))
    assert found == Trouble("ServerCrashed", "container proxy ended by itself (Completed, exit code 0)")
    assert beside(inits=(entry,)).restarts == 2


def test_an_init_container_that_fails_is_named_and_waited_for() -> None:
    entry = {"name": "prepare", "ready": False, "restartCount": 7, "lastState": terminated("no such host", exit_code=1)}
    found = beside(inits=(entry,))
    assert failure(found) is None
    assert found.restarts == 0
    message = "init container prepare failed (Error, exit code 1): no such host"
    assert waiting(found) == Trouble("InitContainerFailed", message)


def test_an_init_container_that_failed_before_it_ended_well_is_past() -> None:
    entry = {"name": "prepare", "ready": True, "state": terminated(), "lastState": terminated("no", exit_code=1)}
    assert waiting(beside(inits=(entry,))) is None
