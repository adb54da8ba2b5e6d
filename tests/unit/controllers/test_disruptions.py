# SPDX-License-Identifier: Apache-2.0
"""What took a pod away, from the pod alone: when it was told to go, by whom, and in which words."""

from typing import Any

import pytest

from mlops_operator.api.conditions import timestamp
from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.shared.disruptions import disruption, name_of, silent_since
from tests.unit.controllers.builders import later

TOLD = 25.0
TOLD_AT = timestamp(later(TOLD))


def pod(
    *,
    ended: float | None = None,
    deleted: Manifest | None = None,
    taken: Manifest | None = None,
    node: str = "worker-1",
    **status: Any,
) -> Manifest:
    """A pod made at second 0 that is told to go at second 25, by its deletion or by a condition."""
    metadata = {"name": "p", "creationTimestamp": timestamp(later(0)), **(deleted or {})}
    if ended is not None:
        end = {"exitCode": 0, "finishedAt": timestamp(later(ended))}
        status["containerStatuses"] = [{"name": "main", "state": {"terminated": end}}]
    if taken is not None:
        status["conditions"] = [{"type": "DisruptionTarget", "status": "True", **taken}]
    return {"metadata": metadata, "spec": {"nodeName": node} if node else {}, "status": status}


def words(of: Manifest) -> str:
    return str(disruption(of))


DELETED = {"deletionTimestamp": timestamp(later(TOLD + 30)), "deletionGracePeriodSeconds": 30}
AT_ONCE = {"deletionTimestamp": TOLD_AT}
EVICTION = {"reason": "EvictionByEvictionAPI", "lastTransitionTime": TOLD_AT}
LATER = {"reason": "EvictionByEvictionAPI", "lastTransitionTime": timestamp(later(TOLD + 1))}


def test_a_pod_that_nobody_told_to_go_is_not_disrupted() -> None:
    assert disruption(pod()) is None
    assert disruption(pod(ended=3)) is None
    assert disruption({"metadata": {"name": "p"}}) is None


@pytest.mark.parametrize(
    "told",
    [
        {"deleted": DELETED},
        {"deleted": AT_ONCE},
        {"taken": EVICTION},
        {"taken": EVICTION, "deleted": {**DELETED, "deletionTimestamp": timestamp(later(TOLD + 31))}},
        {"taken": LATER, "deleted": DELETED},
    ],
    ids=["deleted", "deleted without a grace period", "evicted", "evicted, then deleted", "deleted, then evicted"],
)
@pytest.mark.parametrize(("ended", "disrupted"), [(None, True), (24, False), (25, True), (26, True)])
def test_an_end_before_the_pod_was_told_to_go_is_its_own(told: Any, ended: float | None, disrupted: bool) -> None:
    assert (disruption(pod(ended=ended, **told)) is not None) is disrupted


def test_a_container_without_the_time_of_its_end_has_not_ended_before() -> None:
    gone = pod(deleted=DELETED, containerStatuses=[{"name": "main", "state": {"terminated": {"exitCode": 137}}}])
    assert disruption(gone) is not None


def test_a_condition_without_a_time_is_older_than_any_end() -> None:
    assert disruption(pod(ended=0, taken={"reason": "EvictionByEvictionAPI"})) is not None


@pytest.mark.parametrize(
    ("message", "taken", "disrupted"),
    [
        ("The node was low on resource: memory.", None, True),
        ("The node was low on resource: memory.", {"reason": "TerminationByKubelet"}, True),
        ("Pod ephemeral local storage usage exceeds the total limit of containers 1Gi.", None, False),
        (
            "Pod ephemeral local storage usage exceeds the total limit of containers 1Gi.",
            {"reason": "TerminationByKubelet"},
            False,
        ),
    ],
)
def test_an_eviction_by_the_kubelet_is_none_where_the_pod_exceeded_a_limit_of_its_own(
    message: str, taken: Manifest | None, disrupted: bool
) -> None:
    evicted = pod(taken=taken, reason="Evicted", message=message)
    assert (disruption(evicted) is not None) is disrupted
    if disrupted:
        assert words(evicted) == f"Evicted: pod p was ended by the kubelet of node worker-1: {message}"


