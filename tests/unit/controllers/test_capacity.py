# SPDX-License-Identifier: Apache-2.0
"""Whether a pod that has no node can ever get one: shortages pass, sizes and selectors do not."""

from decimal import Decimal

import pytest

from mlops_operator.api.meta import Manifest
from mlops_operator.controllers.shared.capacity import judge, requests, short
from mlops_operator.kube.resources import NODES, PODS
from tests.unit.controllers.builders import make

SELECTOR = "node(s) didn't match Pod's node affinity/selector"


def message(*causes: str) -> str:
    parts = ", ".join(f"{number} {cause}" for number, cause in enumerate(causes, start=1))
    return f"0/9 nodes are available: {parts}. preemption: 0/9 nodes are available: 9 Preemption is not helpful."


def pod(cpu: str = "1", *, selector: dict[str, str] | None = None, **more: str) -> Manifest:
    container = {"name": "main", "resources": {"requests": {"cpu": cpu, **more}}}
    return make(PODS, "p", spec={"containers": [container], **({"nodeSelector": selector} if selector else {})})


def node(cpu: str = "4", *, labels: dict[str, str] | None = None, **more: str) -> Manifest:
    found = make(NODES, "n", status={"allocatable": {"cpu": cpu, **more}})
    found["metadata"]["labels"] = labels or {}
    return found


@pytest.mark.parametrize(
    ("causes", "permanent"),
    [
        ([SELECTOR], True),
        (["node(s) had untolerated taint {team: other}"], True),
        (["node(s) had untolerated taint(s)", SELECTOR], True),
        (["node(s) had volume node affinity conflict"], True),
        (["node(s) had untolerated taint {node.kubernetes.io/not-ready: }"], False),
        ([SELECTOR, "node(s) were unschedulable"], False),
        (["Insufficient cpu"], False),
        (["Too many pods"], False),
        (["Insufficient cpu", SELECTOR], False),
        (["node(s) didn't match pod anti-affinity rules"], False),
    ],
)
def test_the_scheduler_says_what_nodes_lack(causes: list[str], permanent: bool) -> None:
    verdict = judge(pod(), message(*causes), nodes=())
    assert verdict.permanent == permanent
    assert all(cause in verdict.message for cause in causes)
    assert "preemption" not in verdict.message


@pytest.mark.parametrize("text", ["", "no nodes available to schedule pods", "0/0 nodes are available: ."])
def test_what_is_not_understood_counts_as_passing(text: str) -> None:
    assert not judge(pod(), text, nodes=[node()]).permanent


@pytest.mark.parametrize(("cpu", "permanent"), [("3999m", False), ("4", False), ("4000m", False), ("4001m", True)])
def test_a_shortage_is_permanent_where_no_node_is_large_enough(cpu: str, permanent: bool) -> None:
    assert judge(pod(cpu), message("Insufficient cpu"), nodes=[node("2"), node("4")]).permanent == permanent


def test_the_message_compares_the_request_with_the_largest_node() -> None:
    verdict = judge(pod("64"), message("Insufficient cpu"), nodes=[node("2"), node("15500m")])
    assert verdict.message == "no node can run the pod: it requests 64 cpu, the largest node has 15.5"


def test_a_resource_that_no_node_has_is_permanent() -> None:
    wanted = pod()
    wanted["spec"]["containers"][0]["resources"] = {"requests": {"nvidia.com/gpu": "1"}}
    verdict = judge(wanted, message("Insufficient nvidia.com/gpu"), nodes=[node()])
    assert verdict.permanent
    assert "it requests 1 nvidia.com/gpu, the largest node has 0" in verdict.message


def test_only_nodes_with_the_labels_of_the_selector_count() -> None:
    nodes = [node("64"), node("2", labels={"pool": "train"})]
    verdict = judge(pod("4", selector={"pool": "train"}), message("Insufficient cpu", SELECTOR), nodes=nodes)
    assert verdict.permanent
    assert "the largest node has 2" in verdict.message
    assert not judge(pod("2", selector={"pool": "train"}), message("Insufficient cpu", SELECTOR), nodes=nodes).permanent


def test_one_node_has_to_have_all_resources() -> None:
    nodes = [node("8", memory="1Gi"), node("1", memory="8Gi")]
    verdict = judge(pod("4", memory="4Gi"), message("Insufficient cpu", "Insufficient memory"), nodes=nodes)
    assert verdict.permanent
    assert "no single node has 4 cpu and 4294967296 memory at once" in verdict.message


def test_requests_are_those_that_the_scheduler_adds_up() -> None:
    wanted = pod("500m", memory="1Gi")
    wanted["spec"]["containers"].append({"name": "b", "resources": {"requests": {"cpu": "0.25"}}})
    wanted["spec"]["initContainers"] = [{"name": "i", "resources": {"requests": {"memory": "2Gi", "cpu": "100m"}}}]
    wanted["spec"]["overhead"] = {"cpu": "250m"}
    assert requests(wanted) == {"cpu": Decimal(1), "memory": Decimal(2) * 1024**3}


def test_nodes_are_read_only_for_a_shortage() -> None:
    assert short(message("Insufficient cpu", SELECTOR))
    assert not short(message(SELECTOR))
    assert not short(None)


def test_a_request_as_large_as_the_largest_node_is_not_beyond_it() -> None:
    nodes = [node("8", memory="1Gi"), node("1", memory="8Gi")]
    verdict = judge(pod("8", memory="4Gi"), message("Insufficient cpu", "Insufficient memory"), nodes=nodes)
    assert verdict.message.startswith("no node can run the pod: no single node has 8 cpu and ")


def test_a_selector_that_no_node_has_the_labels_of_is_permanent() -> None:
    wanted = pod(selector={"pool": "none"})
    verdict = judge(wanted, message("Insufficient cpu", SELECTOR), nodes=[node()])
    assert verdict.permanent
    assert verdict.message == "no node can run the pod: no node has the labels of its nodeSelector"
