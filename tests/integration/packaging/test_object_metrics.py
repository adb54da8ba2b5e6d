# SPDX-License-Identifier: Apache-2.0
"""The metrics of single objects: off by default, on a port of their own that one namespace may reach."""

import pytest

from tests.integration.packaging.rendering import manifests, one, template

ON = "metrics.models.enabled=true"


def test_they_are_off_by_default() -> None:
    found = manifests("mlops-operator")
    assert not [manifest for manifest in found if manifest["kind"] == "NetworkPolicy"]
    (container,) = one(found, "Deployment")["spec"]["template"]["spec"]["containers"]
    assert [port["name"] for port in container["ports"]] == ["http"]
    assert not [word for word in container["args"] if "object-metrics" in word]


def test_the_port_is_served_and_scraped() -> None:
    found = manifests("mlops-operator", "all")
    (container,) = one(found, "Deployment")["spec"]["template"]["spec"]["containers"]
    assert "--object-metrics-bind-address=:9091" in container["args"]
    assert {"name": "models", "containerPort": 9091} in container["ports"]
    assert {"name": "models", "port": 9091, "targetPort": "models"} in one(found, "Service")["spec"]["ports"]
    endpoints = {entry["port"]: entry for entry in one(found, "ServiceMonitor")["spec"]["endpoints"]}
    assert endpoints["models"]["honorLabels"] is True
    assert "honorLabels" not in endpoints["http"]


@pytest.mark.parametrize("others", ["networkPolicy.enabled=true", "networkPolicy.enabled=false"])
def test_no_policy_opens_the_port_but_the_one_for_the_monitoring_namespace(others: str) -> None:
    found = manifests("mlops-operator", "defaults", ON, others)
    policies = [manifest for manifest in found if manifest["kind"] == "NetworkPolicy"]
    rules = [rule for policy in policies for rule in policy["spec"].get("ingress", ())]
    assert all(rule.get("ports") for rule in rules)
    (rule,) = [rule for rule in rules if any(entry["port"] == "models" for entry in rule["ports"])]
    assert [entry["port"] for entry in rule["ports"]] == ["models"]
    assert rule["from"] == [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}]
    assert any(entry["port"] == "http" for rule in rules for entry in rule["ports"])
    labels = one(found, "Deployment")["spec"]["template"]["metadata"]["labels"]
    for policy in policies:
        assert policy["spec"]["podSelector"]["matchLabels"].items() <= labels.items()


@pytest.mark.parametrize("value", ["port=8080", "port=80", "namespace=", "namespace=Not_A_Name", "namespaces=x"])
def test_values_that_cannot_work_are_refused(value: str) -> None:
    with pytest.raises(ValueError, match="models"):
        template("mlops-operator", "defaults", ON, f"metrics.models.{value}")