def test_only_an_eviction_can_be_the_pods_own_fault() -> None:
    shutdown = pod(taken={"reason": "TerminationByKubelet"}, message="Pods exceed the time that is left.")
    assert words(shutdown) == (
        "NodeShutdown: pod p was ended by the kubelet of node worker-1: Pods exceed the time that is left."
    )


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("PreemptionByScheduler", "Preempted: pod p was removed{} to make room for a pod of higher priority"),
        ("EvictionByEvictionAPI", "Evicted: pod p was evicted{}, as a drain of the node does"),
        (
            "DeletionByTaintManager",
            "NodeTainted: pod p was removed{} because the node has a taint it does not tolerate",
        ),
        ("DeletionByPodGC", "NodeLost: pod p was removed{} because the node no longer exists"),
        ("SomethingNew", "SomethingNew: pod p was removed{}: by a rule"),
        ("no reason", "PodDeleted: pod p was removed{}: by a rule"),
    ],
)
@pytest.mark.parametrize("node", ["worker-1", ""])
def test_who_took_it_away_is_in_the_words(condition: str, expected: str, node: str) -> None:
    taken = pod(taken={"reason": condition, "message": "by a rule"}, node=node)
    assert words(taken) == expected.format(" from node worker-1" if node else "")


def test_the_message_of_the_status_comes_before_that_of_the_condition() -> None:
    both = pod(taken={"reason": "SomethingNew", "message": "of the condition"}, message="of the status")
    assert words(both) == "SomethingNew: pod p was removed from node worker-1: of the status"


def test_a_plain_deletion_is_one_by_somebody() -> None:
    assert words(pod(deleted=DELETED)) == "PodDeleted: pod p was deleted from node worker-1 before it had ended"


READY = [{"name": "main", "ready": True}, {"name": "side", "ready": True}]
NOT_READY = {"type": "Ready", "status": "False", "lastTransitionTime": TOLD_AT}


def running(**changes: Any) -> Manifest:
    """A pod whose containers are ready and which is marked as not ready: so the control plane does for its node."""
    made = pod(phase="Running", containerStatuses=READY, conditions=[NOT_READY])
    return {**made, "status": {**made["status"], **changes}}


def test_a_pod_is_silent_since_it_was_marked() -> None:
    assert silent_since(running()) == TOLD_AT


@pytest.mark.parametrize(
    "changes",
    [
        {"phase": "Pending"},
        {"containerStatuses": []},
        {"containerStatuses": [READY[0], {"name": "side", "ready": False}]},
        {"conditions": [{**NOT_READY, "status": "True"}]},
        {"conditions": []},
    ],
    ids=["not running", "no container", "a container is not ready", "ready", "nothing tells"],
)
def test_any_other_pod_is_not_silent(changes: Any) -> None:
    assert silent_since(running(**changes)) is None


def test_a_pod_with_readiness_gates_or_without_a_status_is_not_silent() -> None:
    gated = running()
    gated["spec"]["readinessGates"] = [{"conditionType": "example.test/ready"}]
    assert silent_since(gated) is None
    assert silent_since({"metadata": {"name": "p"}}) is None


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        (
            "DeletionByTaintManager",
            f"NodeLost: pod p was removed from node worker-1, which has not answered since {TOLD_AT}",
        ),
        ("EvictionByEvictionAPI", "Evicted: pod p was evicted from node worker-1, as a drain of the node does"),
    ],
)
def test_a_taint_of_a_silent_node_is_a_lost_node(reason: str, expected: str) -> None:
    taken = {"type": "DisruptionTarget", "status": "True", "reason": reason}
    assert words(running(conditions=[NOT_READY, taken])) == expected


@pytest.mark.parametrize(("index", "expected"), [(None, "pod p"), ("0", "rank 0 (pod p)"), ("1", "rank 1 (pod p)")])
def test_a_pod_of_several_is_named_by_its_rank(index: str | None, expected: str) -> None:
    labels = {} if index is None else {"batch.kubernetes.io/job-completion-index": index}
    assert name_of({"metadata": {"name": "p", "labels": labels}}) == expected
