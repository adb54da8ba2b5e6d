# SPDX-License-Identifier: Apache-2.0
"""NetworkPolicies of model servers and tasks: which pods they select, and what those may reach."""

import pytest
import yaml

from mlops_operator.codegen.generated import ROOT
from mlops_operator.controllers.evaluation import render as evaluation
from mlops_operator.controllers.model import render as model
from mlops_operator.controllers.modeldeployment import names
from mlops_operator.controllers.modelmonitor import render as modelmonitor
from mlops_operator.controllers.modelversion import render as modelversion
from mlops_operator.controllers.shared.naming import child_labels
from mlops_operator.controllers.trainingjob import names as trainingjob
from tests.integration.packaging.rendering import Manifest, manifests, one

NAMESPACE = "workloads.networkPolicy.namespaces={team-a}"
ENABLED = ("workloads.networkPolicy.enabled=true", NAMESPACE)
PARENT = {"kind": "ModelDeployment", "metadata": {"name": "digits", "uid": "1234"}}
TASKS = (evaluation.COMPONENT, modelmonitor.MODULE, modelversion.COMPONENT, model.REMOVAL)
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
        (names.GOLDEN, {"golden"}),
        *((component, {"tasks"}) for component in TASKS),
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


def test_tasks_connect_to_nothing_and_golden_ones_to_dns_and_the_servers() -> None:
    found = policies(*ENABLED)
    assert found["tasks"]["policyTypes"] == found["golden"]["policyTypes"] == ["Ingress", "Egress"]
    assert not {"ingress", "egress"} & found["tasks"].keys()
    assert "ingress" not in found["golden"]
    dns, rule = found["golden"]["egress"]
    assert dns == DNS
    assert rule["ports"] == [{"port": names.PORT_NAME, "protocol": "TCP"}]
    assert rule["to"] == [{"podSelector": found["servers"]["podSelector"]}]


def test_clients_are_limited_and_golden_requests_still_come_through() -> None:
    found = policies(values="all")
    (rule,) = found["servers"]["ingress"]
    golden, client = rule["from"]
    assert golden == {"podSelector": found["golden"]["podSelector"]}
    assert client["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "gateway"}


def test_servers_reach_more_where_the_values_allow_it_and_tasks_do_not() -> None:
    store = {"to": [{"ipBlock": {"cidr": "192.0.2.0/24"}}], "ports": [{"port": 443, "protocol": "TCP"}]}
    found = policies(values="all")
    assert found["servers"]["egress"] == [DNS, store]
    assert store not in found["golden"]["egress"]
    assert "egress" not in found["tasks"]


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


def test_the_example_for_a_namespace_that_denies_by_default_has_the_policies_of_the_chart() -> None:
    documents = yaml.safe_load_all((ROOT / "examples/network-policies.yaml").read_text())
    example = {document["metadata"]["name"]: document["spec"] for document in documents}
    client = "workloads.networkPolicy.clients[0].podSelector.matchLabels.app=digits-client"
    chart = {f"mlops-operator-{name}": policy for name, policy in policies(*ENABLED, client).items()}
    assert example.items() >= chart.items()
    assert example.keys() - chart.keys() == {"default-deny", "client"}
    assert example["default-deny"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    assert example["client"]["egress"] == chart["mlops-operator-golden"]["egress"]
