"""NetworkPolicies of model servers and tasks: which pods they select, and what those may reach."""

import pytest

from mlops_operator.controllers.evaluation import render as evaluation
from mlops_operator.controllers.modeldeployment import names
from mlops_operator.controllers.modelmonitor import render as modelmonitor
from mlops_operator.controllers.modelversion import render as modelversion
from mlops_operator.controllers.shared.naming import child_labels
from mlops_operator.controllers.trainingjob import names as trainingjob
from tests.integration.packaging.rendering import Manifest, manifests, one

NAMESPACE = "workloads.networkPolicy.namespaces={team-a}"
ENABLED = ("workloads.networkPolicy.enabled=true", NAMESPACE)
PARENT = {"kind": "ModelDeployment", "metadata": {"name": "digits", "uid": "1234"}}
TASKS = (evaluation.COMPONENT, names.GOLDEN, modelmonitor.MODULE, modelversion.COMPONENT)
DNS = {
    "ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}],
    "to": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}}],
}


def policies(*settings: str, values: str = "defaults", namespace: str = "team-a") -> dict[str, Manifest]:
    """The specs of the policies in a workload namespace, by the last word of their names."""
    return {
        manifest["metadata"]["name"].rpartition("-")[2]: manifest["spec"]
        for manifest in manifests("mlops-operator", values, *settings)
        if manifest["kind"] == "NetworkPolicy" and manifest["metadata"]["namespace"] == namespace
    }


def selects(policy: Manifest, component: str) -> bool:
    """Whether a policy is of the pods that the operator makes for `component`."""
    labels = child_labels(PARENT, component=component)
    selector = policy["podSelector"]
    expressions = selector.get("matchExpressions", ())
    assert all(expression["operator"] == "In" for expression in expressions)
    return selector["matchLabels"].items() <= labels.items() and all(
        labels[expression["key"]] in expression["values"] for expression in expressions
    )


def test_there_are_none_by_default() -> None:
    assert not [m for m in manifests("mlops-operator") if m["kind"] == "NetworkPolicy"]


@pytest.mark.parametrize(
    ("component", "expected"),
    [
        (names.SERVER, {"servers"}),
        *((component, {"tasks", "golden"} if component == names.GOLDEN else {"tasks"}) for component in TASKS),
        (trainingjob.COMPONENT, set()),
    ],
)
def test_servers_and_tasks_are_selected_by_the_labels_that_they_have(component: str, expected: set[str]) -> None:
    assert {name for name, policy in policies(*ENABLED).items() if selects(policy, component)} == expected


def test_servers_take_requests_on_their_port_alone_and_reach_dns_alone() -> None:
    policy = policies(*ENABLED)["servers"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert policy["ingress"] == [{"ports": [{"port": names.PORT_NAME, "protocol": "TCP"}]}]
    assert policy["egress"] == [DNS]


def test_tasks_take_no_requests_and_only_golden_ones_reach_servers() -> None:
    found = policies(*ENABLED)
    assert found["tasks"]["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in found["tasks"]
    assert found["tasks"]["egress"] == [DNS]
    assert found["golden"]["policyTypes"] == ["Egress"]
    (rule,) = found["golden"]["egress"]
    assert rule["ports"] == [{"port": names.PORT_NAME, "protocol": "TCP"}]
    assert rule["to"] == [{"podSelector": found["servers"]["podSelector"]}]


def test_clients_are_limited_and_golden_requests_still_come_through() -> None:
    found = policies(values="all")
    (rule,) = found["servers"]["ingress"]
    golden, client = rule["from"]
    assert golden == {"podSelector": found["golden"]["podSelector"]}
    assert client["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "gateway"}


def test_more_can_be_reached_where_the_values_allow_it() -> None:
    store = {"to": [{"ipBlock": {"cidr": "192.0.2.0/24"}}], "ports": [{"port": 443, "protocol": "TCP"}]}
    for name in ("servers", "tasks"):
        assert policies(values="all")[name]["egress"] == [DNS, store]


def test_dns_may_be_anywhere_and_on_other_ports() -> None:
    settings = ("workloads.networkPolicy.dns.to=null", "workloads.networkPolicy.dns.ports={5353}")
    (rule,) = policies(*ENABLED, *settings)["servers"]["egress"]
    assert rule == {"ports": [{"port": 5353, "protocol": "UDP"}, {"port": 5353, "protocol": "TCP"}]}


def test_every_namespace_that_is_served_or_named_has_them() -> None:
    found = policies("workloads.networkPolicy.enabled=true", values="namespaced", namespace="team-b")
    assert set(found) == {"servers", "tasks", "golden"}
    found = policies(*ENABLED, values="namespaced", namespace="team-b")
    assert found == {}
    policy = one(manifests("mlops-operator", "defaults", *ENABLED), "NetworkPolicy", "mlops-operator-servers")
    assert policy["metadata"]["labels"]["app.kubernetes.io/component"] == "operator"
