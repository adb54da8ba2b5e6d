# SPDX-License-Identifier: Apache-2.0
"""What is said of pods whose nodes do not answer."""

import pytest

from mlops_operator.api.conditions import timestamp
from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.shared import lost_nodes
from mlops_operator.controllers.shared.task import TaskPhase, observe_task
from mlops_operator.kube.resources import JOBS, PODS
from tests.unit.controllers.builders import failed_pod, job_started, later, make, pod_of
from tests.unit.controllers.lost import by_the_cluster, deleted, silent

SINCE = timestamp(later(90))
TO_DO = (
    "if the node no longer exists, delete it (kubectl delete node worker-2); if it is shut down, taint it (kubectl"
    " taint node worker-2 node.kubernetes.io/out-of-service=nodeshutdown:NoExecute); delete the pod by force (kubectl"
    " delete pod p --force) only if the node is powered off"
)


def pod(name: str = "p") -> Manifest:
    return make(PODS, name, spec={}, status={"phase": "Running"})


def told(*pods: Manifest, second: float) -> tuple[str, str] | None:
    found = lost_nodes.lost(pods, later(second), follows="it goes on", of=" of revision r")
    return (found.reason, found.message) if found is not None else None


def test_pods_whose_nodes_answer_are_not_lost() -> None:
    assert told(pod(), make(PODS, "bare"), second=1000) is None


def test_a_silent_node_is_told_with_pod_and_time() -> None:
    words = f"node worker-2 of pod p of revision r has not answered since {SINCE}; it goes on"
    assert told(pod("other"), silent(pod(), later(90)), second=91) == ("NodeLost", words)


def test_a_pod_with_a_readiness_gate_does_not_tell() -> None:
    gated = silent(pod(), later(90))
    gated["spec"]["readinessGates"] = [{"conditionType": "example.com/gate"}]
    assert told(gated, second=91) is None


def test_a_container_that_is_not_ready_is_no_sign_of_a_lost_node() -> None:
    unready = silent(pod(), later(90))
    unready["status"]["containerStatuses"].append({"name": "proxy", "ready": False})
    assert told(unready, second=91) is None


def test_it_is_said_what_to_do_once_the_pod_is_late_with_its_end() -> None:
    removed = deleted(silent(pod(), later(90)), later(420))
    assert "it goes on" in str(told(removed, second=449))
    words = (
        f"pod p of revision r should have ended by {timestamp(later(420))}, but node worker-2, which has not answered"
        f" since {SINCE}, does not report that it has: {TO_DO}"
    )
    assert told(removed, second=450) == ("NodeLost", words)


def test_a_pod_that_is_late_on_a_node_that_may_be_heard_is_told_as_well() -> None:
    late = deleted({**pod(), "spec": {"nodeName": "worker-2"}}, later(420))
    assert told(late, second=449) is None
    words = (
        f"pod p of revision r should have ended by {timestamp(later(420))}, but node worker-2 does not report that it"
        " has:"
    )
    assert told(late, second=450) == ("NodeLost", f"{words} {TO_DO}")


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_a_pod_that_has_ended_is_not_late(phase: str) -> None:
    ended = deleted(make(PODS, "p", spec={}, status={"phase": phase}), later(420))
    assert told(ended, second=450) is None
    assert lost_nodes.next_look([ended], later(0)) is None


def test_what_a_person_should_do_comes_first_and_the_words_do_not_follow_the_order_of_pods() -> None:
    one, two = silent(pod("one"), later(90)), silent(pod("two"), later(90))
    assert told(two, one, second=91) == told(one, two, second=91)
    late = deleted(two, later(0))
    assert "pod two of revision r should have ended" in str(told(one, late, second=91))


def test_of_several_ranks_the_first_is_told() -> None:
    job = make(JOBS, "j", spec={})
    ranks = [silent(pod_of(job, index=index), later(90)) for index in (10, 2)]
    assert "of rank 2 (pod j-2-x7k2p) of revision r has" in str(told(*ranks, second=91))


def test_it_is_looked_again_when_the_first_pod_may_be_late() -> None:
    pods = [deleted(pod(), later(100)), deleted(pod(), later(50)), pod()]
    assert lost_nodes.next_look(pods, later(60)) == 20.0
    assert lost_nodes.next_look(pods, later(80)) == 50.0
    assert lost_nodes.next_look(pods, later(130)) is None


# -- tasks ---------------------------------------------------------------------------------------

TASK = make(JOBS, "golden", spec={"backoffLimit": 2})
RUN = pod_of(TASK, phase="Running", main={"running": {}})


def test_a_task_on_a_lost_node_says_so_at_once_and_was_kept_by_nothing_of_its_spec() -> None:
    job = job_started(TASK, at=later(0))
    state = observe_task("u", job, [silent(RUN, later(90))], later(91))
    assert (state.phase, state.reason, state.kept) == (TaskPhase.PENDING, "NodeLost", False)
    assert state.message == (
        f"node worker-2 of pod golden-0-x7k2p has not answered since {SINCE}; the task goes on if the node comes back,"
        " and runs again, which uses up no try, when the cluster has removed the pod"
    )
    assert state.next_look is not None
    assert observe_task("u", job, [silent(RUN, later(90))], later(95)).message == state.message


def test_a_task_whose_pod_a_lost_node_keeps_says_what_to_do() -> None:
    job = job_started(TASK, at=later(0))
    removed = by_the_cluster(deleted(silent(RUN, later(90)), later(420)), later(390))
    state = observe_task("u", job, [removed], later(450))
    assert state.reason == "NodeLost"
    assert "kubectl delete node worker-2" in state.message
    assert "; deleting the pod by force does not help, since its Job waits for its end" in state.message


def test_a_task_on_a_node_that_is_heard_again_says_nothing() -> None:
    running = job_started(TASK, at=later(0), ready=1)
    assert observe_task("u", running, None, later(95)).reason == ""
    assert observe_task("u", job_started(TASK, at=later(0)), [RUN], later(95)).reason == ""


def test_what_failed_before_stays_beside_it() -> None:
    job = job_started(TASK, at=later(0), failed=1)
    first = failed_pod(TASK, '{"reason": "DataNotFound", "message": "nothing there"}', exit_code=4)
    state = observe_task("u", job, [first, silent(RUN, later(90))], later(91))
    assert state.reason == "NodeLost"
    assert state.message.endswith("; try 1 of 3 failed: DataNotFound: nothing there")
